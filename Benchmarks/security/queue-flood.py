"""A flood of one principal on one model, and the calls of another principal one after another.

Prints p50 and p99 of the modest principal alone and beside the flood, and how many were refused.
Exit 1: one was refused, or p99 is more than 4 times that alone.

Usage: Benchmarks/measure.sh security/queue-flood [--calls 200] [--run-ms 8] [--connections 50]
       [--depth 256]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import shares
from harness import Home
from strongroom_models import publish_bundle

MOST = 4


def run(options, home):
    (home.folder / "strongroom.yaml").write_text(shares.CONFIGURATION)
    for name in ("flood", "modest"):
        home.add_client(name, "predictor")
    server = home.serve()
    with server.client() as admin, server.client("modest") as modest:
        publish_bundle(admin, "counter", shares.counting())
        inputs = shares.number(shares.rounds(admin, "counter", options.run_ms / 1e3))
        alone, _ = shares.one_after_another(modest, "counter", inputs, options.calls)
        print("alone:  p50 %.1f ms, p99 %.1f ms" % shares.percentiles(alone), flush=True)
        with shares.Flood(server, "flood", "counter", inputs, options.connections, options.depth):
            beside, refused = shares.one_after_another(modest, "counter", inputs, options.calls)
        ratio = shares.percentiles(beside)[1] / shares.percentiles(alone)[1]
        print("beside: p50 %.1f ms, p99 %.1f ms" % shares.percentiles(beside)
              + f" ({ratio:.1f} x), {refused} of {options.calls} refused")
    server.stop()
    return refused > 0 or ratio > MOST


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--calls", type=int, default=200)
    options.add_argument("--run-ms", type=float, default=8)
    options.add_argument("--connections", type=int, default=50)
    options.add_argument("--depth", type=int, default=256)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        return int(run(options, home))


if __name__ == "__main__":
    sys.exit(main())
