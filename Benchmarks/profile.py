"""Picks the parts of a request from callgrind's call tree on standard input; see profile.sh."""

import re
import sys

# What is printed: a function, with all that it calls, and what it stands for.
PARTS = [
    ("SelectableEventLoop.run()", "all of it"),
    ("TLSHandler.decrypt(_:maxRecords:)", "decryption"),
    ("ServerConnectionHandler.channelRead(context:data:)", "from bytes to a request that waits"),
    ("RequestEnvelope.init(decoding:limits:)", "  envelope"),
    ("specialized ScannedMessage.init(decoding:)", "  message"),
    ("Caller.authorize(_:on:method:)", "  grants"),
    ("ModelHost.predict(_:on:)", "  version, admission, queue"),
    ("LoopRunner.run()", "the run, and its answers"),
    ("OnnxModel.run(_:outputs:into:stop:)", "  the model"),
    ("PredictionService.answer(_:_:model:requestID:)", "  the answer, written"),
    ("FlushRound.end()", "sending"),
    ("TLSConnection.write(_:)", "  encryption"),
    ("malloc", "in all of these: malloc"),
    ("swift_retain", "in all of these: retain"),
    ("swift_beginAccess", "in all of these: exclusive access"),
]


def main():
    tree = sys.stdin.read()
    counts = {}
    for line in tree.splitlines():
        match = re.match(r"\s*([\d,]+) \([\s\d.]+%\)  \*  .*?:([^:\[]*(?::[^:\[]*)*) \[", line)
        if match:
            name = match.group(2).strip()
            counts[name] = max(counts.get(name, 0), int(match.group(1).replace(",", "")))
    requests = re.search(r"\((\d[\d,]*)x\)[^\n]*\n[^\n]*\*  [^\n]*RequestID\.make\(\)", tree)
    if not requests:
        sys.exit("no request was seen while instructions were counted")
    requests = int(requests.group(1).replace(",", ""))
    print(f"{requests} requests; user instructions a request:")
    for function, what in PARTS:
        found = [count for name, count in counts.items() if name.endswith(function)]
        print(f"{max(found, default=0) // requests:>8,}  {what}")


if __name__ == "__main__":
    main()
