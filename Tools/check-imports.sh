#!/usr/bin/env bash
# Fails when a C module has another importer than its own, when Foundation is imported in a
# product target, or when an import has no access level.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
# The module, and the one or two sets of importers that are right.
importers() {
    local module=$1 allowed=$2 also=${3:-$2}
    local found
    found=$(grep -rlE "^(internal |package |public )?import $module\$" Sources --include='*.swift' |
        cut -d/ -f2 | sort -u | tr '\n' ' ')
    [ "$found" = "$allowed " ] || [ "$found" = "$also " ] || {
        echo "$module is imported by: ${found:-nobody}; allowed: $allowed" >&2
        failed=1
    }
}
importers COpenSSL "Sealing TLS"
importers CProtobufC "Wire"
importers COnnxRuntime "Engine"
importers CHosting "Hosting"
importers CSandbox "Sandbox" "Hosting Sandbox"
if grep -rnE '^(internal |package |public )?import Foundation$' Sources --include='*.swift'; then
    echo "Foundation is imported" >&2
    failed=1
fi
if grep -rnE '^import ' Sources --include='*.swift'; then
    echo "an import has no access level" >&2
    failed=1
fi
exit $failed
