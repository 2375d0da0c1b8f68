#!/usr/bin/env bash
# The main job, end to end: serve, publish, predict, go live under load, roll back. $1 is the
# binary. Ends with "demo: ok", or says what went wrong and fails.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${1:-.build/release/strongroom}")
export STRONGROOM_HOME=$PWD/Registry/home
models=Registry/models/sentiment
work=$(mktemp -d)
server=
callers=()

fail() {
    echo "demo: FAILED: $*" >&2
    [ ! -s "$work/serve.log" ] || { echo "demo: the server's log:" >&2; cat "$work/serve.log" >&2; }
    exit 1
}
finish() {
    rm -f "$work/calling"
    [ ${#callers[@]} -eq 0 ] || wait "${callers[@]}" 2> /dev/null || true
    [ -z "$server" ] || { kill "$server" 2> /dev/null && wait "$server" 2> /dev/null || true; }
    rm -rf "$work"
}
trap finish EXIT
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

say() { printf '%2d. %s\n' "$((step += 1))" "$*"; }
step=0
field() { sed -E "s/.*\"$1\": ([^,}]+).*/\1/"; }
version_of() { "$binary" predict sentiment --format json --input "text=$1" | field model_version; }
# What a caller does all the time: each call on a TLS connection of its own, nothing tried again.
call() {
    while [ -e "$work/calling" ]; do
        while IFS= read -r sentence && [ -e "$work/calling" ]; do
            version_of "$sentence" >> "$work/answers.$1" 2>> "$work/errors" ||
                echo failed >> "$work/answers.$1"
        done < $models/sentences.txt
    done
}
answers() { cat "$work"/answers.* 2> /dev/null | grep -c "$1" || true; }
until_more() {
    local before
    before=$(answers "$1")
    for _ in $(seq 600); do
        [ "$(answers "$1")" -lt $((before + 20)) ] || return 0
        sleep 0.1
    done
    fail "version $1 does not answer"
}

rm -rf "$STRONGROOM_HOME"
"$binary" init > /dev/null
say "made a home: keys, a private CA, certificates, an empty registry"

"$binary" serve --listen 127.0.0.1:0 --ready-file "$work/ready" 2> "$work/serve.log" &
server=$!
for _ in $(seq 100); do
    [ ! -e "$work/ready" ] || break
    kill -0 $server 2> /dev/null || fail "the server ended"
    sleep 0.1
done
[ -e "$work/ready" ] || fail "the server is not ready"
say "a server answers on $(cat "$work/ready"): TLS 1.3, client certificates"

say "published: $("$binary" publish sentiment $models/v1)"
while IFS= read -r sentence; do
    answer=$("$binary" predict sentiment --input "text=$sentence" | tail -n 1 | cut -c 6-)
    say "\"$sentence\" -> $answer"
done < <(sed -n '1p;16p;21p' $models/sentences.txt)

touch "$work/calling"
for worker in 1 2; do
    call $worker &
    callers+=($!)
done
until_more 1
say "two callers ask all the time; version 1 answers"
say "published meanwhile: $("$binary" publish sentiment $models/v2)"
until_more 2
say "rolled back meanwhile: $("$binary" rollback sentiment --reason "sales drop")"
until_more 1
rm "$work/calling"
wait "${callers[@]}"
callers=()
failed=$(answers failed)
[ "$failed" = 0 ] || fail "$failed calls failed: $(tail -n 3 "$work/errors")"
say "version 1 answered $(answers 1) calls, version 2 $(answers 2); failed: $failed"

# The search must be able to find what it looks for.
cp $models/v2/model.onnx "$work/planted"
if python3 Tools/search-weights.py $models/v2/model.onnx "$work/planted" > /dev/null; then
    fail "the search does not find weights"
fi
for version in v1 v2; do
    found=$(python3 Tools/search-weights.py $models/$version/model.onnx "$STRONGROOM_HOME") ||
        fail "weights of $version are in the clear in $found"
done
say "no weights in the clear in $(find "$STRONGROOM_HOME" -type f | wc -l) files of the home"

kill $server
wait $server || fail "the server did not stop cleanly"
server=
say "stopped; the home is in Registry/home: make serve starts on it"
echo "demo: ok"
