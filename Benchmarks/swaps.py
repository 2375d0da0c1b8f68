"""Swaps under load: an alias goes to and fro between two versions of the sentiment model while calls
come at a fixed rate. Pairs of runs, without and with swaps, in turn; ratios are medians of the pairs.

Usage: Benchmarks/swaps.sh [--swaps 1000] [--pairs 5] [--share 0.7] [--pause-ms 50] [--warm]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import loaded
import resident
import served
from harness import Home
from registries import set_alias
from strongroom_models import predict

RUN_IN_SWAPS = 20


class Mover:
    """Moves the alias to and fro, each move waited for."""

    def __init__(self, server, versions, pause_seconds):
        self.server, self.versions, self.pause = server, versions, pause_seconds
        self.moves, self.took = 0, []

    def move(self, client):
        began = time.monotonic()
        set_alias(client, "sentiment", "live", self.versions[self.moves % 2])
        self.took.append(time.monotonic() - began)
        self.moves += 1

    def times(self, count):
        """What moves so many times, unless it is over before."""
        def moving(over):
            with self.server.client() as client:
                over.wait(loaded.WARM_UP_SECONDS)
                for _ in range(count):
                    if over.is_set():
                        return
                    self.move(client)
                    over.wait(self.pause)
        return moving


def known_answers(server, versions):
    """What each version says, through the alias; they differ, or nothing could be told apart."""
    answers = {}
    with server.client() as client:
        for version in versions:
            set_alias(client, "sentiment", "live", version)
            named, outputs = predict(client, "sentiment", {"text": served.TEXTS})
            assert named == version
            answers[version] = outputs["positive_probability"].tobytes()
    assert len(set(answers.values())) == len(versions), "two versions answer alike"
    return answers


def run(options, home):
    served.configure(home, keep_previous="true" if options.warm else "false")
    server = home.serve()
    with server.client() as client:
        versions = served.publish_sentiment(client)
        mover = Mover(server, versions, options.pause_ms / 1e3)
        for _ in range(RUN_IN_SWAPS):
            mover.move(client)
    before = known_answers(server, versions)
    call = ("--input", f'text={served.json_text(served.TEXTS)}')
    most = loaded.capacity(home, "sentiment", *call)
    rate = round(options.share * most)
    print(f"capacity {most:.0f} answers/s with {loaded.CONNECTIONS} connections x 1; "
          f"calls at {rate}/s", flush=True)

    each = -(-options.swaps // options.pairs)
    seconds = max(each * (options.pause_ms + options.swap_ms) / 1e3, 2)
    mover.moves, mover.took, moves = 0, [], 0
    loads, held = served.loads(server), resident.settled(server.pid)
    pairs = []
    for _ in range(options.pairs):
        alone = loaded.open_loop(home, "sentiment", rate, seconds, *call)
        began = mover.moves
        beside = loaded.open_loop(home, "sentiment", rate, seconds, *call,
                                  beside=mover.times(each))
        pairs.append((alone, beside))
        moves += mover.moves - began
        print(f"  p99 {alone['latency_us']['p99']:.0f} us without, "
              f"{beside['latency_us']['p99']:.0f} us with {mover.moves - began} swaps", flush=True)
    loads, drift = served.loads(server) - loads, resident.settled(server.pid) - held
    failed = sum(loaded.bad(result)[0] for pair in pairs for result in pair)
    wrong = sum(loaded.bad(result)[1] for pair in pairs for result in pair)
    answers = sum(result["answers"] for pair in pairs for result in pair)
    assert known_answers(server, versions) == before, "a version answers otherwise than before"
    took = sorted(mover.took)
    print(f"{moves} swaps, {loads} loads counted, "
          f"{1e3 * took[len(took) // 2]:.0f} ms a move (median), {1e3 * took[-1]:.0f} ms at most")
    print(f"{answers} answers, {failed} failed, {wrong} wrong")
    loaded.print_failures(result for pair in pairs for result in pair)
    loaded.print_ratios(pairs)
    print(f"resident memory {held / resident.MIB:.1f} MiB, drift {drift / resident.MIB:.1f} MiB")
    server.stop()
    return failed + wrong


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--swaps", type=int, default=1000)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--share", type=float, default=0.7)
    options.add_argument("--pause-ms", type=float, default=50)
    options.add_argument("--swap-ms", type=float, default=50, help="what a move is expected to take")
    options.add_argument("--warm", action="store_true", help="keep_previous on: no move loads")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        return 1 if run(options, home) else 0


if __name__ == "__main__":
    sys.exit(main())
