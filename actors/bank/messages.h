/*
 * What the actors of the bank say to each other. Everything between them is here: an actor may be
 * replaced, or moved to another node, as long as it keeps to these.
 *
 *     client --transfer--> teller --transfer--> account A --credit--> teller --credit--> account B
 *     account B --post--> ledger --posted--> account B --credited--> account A --outcome--> client
 *
 * The ledger's record is the moment at which a transfer happens. Every step is keyed by the
 * transfer's id, so each may be repeated and changes nothing the second time.
 */
#ifndef ACTORS_BANK_MESSAGES_H
#define ACTORS_BANK_MESSAGES_H

#include <troupe/message.h>

#include "actors/bank/id.h"

/* What became of a request: name, text. */
#define BANK_CODE_MAP(X)                                                                           \
    X(DONE, "done")                                                                                \
    X(PENDING, "under way: ask again")                                                             \
    X(NO_FUNDS, "not enough money")                                                                \
    X(NO_ACCOUNT, "no such account")                                                               \
    X(FROZEN, "the account is frozen")                                                             \
    X(OVERFLOW, "the balance overflows: too large for 64 bits")                                    \
    X(BAD_AMOUNT, "the amount must be above zero")                                                 \
    X(SAME_ACCOUNT, "from and to are one account")                                                 \
    X(ID_CONFLICT, "the id was used for something else")                                           \
    X(NO_MEMORY, "out of memory")                                                                  \
    X(OUTCOME_LOST, "the shard that knew was lost: what became of it is not known")

typedef enum bank_code {
#define BANK_CODE_ENUM(name, text) BANK_##name,
    BANK_CODE_MAP(BANK_CODE_ENUM)
#undef BANK_CODE_ENUM
} bank_code;

/* The sentence for a code; a static string. */
const char *bank_code_text(bank_code code);

/* How far an account may be overdrawn. */
typedef enum bank_rule {
    BANK_RULE_NONE,     /* never below zero */
    BANK_RULE_LIMIT,    /* down to minus its limit */
    BANK_RULE_UNLIMITED /* any balance: history is recorded, not judged */
} bank_rule;
/* What an account's rule says of a debit: BANK_DONE, BANK_NO_FUNDS or BANK_OVERFLOW. One place for
 * the accounts of one process and the shards of a cluster. Any thread. */
bank_code bank_rule_debit(bank_rule rule, int64_t limit_minor, int64_t balance_minor,
                          int64_t amount_minor);

/* ---- to the teller, from anyone ---- */

/* Opens an account; opening it again changes nothing. Answer: bank_opened. */
TP_MESSAGE_AS(bank_open, "bank.open", TP_FIELD(u64, account), TP_ENUM(bank_rule, rule),
              TP_FIELD(i64, limit_minor))
TP_MESSAGE_AS(bank_opened, "bank.opened", TP_FIELD(u64, account), TP_FIELD(bool, fresh))

/*
 * Moves money. Answer: bank_outcome; with BANK_PENDING, or after a timeout, the outcome is not
 * known yet: ask again with the same id. The same id with another body is BANK_ID_CONFLICT. date 0:
 * the business day. `generation` is that of the shard which was asked first (shard.h); 0: any.
 */
TP_MESSAGE_AS(bank_transfer, "bank.transfer", TP_NESTED(bank_id, id), TP_FIELD(u64, from),
              TP_FIELD(u64, to), TP_FIELD(i64, amount_minor), TP_FIELD(i32, date),
              TP_FIELD(u64, order), TP_FIELD(str, text), TP_FIELD(u64, generation))

/*
 * Money from outside (positive) or to outside (negative). Asked by a call, it is answered by
 * bank_outcome; sent, it is only recorded: by the ledger, or, when refused, as a bank_refused
 * there.
 */
TP_MESSAGE_AS(bank_entry, "bank.entry", TP_NESTED(bank_id, id), TP_FIELD(u64, account),
              TP_FIELD(i64, amount_minor), TP_FIELD(i32, date), TP_FIELD(u64, order),
              TP_FIELD(str, counter), TP_FIELD(str, text), TP_FIELD(u64, line),
              TP_FIELD(u64, column))
/* `generation`: with BANK_OUTCOME_LOST, of a shard that was not asked because the request is for
 * another generation; otherwise 0. */
TP_MESSAGE_AS(bank_outcome, "bank.outcome", TP_NESTED(bank_id, id), TP_ENUM(bank_code, code),
              TP_FIELD(u64, generation))

/* A frozen account refuses debits and credits. Answer: bank_outcome. */
TP_MESSAGE_AS(bank_freeze, "bank.freeze", TP_FIELD(u64, account), TP_FIELD(bool, frozen))

/* Answer: bank_balance; code is BANK_NO_ACCOUNT for a number that was never opened. */
TP_MESSAGE_AS(bank_get_balance, "bank.get_balance", TP_FIELD(u64, account))
TP_MESSAGE_AS(bank_balance, "bank.balance", TP_ENUM(bank_code, code), TP_FIELD(u64, account),
              TP_FIELD(i64, balance_minor), TP_FIELD(u64, entries), TP_FIELD(u64, overdrafts),
              TP_ENUM(bank_rule, rule), TP_FIELD(i64, limit_minor),
              TP_FIELD(i64, outgoing_minor)) /* debited, not yet recorded */

/* ---- between accounts ---- */

TP_MESSAGE_AS(bank_credit, "bank.credit", TP_NESTED(bank_id, id), TP_FIELD(u64, from),
              TP_FIELD(u64, to), TP_FIELD(i64, amount_minor), TP_FIELD(i32, date),
              TP_FIELD(u64, order), TP_FIELD(str, text), TP_FIELD(u64, generation))
TP_MESSAGE_AS(bank_credited, "bank.credited", TP_NESTED(bank_id, id), TP_ENUM(bank_code, code))
/* An account to itself: the credit has not been answered for a while. */
TP_MESSAGE_AS(bank_retry, "bank.retry", TP_NESTED(bank_id, id))

/* ---- to the ledger ---- */

/* A record to be made, once for each id. `account` gets the amount, `counter` its negative.
 * `answer`: bank_posted comes back in any case; without it only when the record was refused. */
TP_MESSAGE_AS(bank_post, "bank.post", TP_NESTED(bank_id, id), TP_FIELD(i64, amount_minor),
              TP_FIELD(i32, date), TP_FIELD(u64, order), TP_FIELD(str, account),
              TP_FIELD(str, counter), TP_FIELD(str, text), TP_FIELD(bool, answer),
              TP_FIELD(u64, line), TP_FIELD(u64, column))
TP_MESSAGE_AS(bank_posted, "bank.posted", TP_NESTED(bank_id, id), TP_ENUM(bank_code, code))
/* An entry that was sent, not asked for, was refused: by line and column of where it came from. */
TP_MESSAGE_AS(bank_refused, "bank.refused", TP_FIELD(u64, line), TP_FIELD(u64, column),
              TP_ENUM(bank_code, code))
/* The business day for records without a date. */
TP_MESSAGE_AS(bank_set_date, "bank.set_date", TP_FIELD(i32, date))

/* Answered (bank_settled) when this many records and refusals are there; TP_EBUSY: somebody
 * waits already. */
TP_MESSAGE_AS(bank_settle, "bank.settle", TP_FIELD(u64, count))
TP_MESSAGE_AS(bank_settled, "bank.settled", TP_FIELD(u64, records), TP_FIELD(u64, refused))

/*
 * Records from number `start` on, at most BANK_PAGE_LINES: all, or those of an account. `total` is
 * how many there are; since records are only appended, the first n of them never change: whoever
 * reads up to the `total` of its first page has a consistent picture. Answer: bank_page.
 */
#define BANK_PAGE_LINES 128
TP_MESSAGE_AS(bank_read, "bank.read", TP_FIELD(str, account), TP_FIELD(u64, start))
TP_MESSAGE_AS(bank_line, "bank.line", TP_NESTED(bank_id, id), TP_FIELD(i64, amount_minor),
              TP_FIELD(i32, date), TP_FIELD(u64, order), TP_FIELD(str, account),
              TP_FIELD(str, counter), TP_FIELD(str, text))
TP_MESSAGE_AS(bank_page, "bank.page", TP_FIELD(u64, total), TP_LIST_OF(bank_line, lines))
/* The refused entries from number `start` on. Answer: bank_refused_page. */
TP_MESSAGE_AS(bank_read_refused, "bank.read_refused", TP_FIELD(u64, start))
TP_MESSAGE_AS(bank_refused_page, "bank.refused_page", TP_FIELD(u64, total),
              TP_LIST_OF(bank_refused, lines))

/* ---- to a reporter ---- */

TP_MESSAGE_AS(bank_report_person, "bank.report_person", TP_FIELD(u64, client),
              TP_FIELD(u64, district), TP_FIELD(i32, born), TP_FIELD(str, sex))
TP_MESSAGE_AS(bank_report_part, "bank.report_part", TP_FIELD(u64, account), TP_FIELD(bool, owner),
              TP_FIELD(i32, opened), TP_FIELD(u64, district))
TP_MESSAGE_AS(bank_report_order, "bank.report_order", TP_FIELD(u64, account),
              TP_FIELD(i64, amount_minor), TP_FIELD(str, bank), TP_FIELD(str, to),
              TP_FIELD(str, purpose))
/* Makes a report of these accounts; `person` has one item for a client's report, none for an
 * account's. `format` is an enum bank_report_format. Answer: bank_report_made, then it can be
 * read. */
TP_MESSAGE_AS(bank_make_report, "bank.make_report", TP_LIST_OF(bank_report_person, person),
              TP_LIST_OF(bank_report_part, parts), TP_LIST_OF(bank_report_order, orders),
              TP_FIELD(u32, format), TP_FIELD(u64, shown_max))
TP_MESSAGE_AS(bank_report_made, "bank.report_made", TP_FIELD(u64, size), TP_FIELD(u64, entries))
/* A piece of the report's bytes. Answer: bank_report_piece; empty at the end. */
TP_MESSAGE_AS(bank_read_report, "bank.read_report", TP_FIELD(u64, at))
TP_MESSAGE_AS(bank_report_piece, "bank.report_piece", TP_FIELD(bin, bytes))

/* ---- of the demo's clients and auditors, to whoever started them ---- */

TP_MESSAGE_AS(bank_step, "bank.step", TP_FIELD(u64, count))
TP_MESSAGE_AS(bank_client_done, "bank.client_done", TP_FIELD(u64, done), TP_FIELD(u64, refused),
              TP_FIELD(u64, repeated), TP_FIELD(u64, conflicts), TP_FIELD(u64, wrong),
              TP_FIELD(u64, unresolved)) /* outcomes that cannot be learned */
TP_MESSAGE_AS(bank_audit_stop, "bank.audit_stop")
TP_MESSAGE_AS(bank_audited, "bank.audited", TP_FIELD(u64, audits), TP_FIELD(u64, reports),
              TP_FIELD(u64, wrong), TP_FIELD(str, problem))

#endif
