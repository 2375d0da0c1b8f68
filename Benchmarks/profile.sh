#!/usr/bin/env bash
# What one Predict costs the server, part by part: user instructions a request, counted by valgrind
# on the release build. CONNECTIONS and DEPTH as of `strongroom bench`; 4-8-3 MLP, a row a call.
set -euo pipefail
cd "$(dirname "$0")/.."
connections=${1:-16} depth=${2:-1}
Tools/install.sh peers
make build > /dev/null
work=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$work"' EXIT
binary=.build/release/strongroom
library=$PWD/.deps/onnxruntime/lib/libonnxruntime.so.1.32.0
# Valgrind reads the names of functions, and not all of the compiler's debug information.
strip -g -o "$work/strongroom" "$binary"
export STRONGROOM_ONNXRUNTIME=$library
serve() {
    rm -f "$work/ready"
    "$@" "$work/strongroom" serve --home "$work/home" --listen 127.0.0.1:0 \
        --ready-file "$work/ready" 2> "$work/log" &
    server=$!
    until [ -e "$work/ready" ]; do
        kill -0 $server || { cat "$work/log" >&2; exit 1; }
        sleep 0.1
    done
}
"$binary" init --home "$work/home" > /dev/null
# A run takes fifty times as long in there, and is to stay on the loop all the same.
printf 'limits:\n  loop_run_microseconds: 1000\n' >> "$work/home/strongroom.yaml"
serve env
"$binary" publish mlp Tests/Fixtures/models/mlp_4_8_3_a.onnx --home "$work/home" > /dev/null
kill $server
wait $server || true
# Valgrind runs no other process of the program: no engine host, and no test of the sandbox.
serve env STRONGROOM_ISOLATION_REQUIRE_SANDBOX=false STRONGROOM_ISOLATION_SPARE_HOSTS=0 \
    valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$work/counts"
"$binary" bench mlp --home "$work/home" --connections "$connections" --depth "$depth" \
    --warm-up 3 --duration 13 > /dev/null &
load=$!
sleep 8
callgrind_control --instr=on $server > /dev/null
sleep 5
callgrind_control --instr=off $server > /dev/null
wait $load
kill $server
wait $server || true
callgrind_annotate --inclusive=yes --tree=caller --threshold=100 "$work/counts" \
    | swift demangle --simplified | python3 Benchmarks/profile.py
