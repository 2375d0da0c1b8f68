"""Resident memory of a server before, with and after a large model, and over many swaps of a small
one. Usage: Benchmarks/memory.sh [--mib 300] [--swaps 1000] [--rounds 3]"""

import argparse
import sys
import tempfile
from pathlib import Path

import resident
import served
from harness import Home, wait_until
from registries import set_alias
from strongroom_models import predict

SETTLE_SECONDS = 10
MIB = resident.MIB


def large(kind, mib, seed):
    """`matmul`: weights that the runtime brings into another form. `gather`: as they are."""
    return resident.layers(mib, seed) if kind == "matmul" else resident.table(mib, seed)


def print_large(home, server, client, kind, mib, rounds):
    print(f"{kind}, {mib} MiB in one file: resident MiB")
    print(f"{'':4}{'before':>8}{'peak':>8}{'loaded':>8}{'after':>8}{'kept by nobody':>16}")
    for turn in range(1, rounds + 1):
        model = f"{kind}-{turn}"
        bundle = large(kind, mib, turn)
        before = resident.settled(server.pid)
        resident.forget_peak(server.pid)
        version = served.publish(home, model, bundle)
        del bundle
        for _ in range(20):
            predict(client, model, resident.row(kind))
        peak, loaded = resident.peak(server.pid), resident.settled(server.pid)
        home.command("alias", "delete", model, "live")
        home.command("delete", model, version)
        wait_until(lambda: not served.loaded_bytes(server, model), SETTLE_SECONDS, "the unload")
        after = resident.settled(server.pid)
        left = after - before
        print(f"{turn:<4}{before / MIB:8.0f}{peak / MIB:8.0f}{loaded / MIB:8.0f}{after / MIB:8.0f}"
              f"{left / MIB:10.1f} {100 * left / (mib * MIB):4.1f}%", flush=True)


def print_drift(server, client, swaps):
    versions = served.publish_sentiment(client)
    step = max(swaps // 10, 1)
    first = None
    print(f"\n{swaps} swaps of the sentiment model, each a load: resident MiB")
    for done in range(swaps + 1):
        set_alias(client, "sentiment", "live", versions[done % 2])
        predict(client, "sentiment", {"text": served.TEXTS[:1]})
        if done % step == 0:
            now = resident.settled(server.pid)
            # The first tenth is the server's own growth to what it needs.
            first = now if done == step else first
            print(f"{done:>6}{now / MIB:8.1f}", flush=True)
    print(f"drift from the first tenth to the end: {(now - first) / MIB:.1f} MiB; "
          f"loads counted: {served.loads(server)}")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mib", type=int, default=300)
    options.add_argument("--swaps", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        served.configure(home, keep_previous="false")
        server = home.serve()
        with server.client() as client:
            for kind in ("matmul", "gather"):
                print_large(home, server, client, kind, options.mib, options.rounds)
            print_drift(server, client, options.swaps)
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
