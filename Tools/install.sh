#!/usr/bin/env bash
# Installs what building ("build"), testing ("test") or comparing with other servers ("peers") needs
# and this machine lacks, on Debian 12, and says what before it does. Everything beside Debian's
# packages goes below .deps/.
set -euo pipefail
cd "$(dirname "$0")/.."

build=(libssl-dev libsqlite3-dev libprotobuf-c-dev libseccomp-dev locales python3 python3-venv)
test=(softhsm2 opensc protobuf-c-compiler protobuf-compiler openssl util-linux golang-go
    golang-github-containerd-ttrpc-dev golang-google-protobuf-dev
    golang-github-gogo-protobuf-dev gogottrpc strace eatmydata mount)
peers=(g++ make pkg-config protobuf-compiler protobuf-compiler-grpc libgrpc++-dev libprotobuf-dev
    libnghttp2-dev golang-go golang-github-containerd-ttrpc-dev golang-google-protobuf-dev
    golang-github-gogo-protobuf-dev gogottrpc valgrind)
models=(python3-venv python3-torch libopenblas0-pthread)

case ${1:-build} in
    build) wanted=("${build[@]}") ;;
    test) wanted=("${build[@]}" "${test[@]}") ;;
    peers) wanted=("${build[@]}" "${peers[@]}") ;;
    models) wanted=("${models[@]}") ;;
    *) echo "usage: Tools/install.sh [build | test | peers | models]" >&2; exit 64 ;;
esac

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing Debian packages: ${missing[*]}"
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
if ! command -v swift > /dev/null; then
    echo "swift is not installed: Swift 6.3 for Debian 12 is needed" >&2
    exit 1
fi
[ "${1:-build}" != models ] || exit 0

# The locales that exported text models ask for. The C library takes them from a folder that the
# server names to it, so the system's own list of locales stays as it is.
for name in en_US en_US.UTF-8; do
    [ ! -s ".deps/locales/$name/LC_CTYPE" ] || continue
    echo "compiling the locale $name into .deps/locales"
    mkdir -p .deps/locales
    rm -rf ".deps/locales/$name.new" ".deps/locales/$name"
    localedef --no-archive -i en_US -f UTF-8 ".deps/locales/$name.new"
    mv ".deps/locales/$name.new" ".deps/locales/$name"
done

# ONNX Runtime's library, out of its wheel, by version and digest.
version=1.32.0
digest=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
library=.deps/onnxruntime/lib/libonnxruntime.so.$version
if ! echo "$digest  $library" | sha256sum --check --status 2>/dev/null; then
    echo "installing ONNX Runtime $version into .deps/onnxruntime"
    [ -x .deps/pip/bin/python ] || python3 -m venv .deps/pip
    temporary=$(mktemp -d .deps/download.XXXXXX)
    trap 'rm -rf "$temporary"' EXIT
    .deps/pip/bin/python -m pip download --quiet --disable-pip-version-check --no-deps \
        --only-binary=:all: --python-version 3.11 --implementation cp \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
        --dest "$temporary" "onnxruntime==$version"
    mkdir -p .deps/onnxruntime/lib
    .deps/pip/bin/python - "$temporary" "$library" <<'PYTHON'
import pathlib, sys, zipfile
wheel = next(pathlib.Path(sys.argv[1]).glob("*.whl"))
target = pathlib.Path(sys.argv[2])
with zipfile.ZipFile(wheel) as archive:
    target.with_suffix(".new").write_bytes(archive.read(f"onnxruntime/capi/{target.name}"))
target.with_suffix(".new").rename(target)
PYTHON
    echo "$digest  $library" | sha256sum --check --status || {
        echo "ONNX Runtime's library is not the one that is pinned" >&2
        rm -f "$library"
        exit 1
    }
fi
