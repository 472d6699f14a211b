#!/bin/bash
# The client in JavaScript, in a real headless Chromium: the page and the client's source come from
# the gateway itself, and the page tells its verdicts to an actor, which prints them.
# Usage: browser.sh FOLDER_OF_PROGRAMS
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d)
browser=""
cleanup() {
    if [ -n "$browser" ]; then
        kill -- "-$browser" 2>/dev/null
        for _ in $(seq 100); do
            kill -0 -- "-$browser" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 -- "-$browser" 2>/dev/null
    fi
    rm -rf "$work"
}
trap cleanup EXIT
if ! command -v chromium >/dev/null; then
    echo "SKIP gateway.browser: there is no chromium here (Debian: chromium)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
module="text/javascript; charset=utf-8"
mkfifo "$work/input" "$work/verdicts"
"$1/gateway_peer" "a token for the page that tests the gateway" \
    "/=text/html; charset=utf-8=$here/page.html" \
    "/troupe.mjs=$module=$root/clients/javascript/troupe.mjs" \
    "/suite.mjs=$module=$here/suite.mjs" <"$work/input" >"$work/verdicts" &
peer=$!
exec 8>"$work/input" 9<"$work/verdicts"
read -r -t 60 -u 9 _ port || { echo "FAIL the gateway did not start"; exit 1; }
setsid chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --user-data-dir="$work/profile" --no-first-run --remote-debugging-port=0 \
    "http://127.0.0.1:$port/" >"$work/browser.log" 2>&1 &
browser=$!
passed=0 failed=0
while read -r -t 120 -u 9 verdict; do
    case $verdict in
    "ok"*) passed=$((passed + 1)) ;;
    *) echo "$verdict" && failed=$((failed + 1)) ;;
    esac
done
exec 8>&-
wait "$peer" || failed=$((failed + 1))
if [ "$passed" -lt 2 ]; then
    echo "FAIL the page said nothing"
    tail -n 20 "$work/browser.log"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
