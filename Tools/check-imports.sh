#!/usr/bin/env bash
# Fails when a C module has another importer than its own, when Foundation is imported in a
# product target, or when an import has no access level.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
importers() {
    local module=$1 allowed=$2
    local found
    found=$(grep -rlE "^(internal |package |public )?import $module\$" Sources --include='*.swift' |
        cut -d/ -f2 | sort -u | tr '\n' ' ')
    [ "$found" = "$allowed " ] || {
        echo "$module is imported by: ${found:-nobody}; allowed: $allowed" >&2
        failed=1
    }
}
importers COpenSSL "Sealing TLS"
importers CProtobufC "Wire"
importers COnnxRuntime "Engine"
if grep -rnE '^(internal |package |public )?import Foundation$' Sources --include='*.swift'; then
    echo "Foundation is imported" >&2
    failed=1
fi
if grep -rnE '^import ' Sources --include='*.swift'; then
    echo "an import has no access level" >&2
    failed=1
fi
exit $failed
