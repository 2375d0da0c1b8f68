#!/usr/bin/env bash
# Builds the Go server into the file $1, from Debian's own Go, ttrpc 1.1.1 and gogo protobuf; nothing is
# fetched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "$1")
gopath=$(mktemp -d)
trap 'rm -rf "$gopath"' EXIT
mkdir -p "$gopath/src/server"
protoc -I"$here/../../../Proto" --gogottrpc_out=plugins=ttrpc:"$gopath/src" \
    strongroom/v1/prediction.proto
cp "$here"/*.go "$gopath/src/server/"
cd "$gopath/src/server"
env GO111MODULE=off GOPROXY=off GOFLAGS= GOPATH="$gopath:/usr/share/gocode" go build -o "$out" .
