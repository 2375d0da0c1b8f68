#!/usr/bin/env bash
# A predictor's latency beside floods: floods.py says which.
exec "$(dirname "$0")/../measure.sh" security/floods "$@"
