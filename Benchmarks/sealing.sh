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
# "+F:...:bytes a second", one number for each size.
reference=$(openssl speed -mr -seconds 3 -evp aes-256-gcm -bytes 1048576 2> /dev/null |
    awk -F: '/^\+F:/ { print $NF }')
"$speed" "$reference" "$work/home"
