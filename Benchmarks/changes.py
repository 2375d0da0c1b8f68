"""The time of a change, beside how many models the registry has.

Moves one alias between two versions, one move after another, on a registry of few models and on one of
many; prints p50 and p99 of a move in milliseconds, and the server's processor time of one.

Usage: Benchmarks/measure.sh changes [--models 2000] [--moves 1000]
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import models
from harness import Home
from strongroom_client import registry
from strongroom_models import publish_bundle

FEW = 10


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def moves(server, client, count):
    """Seconds of each move, and processor seconds of one."""
    took, began_cpu = [], cpu_seconds(server.pid)
    for number in range(count):
        began = time.perf_counter()
        client.call("Registry", "SetAlias", registry.SetAliasRequest(
            model="moved", alias="next", version=1 + number % 2))
        took.append(time.perf_counter() - began)
    return took, (cpu_seconds(server.pid) - began_cpu) / count


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=2000)
    options.add_argument("--moves", type=int, default=1000)
    options = options.parse_args()
    bundle = {"model.onnx": models.mlp(seed=1)}
    print("| models | p50, ms | p99, ms | server CPU, ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        server, made = home.serve(), 1
        with server.client() as client:
            for _ in range(2):
                publish_bundle(client, "moved", bundle, alias="")
            for wanted in (FEW, options.models):
                while made < wanted:
                    publish_bundle(client, f"other-{made}", bundle, alias="")
                    made += 1
                took, cpu = moves(server, client, options.moves)
                parts = statistics.quantiles(took, n=100)
                print(f"| {made} | {parts[49] * 1e3:.2f} | {parts[98] * 1e3:.2f} | {cpu * 1e3:.2f} |",
                      flush=True)
        server.stop()


if __name__ == "__main__":
    main()
