#!/bin/sh
# Makes the bundles v1 and v2 and sentences.txt again. Needs, on Debian 12:
#   apt-get install python3-venv python3-torch libopenblas0-pthread
set -eu
cd "$(dirname "$0")"

venv=../../../../.deps/sentiment
[ -x "$venv/bin/python" ] || /usr/bin/python3 -m venv --system-site-packages "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --no-warn-script-location -r requirements.txt

# One thread: the order of a sum, and with it the last bits of a weight, must not vary.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
exec "$venv/bin/python" train.py
