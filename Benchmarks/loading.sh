#!/usr/bin/env bash
# Latency of calls while a large model is loaded beside them: loading.py says what it takes.
exec "$(dirname "$0")/measure.sh" loading "$@"
