#!/usr/bin/env bash
# The cost of an engine host: host_cost.py says what it measures.
exec "$(dirname "$0")/measure.sh" host_cost "$@"
