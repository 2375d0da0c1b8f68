#!/usr/bin/env bash
# Server CPU per Predict, requests a second and latency with a 4-8-3 MLP, on the release build.
# Client and server share the machine's cores.
set -euo pipefail
cd "$(dirname "$0")/.."
make build > /dev/null
swift build --package-path Benchmarks -c release --product PredictLoad > /dev/null
load=$(swift build --package-path Benchmarks -c release --show-bin-path)/PredictLoad
binary=.build/release/strongroom
work=$(mktemp -d)
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$work"' EXIT
"$binary" init --home "$work/home" > /dev/null
"$binary" serve --home "$work/home" --listen 127.0.0.1:0 --ready-file "$work/ready" 2> "$work/log" &
server=$!
until [ -e "$work/ready" ]; do kill -0 $server && sleep 0.05; done
"$binary" publish mlp Tests/Fixtures/models/mlp_4_8_3_a.onnx --home "$work/home" > /dev/null
echo "| connections | outstanding each | requests/s | server CPU a request, µs | p50, µs | p99, µs |"
echo "|---|---|---|---|---|---|"
for shape in "1 1" "8 1" "64 1" "1 64"; do
    read -r connections depth <<< "$shape"
    "$load" mlp --server "$(cat "$work/ready")" --tls "$work/home/tls" --pid $server \
        --connections "$connections" --depth "$depth"
done
