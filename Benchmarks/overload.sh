#!/usr/bin/env bash
# What a server answers at three times its capacity: the rate at which a closed loop is answered is
# the capacity; then calls are made at three times that, whatever the answers do, without and with a
# deadline. Client and server share the machine's cores, so the model counts for some milliseconds: a
# run outweighs the making of calls. `overload.sh [seconds [binary [count]]]`; counting to 1,000 takes
# about a millisecond.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-8}
binary=${2:-.build/release/strongroom}
count=${3:-5000}
[ $# -ge 2 ] || make build > /dev/null
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
"$binary" serve --home "$work/home" --listen 127.0.0.1:0 --ready-file "$work/ready" 2> "$work/log" &
server=$!
until [ -e "$work/ready" ]; do
    kill -0 $server 2> /dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.05
done
"$binary" publish counter "$work/bundle" --home "$work/home" > /dev/null

bench() {
    "$binary" bench counter --input "n=[$count]" --home "$work/home" --connections 64 \
        --duration "$seconds" --warm-up 2 --format json "$@" || true
}
bench --depth 2 > "$work/capacity.json"
capacity=$(.deps/venv/bin/python -c "import json, sys
print(json.load(open(sys.argv[1]))['answers_per_second'])" "$work/capacity.json")
for timeout in "" 100; do
    bench --rate "$(.deps/venv/bin/python -c "print(3 * $capacity)")" \
        ${timeout:+--timeout $timeout} > "$work/overload.json"
    .deps/venv/bin/python - "$work/capacity.json" "$work/overload.json" "$timeout" << 'PYTHON'
import json, sys
capacity, overload = (json.load(open(path)) for path in sys.argv[1:3])
good, full = overload["answers_per_second"], capacity["answers_per_second"]
print(f"capacity: p50 {capacity['latency_us']['p50'] / 1000:.1f} ms, server CPU "
      f"{capacity['server_cpu_seconds']:.1f} s of {capacity['seconds']:.0f} s")
print(f"deadline {sys.argv[3] or 'none'}: capacity {full:.0f}/s, at {overload['rate']:.0f}/s "
      f"{good:.0f}/s are answered: {good / full:.2f}")
print(f"  p99 of answers {overload['latency_us']['p99'] / 1000:.1f} ms "
      f"(p50 {overload['latency_us']['p50'] / 1000:.1f} ms), of failures "
      f"{overload['failure_latency_us']['p99'] / 1000:.1f} ms "
      f"(p50 {overload['failure_latency_us']['p50'] / 1000:.1f} ms)")
print(f"  failures {overload['failures']}, without an answer {overload['unanswered']}, "
      f"not made {overload['not_made']}; server CPU {overload['server_cpu_seconds']:.1f} s "
      f"of {overload['seconds']:.0f} s")
PYTHON
done
ls -l "$work/log" | awk '{print "  log: " $5 " bytes"}'
