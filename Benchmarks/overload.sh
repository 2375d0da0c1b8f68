#!/usr/bin/env bash
# The answers of a server at three times its capacity: the rate of a closed loop is the capacity; then
# an open loop makes calls at three times that, without and with a deadline. Server and client have a
# core each, in the capacity run too. The model counts to a number; counting to 1,000 takes about a
# millisecond. `overload.sh [seconds [binary [count]]]`.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-8}
binary=${2:-.build/release/strongroom}
count=${3:-5000}
[ $# -ge 2 ] || make build > /dev/null
read -r server_core client_core < <(python3 -c "import os
print(*sorted(os.sched_getaffinity(0)))")
[ -n "${client_core:-}" ] || { echo "overload.sh needs two cores" >&2; exit 1; }
client_core=${client_core%% *}
work=$(mktemp -d)
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$work"' EXIT
.deps/venv/bin/python - "$work/bundle" << 'PYTHON'
import pathlib, sys
sys.path.insert(0, "Tests/Acceptance")
import models
for path, data in models.counter().items():
    file = pathlib.Path(sys.argv[1], path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
PYTHON
"$binary" init --home "$work/home" > /dev/null
STRONGROOM_METRICS_LOOPBACK=open taskset -c "$server_core" \
    "$binary" serve --home "$work/home" --listen 127.0.0.1:0 --ready-file "$work/ready" 2> "$work/log" &
server=$!
until [ -e "$work/ready" ]; do
    kill -0 $server 2> /dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.05
done
"$binary" publish counter "$work/bundle" --home "$work/home" > /dev/null

bench() {
    taskset -c "$client_core" "$binary" bench counter --input "n=[$count]" --home "$work/home" \
        --duration "$seconds" --warm-up 2 --format json "$@" || true
}
bench --connections 16 > "$work/capacity.json"
capacity=$(.deps/venv/bin/python -c "import json, sys
print(json.load(open(sys.argv[1]))['answers_per_second'])" "$work/capacity.json")
for timeout in "" 100; do
    bench --connections 64 --rate "$(.deps/venv/bin/python -c "print(3 * $capacity)")" \
        ${timeout:+--timeout $timeout} > "$work/overload.json"
    .deps/venv/bin/python - "$work/capacity.json" "$work/overload.json" "$timeout" << 'PYTHON'
import json, sys
capacity, overload = (json.load(open(path)) for path in sys.argv[1:3])
good, full = overload["answers_per_second"], capacity["answers_per_second"]
print(f"capacity: p50 {capacity['latency_us']['p50'] / 1000:.1f} ms, server CPU "
      f"{capacity['server_cpu_seconds']:.1f} s of {capacity['seconds']:.0f} s")
print(f"deadline {sys.argv[3] or 'none'}: capacity {full:.0f}/s, at {overload['rate']:.0f}/s "
      f"{good:.0f}/s are answered: {good / full:.2f}")
# On a machine that does other work too this is the firmer figure.
per_cpu = [run["answers_per_second"] * run["seconds"] / run["server_cpu_seconds"]
           for run in (capacity, overload)]
print(f"  answers for a second of server CPU: {per_cpu[0]:.0f}, at three times the capacity "
      f"{per_cpu[1]:.0f}: {per_cpu[1] / per_cpu[0]:.2f}")
print(f"  p99 of answers {overload['latency_us']['p99'] / 1000:.1f} ms "
      f"(p50 {overload['latency_us']['p50'] / 1000:.1f} ms), of failures "
      f"{overload['failure_latency_us']['p99'] / 1000:.1f} ms "
      f"(p50 {overload['failure_latency_us']['p50'] / 1000:.1f} ms)")
print(f"  failures {overload['failures']}, without an answer {overload['unanswered']}, "
      f"not made {overload['not_made']}; server CPU {overload['server_cpu_seconds']:.1f} s "
      f"of {overload['seconds']:.0f} s")
PYTHON
done
.deps/venv/bin/python - "$(cat "$work/ready")" << 'PYTHON'
import re, ssl, sys, urllib.request
page = urllib.request.urlopen(f"https://{sys.argv[1]}/metrics",
                              context=ssl._create_unverified_context()).read().decode()
buckets = [(bound, int(count)) for bound, count in re.findall(
    r'strongroom_refusal_seconds_bucket{method="[^"]*Predict",le="([^"]+)"} (\d+)', page)]
if buckets:
    total = buckets[-1][1]
    p99 = next(bound for bound, count in buckets if count >= 0.99 * total)
    print(f"strongroom_refusal_seconds: p99 at most {p99} s of {total} refusals")
PYTHON
ls -l "$work/log" | awk '{print "  log: " $5 " bytes"}'
