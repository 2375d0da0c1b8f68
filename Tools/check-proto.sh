#!/usr/bin/env bash
# Fails when the committed C messages are not what Proto/ gives.
set -euo pipefail
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
Proto/generate.sh "$fresh"
diff -r "$fresh" Sources/CProtobufC || {
    echo "the C messages are not current: make proto" >&2
    exit 1
}
