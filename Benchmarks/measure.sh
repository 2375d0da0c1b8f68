#!/usr/bin/env bash
# Runs one of the measurements that are written in Python against the release build, or against
# $STRONGROOM_BINARY. Usage: Benchmarks/measure.sh NAME [OPTION...]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${STRONGROOM_BINARY:-}" ] || make build > /dev/null
[ -x .deps/venv/bin/python ] || Tests/Acceptance/run.sh --collect-only -q > /dev/null
export PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=Benchmarks:Tests/Acceptance:Tests/Interop/python
name=$1
shift
exec .deps/venv/bin/python "Benchmarks/$name.py" "$@"
