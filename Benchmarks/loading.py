"""What the load of a large model does to the calls of another: the sentiment model at half of what
it can do, without and with loads of a large model beside it, in turn.

Usage: Benchmarks/loading.sh [--mib 300] [--pairs 5] [--share 0.5] [--seconds 6]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import loaded
import resident
import served
from harness import Home
from registries import set_alias


def loading(server, versions, took):
    """Loads large versions in turn until it is over."""
    def work(over):
        with server.client() as client:
            over.wait(loaded.WARM_UP_SECONDS)
            while not over.is_set():
                set_alias(client, "large", "live", versions[len(took) % 2], timeout=300)
                took.append(1)
    return work


def run(options, home):
    served.configure(home, keep_previous="false")
    server = home.serve()
    with server.client() as client:
        served.publish_sentiment(client)
    large = [served.publish(home, "large", resident.layers(options.mib, seed)) for seed in (1, 2)]
    call = ("--input", f'text={served.json_text(served.TEXTS)}')
    most = loaded.capacity(home, "sentiment", *call)
    rate = round(options.share * most)
    print(f"capacity {most:.0f} answers/s with {loaded.CONNECTIONS} connections x 1; "
          f"calls at {rate}/s", flush=True)
    pairs = []
    for _ in range(options.pairs):
        took = []
        alone = loaded.open_loop(home, "sentiment", rate, options.seconds, *call)
        beside = loaded.open_loop(home, "sentiment", rate, options.seconds, *call,
                                  beside=loading(server, large, took))
        pairs.append((alone, beside))
        print(f"  p99 {alone['latency_us']['p99']:.0f} us without, "
              f"{beside['latency_us']['p99']:.0f} us with {len(took)} loads", flush=True)
    failed, wrong = (sum(loaded.bad(result)[kind] for pair in pairs for result in pair)
                     for kind in (0, 1))
    print(f"{failed} failed, {wrong} wrong")
    loaded.print_failures(result for pair in pairs for result in pair)
    loaded.print_ratios(pairs)
    server.stop()
    return failed + wrong


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mib", type=int, default=300)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--share", type=float, default=0.5)
    options.add_argument("--seconds", type=float, default=6)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        return 1 if run(options, home) else 0


if __name__ == "__main__":
    sys.exit(main())
