#!/bin/bash
# The gateway's client in a real browser.
source "$(dirname "$0")/common.sh"
configure_and_build release -- gateway_peer || verdict 1 "build"
exec bash tests/gateway/browser.sh build/release/bin
