/*
 * The teller: knows which actor is which account, opens accounts, checks what is asked and routes
 * it. It never sees a balance. It remembers the body of every transfer, so that an id cannot be
 * used for two things; a later teller may be one of many, chosen by the id.
 */
#ifndef ACTORS_BANK_TELLER_H
#define ACTORS_BANK_TELLER_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"

/* What a teller is started with. */
TP_MESSAGE_AS(bank_teller_start, "bank.teller_start", TP_FIELD(pid, ledger))

/* Takes bank_teller_start. Its accounts are linked to it. */
extern const tp_behavior *const bank_teller;

#endif
