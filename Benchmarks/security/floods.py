"""A predictor's latency beside floods over 50 connections, with and without a certificate, and
beside as many ordinary callers. Usage: Benchmarks/security/floods.sh [--seconds 5] [FLOOD ...]"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import flooding
from harness import Home

CONNECTIONS = 50


def cases(home, address, names):
    """Name, whether it has a certificate, and the flood with its arguments."""
    for kind in (None, "caller"):
        for name, more in flooding.FLOODS.items():
            yield name, kind, (flooding.flood, home, address, kind, more, CONNECTIONS)
        yield "small-records", kind, (flooding.small_records, home, address, kind, CONNECTIONS)
        yield "handshakes", kind, (flooding.handshakes, home, address, kind)
    yield "connects", None, (flooding.connects, home, address, None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("floods", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Home(Path(folder) / "home") as home:
        home.add_client("caller", "predictor")
        home.add_client("modest", "predictor")
        server = home.serve(env={"STRONGROOM_METRICS_LOOPBACK": "open"})
        address = (server.host, server.port)
        with server.client() as admin, server.client("modest") as modest:
            flooding.publish(admin)
            print(f"{'alone':32} {flooding.line(flooding.latencies(modest, options.seconds))}")
            with flooding.beside(flooding.ordinary, home, address, "caller", CONNECTIONS):
                time.sleep(2)
                took = flooding.latencies(modest, options.seconds)
            base = statistics.median(took)
            print(f"{f'{CONNECTIONS} ordinary callers':32} {flooding.line(took)}", flush=True)
            worst = 0
            for name, kind, flood in cases(home, address, options.floods):
                if options.floods and name not in options.floods:
                    continue
                with flooding.beside(*flood) as counter:
                    time.sleep(2)
                    took = flooding.latencies(modest, options.seconds)
                ratio = statistics.median(took) / base
                worst = max(worst, ratio)
                label = f"{name}, {'certified' if kind else 'anonymous'}"
                print(f"{label:32} {flooding.line(took)}, {ratio:.1f} times, "
                      f"{counter.value} closed", flush=True)
                time.sleep(1)
        print(f"at most {worst:.1f} times the p50 beside ordinary callers (at most 3 expected)")
        return worst > 3


if __name__ == "__main__":
    sys.exit(main())
