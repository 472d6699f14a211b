#!/bin/bash
# hledger and ledger read the bank's export and must arrive at the bank's balances, account by account.
exec bash "$(dirname "$0")/../bank/hledger_test.sh" "$1"
