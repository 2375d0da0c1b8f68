#!/usr/bin/env bash
# New connections beside sockets that never finish a handshake: silent_sockets.py says which.
exec "$(dirname "$0")/../measure.sh" security/silent_sockets "$@"
