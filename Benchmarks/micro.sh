#!/usr/bin/env bash
# Instructions and allocations of the steps of a call, on the release build, counted by valgrind:
# the difference of two runs of different length, so that what a run does once is left out. Then the
# processor time of runs through an engine host.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || Tools/install.sh peers
build=(-c release --product WireSpeed --static-swift-stdlib)
swift build "${build[@]}" > /dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Valgrind does not read Swift's debugging information.
strip -g -o "$work/speed" "$(swift build "${build[@]}" --show-bin-path)/WireSpeed"

# count TOOL STEP TIMES: the instructions or the allocated blocks of a run.
count() {
    valgrind --tool="$1" --"$1"-out-file="$work/out" "$work/speed" "$2" "$3" 2> "$work/log" \
        > /dev/null || { cat "$work/log" >&2; return 1; }
    sed -nE 's/.*(I +refs:|Total: .* in) +([0-9,]+).*/\2/p' "$work/log" | tr -d ,
}

# difference TOOL STEP TIMES: of one step, to a tenth.
difference() {
    local few many
    few=$(count "$1" "$2" "$3")
    many=$(count "$1" "$2" $(($3 * 2)))
    awk -v few="$few" -v many="$many" -v times="$3" 'BEGIN { printf "%.1f", (many - few) / times }'
}

echo "| step | instructions | allocations |"
echo "|---|---|---|"
while IFS='|' read -r step times what; do
    instructions=$(difference callgrind "$step" "$times")
    echo "| $what | $instructions | $(difference dhat "$step" "$times") |"
done <<'STEPS'
frame|1000|a frame cut from what was read
envelope|1000|an envelope read
message|1000|a request scanned and read
gather|1000|eight rows gathered
reply|1000|an answer, its envelope and its frame written
seal|4|1 MiB sealed
open|4|1 MiB opened
STEPS

# The processor time of a run in this process, and through a host: of both processes together.
build=(-c release --product HostSpeed --static-swift-stdlib)
swift build "${build[@]}" > /dev/null
echo
"$(swift build "${build[@]}" --show-bin-path)/HostSpeed" \
    "${STRONGROOM_ONNXRUNTIME:-$(ls .deps/onnxruntime/lib/libonnxruntime.so.* | head -1)}" \
    Tests/Fixtures/models/mlp_4_8_3_a.onnx
