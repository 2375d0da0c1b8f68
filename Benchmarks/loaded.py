"""Load on a served registry, by `strongroom bench`, with something else going on beside it."""

import collections
import json
import statistics
import subprocess
import threading

from harness import BINARY

CONNECTIONS = 64
WARM_UP_SECONDS = 1


def bench(home, model, seconds, *options, connections=CONNECTIONS):
    """One run; what it measured."""
    command = [str(BINARY), "bench", model, "--home", str(home.folder), "--format", "json",
               "--connections", str(connections), "--duration", str(seconds),
               "--warm-up", str(WARM_UP_SECONDS), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def capacity(home, model, *options, seconds=4):
    """Answers a second of the closed loop."""
    return bench(home, model, seconds, *options)["answers_per_second"]


def open_loop(home, model, rate, seconds, *options, beside=None):
    """A run at a fixed rate; `beside` is called with an event that is set when it is over."""
    over = threading.Event()
    failures = []

    def work():
        try:
            beside(over)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)

    thread = threading.Thread(target=work) if beside else None
    if thread:
        thread.start()
    try:
        return bench(home, model, seconds, "--rate", rate, "--check", *options)
    finally:
        over.set()
        if thread:
            thread.join()
            if failures:
                raise failures[0]


def bad(result):
    """Calls that failed or were not answered, and answers that were wrong."""
    failed = sum(result["failures"].values()) + result["unanswered"] + result["not_made"]
    return failed, result["wrong"]


def print_failures(results):
    """By code, where there are any."""
    counts = collections.Counter()
    for result in results:
        counts.update(result["failures"])
        counts["no answer"] += result["unanswered"]
        counts["not made, too many were under way"] += result["not_made"]
    for kind, count in (+counts).items():
        print(f"  failed: {count} {kind}")


def quantiles(result):
    latency = result["latency_us"]
    return latency["p50"], latency["p99"], latency["p99_9"]


def print_ratios(pairs):
    """`pairs`: of results without and with something beside them."""
    for index, name in enumerate(("p50", "p99", "p99.9")):
        without = [quantiles(pair[0])[index] for pair in pairs]
        beside = [quantiles(pair[1])[index] for pair in pairs]
        ratios = [b / a for a, b in zip(without, beside)]
        print(f"{name}: {statistics.median(without):.0f} us without, "
              f"{statistics.median(beside):.0f} us with; ratio {statistics.median(ratios):.2f} "
              f"(median of {', '.join(f'{ratio:.2f}' for ratio in ratios)})")
