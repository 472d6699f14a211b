/*
 * The report actor: makes a client's report by asking the ledger for the entries of each account,
 * page by page. It blocks in its calls; nobody else does. The report is as of the moment it began.
 */
#ifndef ACTORS_BANK_REPORTER_H
#define ACTORS_BANK_REPORTER_H

#include <troupe/actor.h>

#include "actors/bank/messages.h"
#include "actors/bank/report.h"

/* What a report actor is started with. */
TP_MESSAGE_AS(bank_reporter_start, "bank.reporter_start", TP_FIELD(pid, ledger))

/* Takes bank_reporter_start; answers bank_make_report and bank_read_report. */
extern const tp_behavior *const bank_reporter;

/* What is asked of a report actor. */
struct bank_report_request {
    const struct bank_register *reg; /* who the clients are; may be NULL for an account's report */
    bool of_client;
    uint64_t number; /* of the client or the account */
    enum bank_report_format format;
    uint64_t shown_max;
};

/* Asks a report actor and appends the whole report to a text. TP_ENOENT: no such client. */
tp_err bank_report_ask(tp_actor *self, tp_pid reporter, const struct bank_report_request *request,
                       struct bank_text *out);

#endif
