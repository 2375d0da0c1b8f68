#!/usr/bin/env bash
# Measures Strongroom's release build alone. Arguments: those of bench.py.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build-peers
cc -std=gnu17 -O2 -Wall -Wextra -Werror Benchmarks/idle/hold.c -o .build-peers/hold -lssl -lcrypto
PYTHONDONTWRITEBYTECODE=1 exec python3 Benchmarks/bench.py "$@"
