/*
 * The ledger actor of a shard. What it keeps beside the store is only who waits for what; whoever
 * waits hears of a crash and asks again.
 */
#include "actors/bank/shard.h"

#include <string.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/follow.h"
#include "actors/bank/page.h"
#include "actors/bank/places.h"

/* When credits that were not answered are asked for again. */
#define RETRY_AFTER TP_SECONDS(1)

TP_MESSAGE_AS(shard_retry, "bank.shard_retry")

enum point {
    BEFORE_STEP,
    AFTER_STEP,
    BEFORE_ASKING,
    AFTER_ASKING,
    BEFORE_CREDIT,
    AFTER_CREDIT,
    BEFORE_SETTLING,
    AFTER_SETTLING,
    BEFORE_TELLING,
    AFTER_TELLING,
    AT_RETRY,
    AT_CHANGE
};

struct waiter {
    bank_id id;
    tp_from from;
};

struct shard {
    const struct bank_shard *setup;
    struct bank_store *store;
    struct bank_places places;
    struct waiter *waiters; /* the actor's memory: it goes with it */
    size_t waiter_count, waiters_max;
    tp_ref timer; /* armed while something is pending */
};

/* For tests and demonstrations: the actor ends here, as if its code had failed. */
static void crash_point(tp_actor *self, const struct shard *shard, enum point point) {
    static const char *const where[] = {BANK_SHARD_CRASH_POINTS};
    uint64_t one_in = shard->setup->crash_one_in;
    if (one_in > 0 && tp_random(self) % one_in == 0) tp_fail(self, "crash %s", where[point]);
}

/* True when it was asked of this generation; otherwise the caller is told that nobody knows. */
static bool generation_is(const struct shard *shard, uint64_t generation) {
    return generation == 0 || generation == bank_store_generation(shard->store);
}

/* ---- who waits for an outcome ---- */

static size_t waiter_find(const struct shard *shard, const bank_id *id) {
    size_t i = 0;
    while (i < shard->waiter_count &&
           (shard->waiters[i].id.low != id->low || shard->waiters[i].id.high != id->high))
        i++;
    return i;
}

static void waiters_grow(tp_actor *self, struct shard *shard) {
    if (shard->waiter_count < shard->waiters_max) return;
    size_t max = shard->waiters_max == 0 ? 64 : shard->waiters_max * 2;
    struct waiter *waiters = tp_alloc(self, max * sizeof *waiters);
    if (waiters == NULL) tp_exit(self, TP_EXIT_NOMEM);
    if (shard->waiter_count > 0)
        memcpy(waiters, shard->waiters, shard->waiter_count * sizeof *waiters);
    tp_free(self, shard->waiters);
    shard->waiters = waiters;
    shard->waiters_max = max;
}

/* Whoever asked before for the same transfer has asked again, or is gone. */
static void waiter_put(tp_actor *self, struct shard *shard, const bank_id *id) {
    size_t n = waiter_find(shard, id);
    if (n < shard->waiter_count) {
        tp_reply_to(self, shard->waiters[n].from, bank_outcome, .id = *id, .code = BANK_PENDING);
    } else {
        waiters_grow(self, shard);
        shard->waiter_count++;
    }
    shard->waiters[n] = (struct waiter){*id, tp_defer(self)};
    if (tp_pid_is_null(shard->waiters[n].from.caller))
        shard->waiters[n] = shard->waiters[--shard->waiter_count];
}

static void waiter_tell(tp_actor *self, struct shard *shard, const bank_id *id, bank_code code) {
    size_t n = waiter_find(shard, id);
    if (n == shard->waiter_count) return;
    tp_from from = shard->waiters[n].from;
    shard->waiters[n] = shard->waiters[--shard->waiter_count];
    tp_reply_to(self, from, bank_outcome, .id = *id, .code = code);
}

/* ---- asking another shard for a credit ---- */

static void timer_arm(tp_actor *self, struct shard *shard) {
    if (shard->timer != 0 || bank_store_state(shard->store).pending == 0) return;
    shard->timer = tp_send_after(self, RETRY_AFTER, tp_self(self), shard_retry);
    if (shard->timer == 0) tp_exit(self, TP_EXIT_NOMEM);
}

/* The generation that was asked first stays: only that shard can know. */
static void credit_ask(tp_actor *self, struct shard *shard, const struct bank_pending *pending) {
    uint64_t to = bank_shard_of(pending->to, bank_store_shards(shard->store));
    const struct bank_place *place = &shard->places.at[to];
    if (tp_pid_is_null(place->ledger)) return; /* it is asked when it is heard of */
    uint64_t generation = bank_store_stamp(shard->store, &pending->id, place->generation);
    tp_send(self, place->ledger, bank_credit, .id = pending->id, .from = pending->from,
            .to = pending->to, .amount_minor = pending->amount_minor, .date = pending->date,
            .order = pending->order, .text = pending->text, .generation = generation);
}

static void credits_ask(tp_actor *self, struct shard *shard) {
    struct bank_pending pending;
    size_t n = bank_store_pending(shard->store, BANK_STORE_NONE, &pending);
    for (; n != BANK_STORE_NONE; n = bank_store_pending(shard->store, n, &pending))
        credit_ask(self, shard, &pending);
    timer_arm(self, shard);
}

static void on_retry(tp_actor *self, struct shard *shard, const shard_retry *msg) {
    (void)msg;
    shard->timer = 0;
    crash_point(self, shard, AT_RETRY);
    credits_ask(self, shard);
}

static void on_services(tp_actor *self, struct shard *shard, const bank_services *msg) {
    bank_places_take(&shard->places, msg);
    crash_point(self, shard, AT_CHANGE);
    credits_ask(self, shard);
}

/* ---- transfers from here ---- */

static void on_transfer(tp_actor *self, struct shard *shard, const bank_transfer *msg) {
    struct bank_pending pending;
    if (!generation_is(shard, msg->generation)) {
        tp_reply(self, bank_outcome, .id = msg->id, .code = BANK_OUTCOME_LOST,
                 .generation = bank_store_generation(shard->store));
        return;
    }
    crash_point(self, shard, BEFORE_STEP);
    bank_code code = bank_store_transfer(shard->store, msg);
    crash_point(self, shard, AFTER_STEP);
    if (code == BANK_NO_MEMORY) {
        tp_reply_error(self, TP_ENOMEM); /* nothing has come of it: it may be asked again */
        return;
    }
    if (code != BANK_PENDING) {
        crash_point(self, shard, BEFORE_TELLING);
        tp_reply(self, bank_outcome, .id = msg->id, .code = code);
        crash_point(self, shard, AFTER_TELLING);
        return;
    }
    waiter_put(self, shard, &msg->id);
    if (!bank_store_pending_find(shard->store, &msg->id, &pending)) return;
    crash_point(self, shard, BEFORE_ASKING);
    if (pending.generation == 0) credit_ask(self, shard, &pending);
    timer_arm(self, shard);
    crash_point(self, shard, AFTER_ASKING);
}

static void on_credited(tp_actor *self, struct shard *shard, const bank_credited *msg) {
    crash_point(self, shard, BEFORE_SETTLING);
    if (!bank_store_settle(shard->store, &msg->id, msg->code)) return;
    crash_point(self, shard, AFTER_SETTLING);
    waiter_tell(self, shard, &msg->id, msg->code);
    crash_point(self, shard, AFTER_TELLING);
}

/* ---- transfers to here ---- */

/* Without memory there is no answer: it will be asked again. */
static void on_credit(tp_actor *self, struct shard *shard, const bank_credit *msg) {
    bank_code code = BANK_OUTCOME_LOST;
    if (generation_is(shard, msg->generation)) {
        crash_point(self, shard, BEFORE_CREDIT);
        code = bank_store_credit(shard->store, msg);
        crash_point(self, shard, AFTER_CREDIT);
    }
    if (code == BANK_NO_MEMORY) return;
    tp_send(self, tp_sender(self), bank_credited, .id = msg->id, .code = code);
    crash_point(self, shard, AFTER_TELLING);
}

/* ---- accounts ---- */

static void on_open(tp_actor *self, struct shard *shard, const bank_open *msg) {
    bool fresh;
    crash_point(self, shard, BEFORE_STEP);
    if (bank_store_open(shard->store, msg, &fresh) != BANK_DONE) tp_reply_error(self, TP_ENOMEM);
    else tp_reply(self, bank_opened, .account = msg->account, .fresh = fresh);
}

static void on_entry(tp_actor *self, struct shard *shard, const bank_entry *msg) {
    crash_point(self, shard, BEFORE_STEP);
    bank_code code = bank_store_entry(shard->store, msg);
    crash_point(self, shard, AFTER_STEP);
    if (code == BANK_NO_MEMORY) tp_reply_error(self, TP_ENOMEM);
    else tp_reply(self, bank_outcome, .id = msg->id, .code = code);
}

static void on_freeze(tp_actor *self, struct shard *shard, const bank_freeze *msg) {
    tp_reply(self, bank_outcome,
             .code = bank_store_freeze(shard->store, msg->account, msg->frozen));
}

static void on_set_date(tp_actor *self, struct shard *shard, const bank_set_date *msg) {
    (void)self;
    bank_store_set_date(shard->store, msg->date);
}

/* ---- reading ---- */

static void on_get_balance(tp_actor *self, struct shard *shard, const bank_get_balance *msg) {
    bank_balance balance = bank_store_balance(shard->store, msg->account);
    tp_reply_value(self, &bank_balance_message, &balance);
}

static void on_read_balances(tp_actor *self, struct shard *shard, const bank_read_balances *msg) {
    bank_balance list[BANK_PAGE_LINES];
    size_t count = 0;
    for (uint64_t n = msg->start; count < BANK_PAGE_LINES; n++, count++)
        if (!bank_store_account(shard->store, n, &list[count])) break;
    tp_reply(self, bank_balances, .total = bank_store_state(shard->store).accounts,
             .list = {list, count});
}

static void on_get_state(tp_actor *self, struct shard *shard, const bank_get_shard_state *msg) {
    (void)msg;
    bank_shard_state state = bank_store_state(shard->store);
    tp_reply_value(self, &bank_shard_state_message, &state);
}

static void on_read(tp_actor *self, struct shard *shard, const bank_read *msg) {
    bank_line lines[BANK_PAGE_LINES];
    uint64_t total;
    size_t count = bank_journal_page(bank_store_journal(shard->store), msg->account, msg->start,
                                     lines, &total);
    tp_reply(self, bank_page, .total = total, .lines = {lines, count});
}

TP_CASES(shard_cases, struct shard, TP_ON(bank_transfer, on_transfer),
         TP_ON(bank_credit, on_credit), TP_ON(bank_credited, on_credited),
         TP_ON(bank_open, on_open), TP_ON(bank_entry, on_entry), TP_ON(bank_freeze, on_freeze),
         TP_ON(bank_set_date, on_set_date), TP_ON(bank_get_balance, on_get_balance),
         TP_ON(bank_read_balances, on_read_balances), TP_ON(bank_get_shard_state, on_get_state),
         TP_ON(bank_read, on_read), TP_ON(bank_services, on_services),
         TP_ON(shard_retry, on_retry));

void bank_shard_body(tp_actor *self, void *arg) {
    struct bank_shard *setup = arg;
    struct shard shard = {.setup = setup, .store = setup->store};
    shard.places.shards = bank_store_shards(shard.store);
    (void)bank_store_begin(shard.store);
    tp_pid directory = bank_directory_follow(self, tp_str_of(setup->directory));
    tp_send(self, directory, bank_serve, .role = BANK_ROLE_LEDGER,
            .shard = bank_store_shard(shard.store), .shards = shard.places.shards,
            .generation = bank_store_generation(shard.store));
    while (tp_receive_cases(self, TP_FOREVER, &shard, shard_cases) == TP_OK) {
    }
}
