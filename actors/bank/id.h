/*
 * The number of a transfer or an entry: 128 bits, chosen by whoever asks for it, the same when it
 * asks again.
 */
#ifndef ACTORS_BANK_ID_H
#define ACTORS_BANK_ID_H

#include <troupe/message.h>

TP_MESSAGE_AS(bank_id, "bank.id", TP_FIELD(u64, high), TP_FIELD(u64, low))

#endif
