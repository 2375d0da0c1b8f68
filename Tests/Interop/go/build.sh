#!/usr/bin/env bash
# Builds the Go client into the file $1, from Debian's own Go, ttrpc 1.1.1 and gogo protobuf, with
# the messages generated from Proto/; nothing is fetched.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath "$1")
gopath=$(mktemp -d)
trap 'rm -rf "$gopath"' EXIT

mkdir -p "$gopath/src/client"
protoc -I"$here/../../../Proto" --gogottrpc_out=plugins=ttrpc:"$gopath/src" \
    strongroom/v1/{health,prediction,registry}.proto
cp "$here"/*.go "$gopath/src/client/"
cd "$gopath/src/client"
env GO111MODULE=off GOPROXY=off GOFLAGS= GOPATH="$gopath:/usr/share/gocode" go vet .
env GO111MODULE=off GOPROXY=off GOFLAGS= GOPATH="$gopath:/usr/share/gocode" go build -o "$out" .
