"""Strongroom alone, on its release build: small, wide and large calls, and idle connections.

`Benchmarks/bench.sh [--seconds N] [--idle CONNECTIONS] [--json FILE]` prints one table. Client and
server share the machine's cores."""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import measured
from servers import BUILT, STRONGROOM, Home, Strongroom

LOADS = (  # model, connections, calls under way on each
    ("mlp", 1, 1), ("mlp", 8, 1), ("mlp", 64, 1), ("mlp", 1, 64), ("wide", 8, 1), ("wide", 64, 1),
    ("copy", 4, 1))
TITLES = {"mlp": "4-8-3 MLP", "wide": "768-3072-768 MLP", "copy": "1 MiB in and out"}
BESIDE_IDLE = 1_000  # calls a second on eight connections, beside those that are idle


def load(home, model, connections, seconds, *pace):
    done = subprocess.run(
        [STRONGROOM, "bench", model, "--home", home.folder, "--connections", str(connections),
         "--duration", str(seconds), "--warm-up", "1", "--format", "json", *map(str, pace)],
        stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"bench {model}: not every call was answered: {done.stdout}")
    return json.loads(done.stdout)


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024


def calls_beside_idle(home, seconds):
    return load(home, "mlp", 8, seconds, "--rate", BESIDE_IDLE)


def measure_idle(home, count, seconds):
    """What idle connections take, and calls on other connections without and with them."""
    with Strongroom(home, None) as server:
        without = calls_beside_idle(home, seconds)
        before = resident_bytes(server.pid)
        holder = subprocess.Popen(
            [BUILT / "hold", str(server.port), home.tls / "ca.pem", str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if not holder.stdout.readline():
            raise SystemExit("the idle connections could not be opened")
        each = (resident_bytes(server.pid) - before) / count
        beside = calls_beside_idle(home, seconds)
        holder.stdin.close()
        holder.wait()
    return {"connections": count, "bytes_each": each, "without": without, "beside": beside}


def row(title, run):
    latency, answers = run["latency_us"], run["answers_per_second"]
    cpu = run["server_cpu_us_per_answer"]
    payload = (run["bytes_sent"] + run["bytes_received"]) / 1e9 / run["server_cpu_seconds"]
    return (f"| {title} | {answers:,.0f} | {cpu:.1f} | {latency['p50']:,.0f} | "
            f"{latency['p99']:,.0f} | {payload:.2f} | {run['server_resident_bytes'] / 1e6:.0f} |")


def print_table(loads, idle):
    print("| load | answers/s | server CPU an answer, µs | p50, µs | p99, µs "
          "| GB both ways a second of server CPU | resident MB |")
    print("|---|---|---|---|---|---|---|")
    for (model, connections, depth), run in loads:
        print(row(f"{TITLES[model]}, {connections} x {depth}", run))
    print(row(f"4-8-3 MLP, {BESIDE_IDLE:,} calls/s over 8", idle["without"]))
    print(row(f"the same beside {idle['connections']:,} idle connections", idle["beside"]))
    print(f"\nAn idle TLS connection: {idle['bytes_each'] / 1024:.1f} KiB of resident memory "
          f"(at most 39.1, which is 40 KB).")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "models"
        made.mkdir()
        measured.write(made)
        home = Home(folder, made)
        loads = []
        for model, connections, depth in LOADS:
            with Strongroom(home, model):
                run = load(home, model, connections, options.seconds, "--depth", depth)
            loads.append(((model, connections, depth), run))
        idle = measure_idle(home, options.idle, options.seconds)
    print_table(loads, idle)
    if options.json:
        options.json.write_text(json.dumps(
            {"loads": [run for _, run in loads], "idle": idle}, indent=1))


if __name__ == "__main__":
    main()
