#!/usr/bin/env bash
# The acceptance tests and the foreign clients against a built server: $STRONGROOM_BINARY, by default
# .build/release/strongroom. Arguments go to pytest; with --in-hosts before them each model runs in an
# engine host. Without arguments everything runs, and the files below once more in that way.
# A missing tool is a failure, never a skip.
set -euo pipefail
cd "$(dirname "$0")/../.."
requirements=Tests/Acceptance/requirements.txt
venv=.deps/venv

missing=()
for tool in python3 protoc protoc-gen-gogottrpc go openssl setpriv strace eatmydata mount softhsm2-util pkcs11-tool; do
    command -v "$tool" > /dev/null || missing+=("$tool")
done
[ -d /usr/share/gocode/src/github.com/containerd/ttrpc ] || missing+=("Go's ttrpc")
if [ ${#missing[@]} -gt 0 ]; then
    printf 'acceptance: not installed: %s\n' "${missing[*]}" >&2
    echo 'acceptance: apt-get install -y --no-install-recommends python3-venv protobuf-compiler' \
        'openssl util-linux golang-go golang-github-containerd-ttrpc-dev' \
        'golang-google-protobuf-dev golang-github-gogo-protobuf-dev gogottrpc strace' \
        'eatmydata mount softhsm2 opensc' >&2
    exit 1
fi

stamp=$venv/$(sha256sum < $requirements | cut -c1-16)
if [ ! -e "$stamp" ]; then
    [ -x $venv/bin/python ] || python3 -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check -r $requirements
    touch "$stamp"
fi

if [ -z "${STRONGROOM_ONNXRUNTIME:-}" ] && [ ! -d .deps/onnxruntime/lib ]; then
    # The pinned wheel's own library, where the tree has none for the server.
    STRONGROOM_ONNXRUNTIME=$(echo "$PWD"/$venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*)
    export STRONGROOM_ONNXRUNTIME
fi
export PYTHONDONTWRITEBYTECODE=1
STRONGROOM_BINARY=$(realpath -m "${STRONGROOM_BINARY:-.build/release/strongroom}")
export STRONGROOM_BINARY
python=$PWD/$venv/bin/python
cd Tests/Acceptance
# Swaps, rollbacks, memory given back, the search for weights, equality, goldens, batching.
hosted=(test_swap_storm.py test_memory.py test_leaks.py test_equality.py test_batching.py
    test_bad_models.py test_external_data.py)
in_hosts() {
    STRONGROOM_ISOLATION_MINIMUM=process exec "$python" -m pytest "$@"
}
case "${1:-}" in
    "") "$python" -m pytest
        echo "acceptance: once more, each model in an engine host"
        in_hosts "${hosted[@]}" ;;
    --in-hosts) shift
        [ $# -gt 0 ] || set -- "${hosted[@]}"
        in_hosts "$@" ;;
    *) exec "$python" -m pytest "$@" ;;
esac
