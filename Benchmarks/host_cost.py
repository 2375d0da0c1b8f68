"""The cost of an engine host: the same model in the server's process and in a host of its own, both on
one server, in turn. Prints a table of medians: answers a second, processor time of the server and its
hosts an answer, latencies, and what the host adds.

Usage: Benchmarks/hosts.sh [--pairs 5] [--seconds 4]
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import hosts
import loaded
import measured
import served
from harness import Home

CARD = "format: 1\nengine: onnxruntime\nentry: model.onnx\nisolation: {}\n"
PLACES = {"server": "none", "host": "process"}
# Model, connections, calls under way on each.
LOADS = (("mlp", 64, 1), ("mlp", 1, 64), ("mlp", 1, 1), ("copy", 8, 1))
TITLES = {"mlp": "4-8-3 MLP", "copy": "1 MiB in and out"}
MOST_MORE_CPU_US, LEAST_RATE = 12, 0.6  # of the first load


def publish(home, server, folder):
    """Each model twice; the hosts that serve are those of the models that ask for one."""
    measured.write(folder)
    models = dict.fromkeys(model for model, *_ in LOADS)
    for model in models:
        data = (folder / f"{model}.onnx").read_bytes()
        for place, isolation in PLACES.items():
            served.publish(home, f"{model}-{place}", {
                "model.onnx": data, "model.yaml": CARD.format(isolation).encode()})
    running = len(hosts.serving(server))
    if running != len(models):
        raise SystemExit(f"{running} engine hosts serve, expected {len(models)}")


def measure(home, model, seconds, connections, depth, turn):
    """One run in the server and one in a host; each comes first in each second pair."""
    order = list(PLACES) if turn % 2 == 0 else list(reversed(PLACES))
    runs = {place: loaded.bench(home, f"{model}-{place}", seconds, "--depth", depth,
                                connections=connections) for place in order}
    return tuple(runs[place] for place in PLACES)


def median(runs, value):
    return statistics.median(value(run) for run in runs)


def print_load(model, connections, depth, pairs):
    """A row for each place, and what the host adds as the median of the pairs."""
    for place, runs in zip(PLACES, zip(*pairs)):
        print(f"| {TITLES[model]}, {connections} x {depth}, {place} "
              f"| {median(runs, lambda run: run['answers_per_second']):,.0f} "
              f"| {median(runs, cpu):.1f} "
              f"| {median(runs, lambda run: run['latency_us']['p50']):,.0f} "
              f"| {median(runs, lambda run: run['latency_us']['p99']):,.0f} |", flush=True)
    more = statistics.median(cpu(hosted) - cpu(own) for own, hosted in pairs)
    rate = statistics.median(hosted["answers_per_second"] / own["answers_per_second"]
                             for own, hosted in pairs)
    return more, rate


def cpu(run):
    return run["server_cpu_us_per_answer"]


def run(options, home, folder):
    served.configure(home, isolation="{minimum: none}")
    server = home.serve(env={"STRONGROOM_LOG_LEVEL": "error"})
    publish(home, server, folder)
    print("| load, place | answers/s | CPU an answer, µs | p50, µs | p99, µs |\n"
          "|---|---|---|---|---|")
    failed, added = 0, []
    for model, connections, depth in LOADS:
        pairs = [measure(home, model, options.seconds, connections, depth, turn)
                 for turn in range(options.pairs)]
        failed += sum(sum(result["failures"].values()) + result["unanswered"]
                      for pair in pairs for result in pair)
        added.append((model, connections, depth, *print_load(model, connections, depth, pairs)))
    print(f"\nA host adds, as the median of {options.pairs} pairs:")
    for model, connections, depth, more, rate in added:
        print(f"{TITLES[model]}, {connections} x {depth}: {more:+.1f} µs of CPU an answer, "
              f"{rate:.2f} times the answers/s")
    print(f"Asked of the first: at most {MOST_MORE_CPU_US} µs, at least {LEAST_RATE}.")
    print(f"{failed} calls failed")
    server.stop()
    return failed


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--seconds", type=float, default=4)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        return 1 if run(options, home, Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main())
