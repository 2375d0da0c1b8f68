#!/usr/bin/env bash
# Serves the demo's home in the foreground and says how to call it. $1 is the binary.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-.build/release/strongroom}
home=Registry/home
[ -d $home/store ] || "$binary" init --home $home
cat <<TEXT
Call it from another terminal:
  $binary predict sentiment --home $home --input text="A fine film."
  $binary versions sentiment --home $home
  $binary publish sentiment Registry/models/sentiment/v1 --home $home
Ctrl-C stops it.
TEXT
exec "$binary" serve --home $home
