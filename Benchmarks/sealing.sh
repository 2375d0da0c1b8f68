#!/usr/bin/env bash
# Sealing and opening beside `openssl speed`, and the encrypted load of 500 MB beside reading the same
# bytes unencrypted, in one run on the release build. Needs 1.1 GB below TMPDIR.
set -euo pipefail
cd "$(dirname "$0")/.."
swift build -c release --product SealingSpeed > /dev/null
speed=$(swift build -c release --show-bin-path)/SealingSpeed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/home"
# "+F:...:bytes a second"; the best of nine, as of what it is compared with.
reference=$(for _ in {1..9}; do
    openssl speed -mr -seconds 1 -evp aes-256-gcm -bytes 1048576 2> /dev/null
done | awk -F: '/^\+F:/ && $NF > best { best = $NF } END { printf "%.0f", best }')
"$speed" "$reference" "$work/home"
