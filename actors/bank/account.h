/*
 * The account actor: one for each account. It alone knows the balance and decides what may go out
 * and come in.
 *
 * A transfer is a saga of recorded outcomes. A debits itself and asks B for a credit until B has
 * answered; B asks the ledger to record both halves at once, and only then counts the money as its
 * own; B's answer, recorded, is final. A gives money back only when B has refused. A timeout
 * decides nothing. So money is always in one of two places, an account or A's `outgoing`, and the
 * ledger never shows an account below what its rule allows.
 */
#ifndef ACTORS_BANK_ACCOUNT_H
#define ACTORS_BANK_ACCOUNT_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"

/* What an account actor is started with. */
TP_MESSAGE_AS(bank_account_start, "bank.account_start", TP_FIELD(u64, account),
              TP_ENUM(bank_rule, rule), TP_FIELD(i64, limit_minor), TP_FIELD(pid, teller),
              TP_FIELD(pid, ledger))

/* Takes bank_account_start. */
extern const tp_behavior *const bank_account;

#endif
