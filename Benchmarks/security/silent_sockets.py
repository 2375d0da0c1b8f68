"""New connections beside 1,200 sockets that send nothing, one byte, half a ClientHello or a whole
one, and are opened again as they are closed: the time of a connection with its first answer, and the wait for
the handshake's start by the server's own metric. Usage: Benchmarks/security/silent_sockets.sh"""

import re
import socket
import ssl
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import flooding
from harness import Home

SOCKETS, CALLS, BATCH = 1_200, 40, 200
MOST_SECONDS = 0.5
WAIT = "strongroom_handshake_wait_seconds"
WAIT_SECONDS = 0.1


def client_hello():
    outgoing = ssl.MemoryBIO()
    engine = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a")
    try:
        engine.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def crowd(address, beginning, opened):
    flooding.raise_descriptors()
    live = []
    while True:
        for _ in range(min(BATCH, SOCKETS - len(live))):
            try:
                made = socket.create_connection(address, 2)
                made.sendall(beginning)
                made.setblocking(False)
                live.append(made)
                opened.value += 1
            except OSError:
                break
        kept = []
        for one in live:
            try:
                if one.recv(1):
                    kept.append(one)
                    continue
            except BlockingIOError:
                kept.append(one)
                continue
            except OSError:
                pass
            one.close()
        live = kept
        time.sleep(0.05)


def waits(server, tls):
    """Handshakes, and those that began within `WAIT_SECONDS`, so far."""
    url = f"https://{server.host}:{server.port}/metrics"
    with urllib.request.urlopen(url, context=tls, timeout=30) as answer:
        text = answer.read().decode()
    within = re.search(rf'^{WAIT}_bucket{{le="{WAIT_SECONDS}"}} (\d+)', text, re.M)
    count = re.search(rf"^{WAIT}_count (\d+)", text, re.M)
    return int(count[1]), int(within[1])


def main():
    hello, wrong = client_hello(), False
    beginnings = {"nothing": b"", "one byte": hello[:1], "half a ClientHello": hello[:len(hello) // 2],
                  "a ClientHello": hello}
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        server = home.serve(env={"STRONGROOM_METRICS_LOOPBACK": "open"})
        tls = flooding.context(home, None)
        for name, beginning in beginnings.items():
            address = (server.host, server.port)
            before = waits(server, tls)
            with flooding.beside(crowd, address, beginning) as opened:
                time.sleep(3)
                took, first, began = [], opened.value, time.monotonic()
                for _ in range(CALLS):
                    at = time.monotonic()
                    assert server.answers()
                    took.append(time.monotonic() - at)
                    time.sleep(0.05)
                rate = (opened.value - first) / (time.monotonic() - began)
            after = waits(server, tls)
            count, within = (late - early for late, early in zip(after, before))
            print(f"{SOCKETS} sockets, {name}: {rate:.0f} opened a second; {CALLS} connections with a "
                  f"Health.Check: at most {max(took) * 1e3:.0f} ms; {within} of {count} handshakes "
                  f"began within {WAIT_SECONDS * 1e3:.0f} ms", flush=True)
            # A crowd of whole ClientHellos is work of its own, and waits for itself.
            wrong |= max(took) > MOST_SECONDS or beginning != hello and within < count
    return wrong


if __name__ == "__main__":
    sys.exit(main())
