/*
 * The report actor.
 */
#include "actors/bank/reporter.h"

#include <stdlib.h>
#include <troupe/call.h>

#include "actors/bank/bank.h"

#define PIECE_SIZE (256u << 10)
#define PARTS_MAX 64 /* accounts and orders of one request */

/* All that it holds stands here, not on its stack: it may be ended in the middle of a call. */
struct reporter {
    tp_pid ledger;
    struct bank_text text; /* the last report */
    struct bank_register reg;
    struct bank_report report; /* the one that is being made */
};

static void work_free(struct reporter *reporter) {
    bank_report_free(&reporter->report);
    bank_register_free(&reporter->reg);
}

static void reporter_free(void *arg) {
    struct reporter *reporter = arg;
    bank_text_free(&reporter->text);
    work_free(reporter);
}

static void on_start(tp_actor *self, struct reporter *reporter, const bank_reporter_start *start) {
    reporter->ledger = start->ledger;
    if (tp_on_exit(self, reporter_free, reporter) != TP_OK) tp_exit(self, TP_EXIT_NOMEM);
}

/* ---- what is known about the client ---- */

static void word_copy(char out[BANK_WORD_SIZE], tp_str word) {
    size_t size = word.size < BANK_WORD_SIZE ? word.size : BANK_WORD_SIZE - 1;
    if (size > 0) memcpy(out, word.data, size);
    out[size] = '\0';
}

static bool person_add(struct bank_register *reg, const bank_make_report *msg) {
    for (size_t i = 0; i < msg->person.count; i++) {
        const bank_report_person *p = &msg->person.items[i];
        struct bank_client client = {.id = p->client, .district = p->district, .born = p->born};
        if (p->sex.size > 0) client.sex = p->sex.data[0];
        if (!bank_register_client(reg, &client)) return false;
    }
    return true;
}

static bool parts_add(struct bank_register *reg, const bank_make_report *msg) {
    for (size_t i = 0; i < msg->parts.count; i++) {
        const bank_report_part *p = &msg->parts.items[i];
        struct bank_account_fact fact = {p->account, p->district, p->opened};
        if (!bank_register_account(reg, &fact)) return false;
        if (msg->person.count == 0) continue;
        struct bank_disposition d = {msg->person.items[0].client, p->account, p->owner};
        if (!bank_register_disposition(reg, &d)) return false;
    }
    for (size_t i = 0; i < msg->orders.count; i++) {
        const bank_report_order *o = &msg->orders.items[i];
        struct bank_order order = {.account = o->account, .amount_minor = o->amount_minor};
        word_copy(order.bank, o->bank);
        word_copy(order.to, o->to);
        word_copy(order.purpose, o->purpose);
        if (!bank_register_order(reg, &order)) return false;
    }
    return true;
}

/* ---- the entries ---- */

static bool line_add(struct bank_report *report, size_t account, const bank_line *line) {
    struct bank_report_entry entry = {.id_high = line->id.high,
                                      .id_low = line->id.low,
                                      .order = line->order,
                                      .date = line->date,
                                      .amount_minor = line->amount_minor};
    return bank_report_add(report, account, &entry, line->counter, line->text);
}

/* Reads up to what was there at the first page, so that the report is of one moment. */
static tp_err entries_read(tp_actor *self, struct reporter *reporter, size_t account) {
    struct bank_report *report = &reporter->report;
    char name[BANK_NAME_SIZE];
    uint64_t total = 1;
    tp_err err = TP_OK;
    bank_account_name(report->accounts[account].id, name);
    for (uint64_t start = 0; start < total && err == TP_OK;) {
        bank_page page;
        err = tp_call(self, reporter->ledger, BANK_PATIENCE, &page, bank_page, bank_read,
                      .account = tp_str_of(name), .start = start);
        if (err != TP_OK) return err;
        if (start == 0) total = page.total;
        for (size_t i = 0; i < page.lines.count && start < total && err == TP_OK; i++, start++) {
            if (!line_add(report, account, &page.lines.items[i])) err = TP_ENOMEM;
        }
        if (page.lines.count == 0 && start < total) err = TP_EBADMSG;
        tp_release(self);
    }
    return err;
}

static tp_err report_make(tp_actor *self, struct reporter *reporter, const bank_make_report *msg) {
    struct bank_report *report = &reporter->report;
    struct bank_register *reg = &reporter->reg;
    bool ready = true;
    if (!person_add(reg, msg) || !parts_add(reg, msg)) return TP_ENOMEM;
    if (msg->person.count > 0) {
        ready = bank_report_for_client(report, reg, msg->person.items[0].client);
    }
    for (size_t i = 0; i < msg->parts.count && msg->person.count == 0 && ready; i++) {
        ready = bank_report_for_account(report, reg, msg->parts.items[i].account, true);
    }
    for (size_t i = 0; i < report->account_count && ready; i++) {
        tp_err err = entries_read(self, reporter, i);
        if (err != TP_OK) return err;
    }
    if (!ready || !bank_report_finish(report)) return TP_ENOMEM;
    report->shown_max = msg->shown_max;
    bank_report_write(report, (enum bank_report_format)msg->format, &reporter->text);
    return reporter->text.failed ? TP_ENOMEM : TP_OK;
}

static void on_make(tp_actor *self, struct reporter *reporter, const bank_make_report *msg) {
    uint64_t entries = 0;
    bank_text_free(&reporter->text);
    tp_err err = report_make(self, reporter, msg);
    for (size_t i = 0; i < reporter->report.account_count; i++) {
        entries += reporter->report.accounts[i].entry_count;
    }
    work_free(reporter);
    if (err == TP_OK) {
        tp_reply(self, bank_report_made, .size = reporter->text.size, .entries = entries);
    } else {
        tp_reply_error(self, err);
    }
}

static void on_read(tp_actor *self, struct reporter *reporter, const bank_read_report *msg) {
    size_t left = msg->at < reporter->text.size ? reporter->text.size - msg->at : 0;
    size_t size = left < PIECE_SIZE ? left : PIECE_SIZE;
    tp_reply(self, bank_report_piece,
             .bytes = {size > 0 ? reporter->text.data + msg->at : NULL, size});
}

TP_BEHAVIOR(reporter_behavior, "bank.reporter", struct reporter,
            TP_INIT_WITH(bank_reporter_start, on_start), TP_ON(bank_make_report, on_make),
            TP_ON(bank_read_report, on_read));

const tp_behavior *const bank_reporter = &reporter_behavior;

/* ---- asking ---- */

/* A request under way: the lists that the message points to. */
struct question {
    bank_report_person person;
    bank_report_part parts[PARTS_MAX];
    bank_report_order orders[PARTS_MAX];
    size_t person_count;
    size_t part_count;
    size_t order_count;
};

static void part_put(struct question *question, const struct bank_register *reg, uint64_t account,
                     bool owner) {
    if (question->part_count == PARTS_MAX) return;
    bank_report_part *part = &question->parts[question->part_count++];
    *part = (bank_report_part){.account = account, .owner = owner};
    if (reg == NULL) return;
    const struct bank_account_fact *fact = bank_register_find_account(reg, account);
    if (fact != NULL) {
        part->opened = fact->opened;
        part->district = fact->district;
    }
    for (size_t i = 0; i < reg->order_count && question->order_count < PARTS_MAX; i++) {
        const struct bank_order *order = &reg->orders[i];
        if (order->account != account) continue;
        question->orders[question->order_count++] =
            (bank_report_order){.account = account,
                                .amount_minor = order->amount_minor,
                                .bank = tp_str_of(order->bank),
                                .to = tp_str_of(order->to),
                                .purpose = tp_str_of(order->purpose)};
    }
}

static tp_err client_put(struct question *question, const struct bank_register *reg,
                         uint64_t number) {
    const struct bank_client *client = reg == NULL ? NULL : bank_register_find_client(reg, number);
    if (client == NULL) return TP_ENOENT;
    question->person = (bank_report_person){.client = client->id,
                                            .district = client->district,
                                            .born = client->born,
                                            .sex = client->sex == 0 ? (tp_str){NULL, 0}
                                                                    : (tp_str){&client->sex, 1}};
    question->person_count = 1;
    for (size_t i = 0; i < bank_register_dispositions(reg); i++) {
        const struct bank_disposition *d = &reg->dispositions[i];
        if (d->client == number) part_put(question, reg, d->account, d->owner);
    }
    return TP_OK;
}

static tp_err pieces_read(tp_actor *self, tp_pid reporter, uint64_t size, struct bank_text *out) {
    for (uint64_t at = 0; at < size;) {
        bank_report_piece piece;
        tp_err err = tp_call(self, reporter, BANK_PATIENCE, &piece, bank_report_piece,
                             bank_read_report, .at = at);
        if (err != TP_OK) return err;
        if (piece.bytes.size == 0) return TP_EBADMSG;
        bank_text_add(out, piece.bytes.data, piece.bytes.size);
        at += piece.bytes.size;
        tp_release(self);
    }
    return out->failed ? TP_ENOMEM : TP_OK;
}

tp_err bank_report_ask(tp_actor *self, tp_pid reporter, const struct bank_report_request *request,
                       struct bank_text *out) {
    struct question question = {.person_count = 0};
    bank_report_made made;
    tp_err err = TP_OK;
    if (request->of_client) {
        err = client_put(&question, request->reg, request->number);
    } else {
        part_put(&question, request->reg, request->number, true);
    }
    if (err != TP_OK) return err;
    err = tp_call(self, reporter, BANK_PATIENCE, &made, bank_report_made, bank_make_report,
                  .person = {&question.person, question.person_count},
                  .parts = {question.parts, question.part_count},
                  .orders = {question.orders, question.order_count}, .format = request->format,
                  .shown_max = request->shown_max);
    return err == TP_OK ? pieces_read(self, reporter, made.size, out) : err;
}
