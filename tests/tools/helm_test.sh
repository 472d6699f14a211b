#!/bin/bash
# futures --helm, with the stand-in in the place of a real one; and what the stand-in refuses.
# Usage: helm_test.sh FOLDER-OF-PROGRAMS
set -u
bin=$1
HELM_STAND_IN=$(mktemp -d) || exit 1
export HELM_STAND_IN
trap 'rm -rf "$HELM_STAND_IN"' EXIT
helm=$bin/helm-stand-in
passed=0 failed=0

# check WHAT STATUS PATTERN COMMAND...: its output must have a line that matches.
check() {
    local what=$1 wanted=$2 pattern=$3 got out
    shift 3
    out=$(timeout 500 "$@" 2>&1 </dev/null)
    got=$?
    if [ $got -eq "$wanted" ] && grep -q -e "$pattern" <<<"$out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL helm: $what: status $got, not $wanted, or no '$pattern'"
        sed 's/^/    /' <<<"$out" | tail -9
    fi
}
# left WHAT NAMES: which releases there are.
left() {
    local got
    got=$("$helm" list --all-namespaces | awk 'NR > 1 {printf "%s%s/%s", sep, $2, $1; sep = " "}')
    if [ "$got" = "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL helm: $1: '$got' is left, not '$2'"
    fi
}

for release in shop/web shop/db mail/smtp other/keep; do
    check "install $release" 0 installed "$helm" install "${release#*/}" -n "${release%/*}"
done
check "the same again" 1 "in use" "$helm" install web --namespace shop
check "a name that leaves the folder" 1 "a-z, 0-9" "$helm" uninstall ../web --namespace shop
check "not there" 1 "not found" "$helm" uninstall nothing --namespace shop
check "no command" 2 usage "$helm"

job() {
    "$bin/futures" --helm "$helm" --timeout-ms 60000 "$@"
}
export -f job
export bin helm
check "no namespaces" 2 "without --namespaces" "$bin/futures" --helm "$helm"
check "a dry run" 0 "3 removed" bash -c 'job --namespaces shop,mail --dry-run 1'
left "after a dry run" "mail/smtp other/keep shop/db shop/web"
check "two namespaces" 0 "3 removed, 0 failed" bash -c 'job --namespaces shop,mail'
left "after two namespaces" "other/keep"
check "nothing there" 0 "0 removed" bash -c 'job --namespaces shop'
"$helm" install broken --namespace shop --set takes=1,then=fail >/dev/null
check "one fails" 1 "shop/broken: failed: .*still in use" bash -c 'job --namespaces shop,other'
left "after one failed" "shop/broken"
helm=/no/such/helm
check "no helm" 1 "/no/such/helm: no such" bash -c 'job --namespaces shop'
echo "helm: $passed passed, $failed failed"
[ $failed -eq 0 ]
