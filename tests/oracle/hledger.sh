#!/bin/bash
# hledger and ledger read the bank's export and must arrive at the bank's balances.
exec bash "$(dirname "$0")/../bank/hledger_test.sh" "$1"
