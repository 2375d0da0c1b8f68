#!/usr/bin/env bash
# Builds the peers, and measures them and Strongroom's release build. Arguments: those of run.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
requirements=Benchmarks/peers/python/requirements.txt
venv=.deps/peers
stamp=$venv/$(sha256sum < $requirements | cut -c1-16)
if [ ! -e "$stamp" ]; then
    [ -x $venv/bin/python ] || python3 -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check -r $requirements
    touch "$stamp"
fi
make --silent --directory Benchmarks/peers
export PYTHONDONTWRITEBYTECODE=1
exec $venv/bin/python Benchmarks/peers/run.py "$@"
