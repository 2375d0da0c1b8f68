"""Callers of a model whose runs take a second, and the calls of another model one after another.

Prints p50 of the other model alone and beside them. Exit 1: p50 beside them is 5 ms or more.

Usage: Benchmarks/measure.sh security/long-runs [--calls 300] [--callers 2] [--run-seconds 1]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import models
import shares
from harness import Home
from strongroom_models import publish_bundle

MOST_MS = 5


def run(options, home):
    (home.folder / "strongroom.yaml").write_text(shares.CONFIGURATION)
    for name in ("long", "other"):
        home.add_client(name, "predictor")
    server = home.serve()
    with server.client() as admin, server.client("other") as other:
        publish_bundle(admin, "counter", shares.counting())
        publish_bundle(admin, "wide", {"model.onnx": models.mlp(seed=2, widths=(768, 3072, 768))})
        inputs = shares.number(shares.rounds(admin, "counter", options.run_seconds))
        row = {"x": models.rows(seed=3, width=768)}
        alone, _ = shares.one_after_another(other, "wide", row, options.calls, pause=0.005)
        print("alone:  p50 %.2f ms, p99 %.2f ms" % shares.percentiles(alone), flush=True)
        with shares.Flood(server, "long", "counter", inputs, options.callers, 1):
            beside, failed = shares.one_after_another(other, "wide", row, options.calls,
                                                      pause=0.005)
        p50 = shares.percentiles(beside)[0]
        print("beside: p50 %.2f ms, p99 %.2f ms" % shares.percentiles(beside)
              + f", {failed} of {options.calls} failed")
    server.stop()
    return failed > 0 or p50 >= MOST_MS


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=300)
    options.add_argument("--callers", type=int, default=2)
    options.add_argument("--run-seconds", type=float, default=1)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        return int(run(options, home))


if __name__ == "__main__":
    sys.exit(main())
