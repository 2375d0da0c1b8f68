#!/usr/bin/env bash
# Answers a second, latency and server CPU an answer of Predict on a 4-8-3 MLP, a row a call, on the
# release build. Client and server share the machine's cores.
set -euo pipefail
cd "$(dirname "$0")/.."
make build > /dev/null
binary=.build/release/strongroom
work=$(mktemp -d)
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$work"' EXIT
"$binary" init --home "$work/home" > /dev/null
"$binary" serve --home "$work/home" --listen 127.0.0.1:0 --ready-file "$work/ready" 2> "$work/log" &
server=$!
until [ -e "$work/ready" ]; do kill -0 $server && sleep 0.05; done
"$binary" publish mlp Tests/Fixtures/models/mlp_4_8_3_a.onnx --home "$work/home" > /dev/null
for shape in "1 1" "8 1" "64 1" "1 64"; do
    read -r connections depth <<< "$shape"
    "$binary" bench mlp --home "$work/home" --connections "$connections" --depth "$depth" \
        --duration 5 --warm-up 1
done
