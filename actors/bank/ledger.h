/*
 * The ledger actor: keeps the journal, which is the truth of the bank. It records, answers, and
 * lets anyone read pages of records that never change; a durable ledger would commit before it
 * answers and is the same to everybody else.
 */
#ifndef ACTORS_BANK_LEDGER_H
#define ACTORS_BANK_LEDGER_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"

/* Takes no arguments. */
extern const tp_behavior *const bank_ledger;

#endif
