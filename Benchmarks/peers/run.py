"""Strongroom beside its peers: the same client, TLS, cores and models, one server after another.

`Benchmarks/peers/run.sh [--seconds N] [--json FILE] [CASE...]` prints tables and the ratios
that are asked for. Cases: small, pipelined, wide, large, idle; none named: all."""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import measured  # noqa: E402
from servers import BUILT, Echo, Go, Grpc, Home, Python, Strongroom, runtime  # noqa: E402

MIB = 1 << 20
ALL = (Echo, Strongroom, Grpc, Go, Python)
PAIRS = 5  # of the idle connection
VOID = (17.2 / 7.3, 0.25)  # gRPC C++'s processor time by the echo's, and how far from it is too far


@dataclass
class Case:
    title: str
    model: str
    servers: tuple
    connections: int = 1
    depth: int = 1
    echo: tuple = (200, 200)


CASES = {
    "small": Case("4-8-3 MLP, 64 connections x 1", "mlp", ALL, connections=64),
    "pipelined": Case("4-8-3 MLP, 1 connection x 64", "mlp", ALL, depth=64),
    "wide": Case("768-3072-768 MLP, 64 connections x 1", "wide", (Strongroom, Grpc, Python),
                 connections=64),
    "large": Case("1 MiB in and out, 4 connections x 1", "copy", ALL, connections=4,
                  echo=(MIB, MIB)),
    "idle": Case("4-8-3 MLP, 1 connection x 1", "mlp", (Echo, Strongroom) * PAIRS
                 + (Grpc, Go, Python)),
}


def measure(kind, case, home, seconds):
    """What the load says of one server; None for a server whose answers are not right."""
    options = {"sizes": case.echo} if kind is Echo else {}
    widths = measured.WIDTHS[case.model]
    with kind(home, case.model, **options) as server:
        command = [BUILT / "load", "--protocol", kind.protocol, "--port", server.port, "--pid",
                   server.pid, "--ca", home.tls / "ca.pem", "--cert",
                   home.tls / "clients/admin.pem", "--key", home.tls / "clients/admin-key.pem",
                   "--connections", case.connections, "--depth", case.depth, "--duration", seconds,
                   "--model", case.model, "--shape", f"1,{widths[0]}", "--outputs", widths[-1],
                   "--request", case.echo[0], "--reply", case.echo[1]]
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{case.title}, {kind.name}: the load failed")
    return {"server": kind.name, **json.loads(done.stdout)}


def check_samples(title, rows):
    """Every server has to have given the same answer."""
    samples = [row["sample"] for row in rows if row["sample"]]
    for sample in samples[1:]:
        for a, b in zip(samples[0], sample):
            if abs(a - b) > 1e-3 * (1 + abs(a)):
                raise SystemExit(f"{title}: the servers' answers differ: {samples}")


def middle(rows):
    """Of runs of one server, the one whose median latency is the median."""
    return sorted(rows, key=lambda row: row["p50_us"])[len(rows) // 2]


def run_case(case, home, seconds):
    rows = [measure(kind, case, home, seconds) for kind in case.servers]
    check_samples(case.title, rows)
    by_name = {}
    for row in rows:
        by_name.setdefault(row["server"], []).append(row)
    return {name: middle(runs) for name, runs in by_name.items()}


def print_table(title, rows):
    print(f"\n### {title}\n")
    print("| server | requests/s | server CPU a request, µs | the client's | p50, µs | p99, µs "
          "| resident MB |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | {row['per_second']:,.0f} | {row['server_cpu_us']:.1f} "
              f"| {row['client_cpu_us']:.1f} | {row['p50_us']:,.0f} | {row['p99_us']:,.0f} "
              f"| {row['server_rss_mb']:.0f} |")


def model_microseconds(home):
    done = subprocess.run([BUILT / "grpc", "--time", runtime(), home.models / "mlp.onnx", "1"],
                          stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) / 1000


def ratios(results, home):
    """(what, measured, what is asked for, whether it is met) of the cases that ran."""
    echo, ours, grpc = Echo.name, Strongroom.name, Grpc.name

    def cpu(case, server):
        return results[case][server]["server_cpu_us"]

    def rate(case, server):
        return results[case][server]["per_second"]

    def at_most(what, value, bound):
        return what, f"{value:.2f}", f"at most {bound:.2f}", value <= bound

    def at_least(what, value, bound):
        return what, f"{value:.2f}", f"at least {bound:.2f}", value >= bound

    if "small" in results:
        yield at_most("small: CPU a request by the echo's",
                      cpu("small", ours) / cpu("small", echo), 1.8)
        yield at_least("small: requests/s by gRPC C++'s",
                       rate("small", ours) / rate("small", grpc), 1.3)
    if "pipelined" in results:
        if "small" in results:
            yield at_most("pipelined: CPU a request by the echo's at 64 x 1",
                          cpu("pipelined", ours) / cpu("small", echo), 0.7)
        yield at_least("pipelined: requests/s by gRPC C++'s",
                       rate("pipelined", ours) / rate("pipelined", grpc), 4)
    if "wide" in results:
        yield at_most("wide: CPU a request by gRPC C++'s",
                      cpu("wide", ours) / cpu("wide", grpc), 1 / 3)
        yield at_least("wide: requests/s by gRPC C++'s",
                       rate("wide", ours) / rate("wide", grpc), 2.5)
    if "large" in results:
        yield at_least("large: GB of payload a second of server CPU",
                       2 * MIB / 1e3 / cpu("large", ours), 1.5)
    if "idle" in results:
        model = model_microseconds(home)
        allowed = 1.2 * results["idle"][echo]["p50_us"] + model
        yield at_most(f"idle: p50 in µs; 1.2 x the echo's and {model:.1f} of the model",
                      results["idle"][ours]["p50_us"], allowed)


def print_ratios(results, home):
    print("\n### Ratios\n\n| what | measured | asked | met |\n|---|---|---|---|")
    lines = list(ratios(results, home))
    for what, measured, asked, met in lines:
        print(f"| {what} | {measured} | {asked} | {'yes' if met else 'no'} |")
    void = None  # not known
    if "small" in results:
        small = results["small"]
        found = small[Grpc.name]["server_cpu_us"] / small[Echo.name]["server_cpu_us"]
        expected, far = VOID
        void = abs(found / expected - 1) > far
        print(f"\ngRPC C++'s CPU a request is {found:.2f} times the echo's; {expected:.2f} within "
              f"{far:.0%} is what makes a run count: {'VOID' if void else 'it counts'}.")
    return lines, void


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], metavar="CASE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "models"
        made.mkdir()
        measured.write(made)
        home = Home(folder, made)
        results = {}
        for name in options.cases or CASES:
            results[name] = run_case(CASES[name], home, options.seconds)
            print_table(CASES[name].title, results[name])
        lines, void = print_ratios(results, home)
    if options.json:
        options.json.write_text(
            json.dumps({"cases": results, "ratios": lines, "void": void}, indent=1))


if __name__ == "__main__":
    main()
