#!/usr/bin/env bash
# Writes the C messages of Proto/ where SwiftPM wants those of a C target: sources below the
# folder $1 (default: Sources/CProtobufC), headers below its include/.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath "${1:-../Sources/CProtobufC}")
find strongroom -name '*.proto' | sort | xargs protoc-c --proto_path=. --c_out="$out"
cd "$out"
find strongroom -name '*.pb-c.h' | while read -r header; do
    mkdir -p "include/$(dirname "$header")"
    mv "$header" "include/$header"
done
