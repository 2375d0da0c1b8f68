#!/usr/bin/env bash
# Resident memory around the load of a large model, and over many swaps of a small one:
# memory.py says what it takes.
exec "$(dirname "$0")/measure.sh" memory "$@"
