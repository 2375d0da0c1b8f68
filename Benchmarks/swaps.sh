#!/usr/bin/env bash
# Latency of calls while a model is swapped under them: swaps.py says what it takes.
exec "$(dirname "$0")/measure.sh" swaps "$@"
