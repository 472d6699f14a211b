/*
 * The progress reporter: counts steps and draws a bar on a stream, at most a few times a second.
 * Started without drawing it only counts, so that nobody else has to ask whether there is a
 * terminal.
 */
#ifndef ACTORS_BANK_PROGRESS_H
#define ACTORS_BANK_PROGRESS_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"

/* What a progress reporter is started with; it draws on standard error. */
TP_MESSAGE_AS(bank_progress_start, "bank.progress_start", TP_FIELD(u64, total),
              TP_FIELD(bool, draw), TP_FIELD(str, label))
/* Removes the bar. Answer: bank_step with what was counted. */
TP_MESSAGE_AS(bank_progress_end, "bank.progress_end")

/* Takes bank_progress_start, counts bank_step. */
extern const tp_behavior *const bank_progress;

#endif
