/*
 * A client of the demo.
 */
#include "actors/bank/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/places.h"
#include "actors/bank/random.h"

#define TRIES_MAX 100
#define ASK_AGAIN_AFTER TP_MS(10)
#define REPEAT_EVERY 16   /* one transfer in so many is asked for twice */
#define CONFLICT_EVERY 64 /* and one in so many ids is used for another amount */

TP_MESSAGE_AS(client_next, "bank.client_next")

struct client {
    bank_client_start start;
    uint64_t random;
    uint64_t generations[BANK_SHARDS_MAX];
    uint64_t asked; /* how often for the transfer at hand */
    uint64_t made;
    bank_client_done sums;
};

static void on_start(tp_actor *self, struct client *client, const bank_client_start *start) {
    client->start = *start;
    client->random = start->seed;
    tp_send(self, tp_self(self), client_next);
}

static bank_transfer transfer_choose(struct client *client) {
    const bank_client_start *start = &client->start;
    uint64_t from = bank_random_below(&client->random, start->accounts);
    uint64_t step = 1 + bank_random_below(&client->random, start->accounts - 1);
    uint64_t amount = 1 + bank_random_below(&client->random, (uint64_t)start->amount_max_minor);
    return (bank_transfer){
        .id = {bank_random(&client->random) | 1, bank_random(&client->random)},
        .from = 1 + from,
        .to = 1 + (from + step) % start->accounts,
        .amount_minor = (int64_t)amount,
    };
}

/* ---- where the shards are: their generations ---- */

/* False: no teller answers now. */
static bool generations_learn(tp_actor *self, struct client *client) {
    bank_shards shards;
    tp_err err = tp_call(self, client->start.teller, client->start.timeout, &shards, bank_shards,
                         bank_get_shards);
    if (err != TP_OK) return false;
    for (size_t i = 0; i < shards.generations.count && i < BANK_SHARDS_MAX; i++)
        client->generations[i] = shards.generations.items[i];
    tp_release(self);
    return true;
}

/* The generation of the shard that is asked stays with the request: a later one does not know what
 * became of it. False: none is known yet. */
static bool transfer_stamp(tp_actor *self, struct client *client, bank_transfer *transfer) {
    if (client->start.shards == 0) return true;
    uint64_t shard = bank_shard_of(transfer->from, client->start.shards);
    if (client->generations[shard] == 0) (void)generations_learn(self, client);
    transfer->generation = client->generations[shard];
    return transfer->generation != 0;
}

/* ---- asking ---- */

/* Whether an error leaves the outcome open. In one process only some can happen. */
static bool outcome_open(const struct client *client, tp_err err) {
    if (err == TP_ETIMEDOUT || err == TP_EFULL) return true;
    return client->start.shards > 0 &&
           (err == TP_ENOCONNECTION || err == TP_ENOPROC || err == TP_ENOREPLY || err == TP_ENOMEM);
}

/* Asks once; BANK_PENDING when the outcome is not known. */
static tp_err transfer_ask_once(tp_actor *self, struct client *client,
                                const bank_transfer *transfer, bank_outcome *outcome) {
    client->asked++;
    tp_err err = tp_call_value(self, client->start.teller, client->start.timeout,
                               &bank_outcome_message, outcome, &bank_transfer_message, transfer);
    if (err == TP_OK) return TP_OK;
    *outcome = (bank_outcome){.code = BANK_PENDING};
    return outcome_open(client, err) ? TP_OK : err;
}

/* A shard of another generation has not executed it. If nobody else was asked, it may be asked: in
 * its own name. */
static bool transfer_renew(struct client *client, bank_transfer *transfer,
                           const bank_outcome *outcome) {
    if (outcome->code != BANK_OUTCOME_LOST || outcome->generation == 0) return false;
    if (client->start.shards == 0) return false;
    client->generations[bank_shard_of(transfer->from, client->start.shards)] = outcome->generation;
    if (client->asked > 1) return false;
    client->asked = 0;
    transfer->generation = outcome->generation;
    return true;
}

static bool patience_ends(tp_actor *self, const struct client *client, tp_time began, int tries) {
    if (client->start.shards == 0) return tries >= TRIES_MAX;
    return tp_now(self) - began >= client->start.patience;
}

/* Asks until the outcome is known; a timeout says nothing, so the id stays the same. */
static tp_err transfer_ask(tp_actor *self, struct client *client, bank_transfer *transfer,
                           bank_code *code) {
    tp_time began = tp_now(self);
    for (int tries = 0; !patience_ends(self, client, began, tries); tries++) {
        if (transfer->generation != 0 || transfer_stamp(self, client, transfer)) {
            bank_outcome outcome;
            tp_err err = transfer_ask_once(self, client, transfer, &outcome);
            if (err != TP_OK) return err;
            *code = outcome.code;
            bool again = *code == BANK_PENDING || transfer_renew(client, transfer, &outcome);
            if (!again) return TP_OK;
        }
        tp_err err = tp_sleep(self, ASK_AGAIN_AFTER);
        if (err != TP_OK) return err;
    }
    return TP_ETIMEDOUT;
}

static bank_code transfer_make(tp_actor *self, struct client *client, bank_transfer *transfer) {
    bank_code code = BANK_PENDING;
    tp_err err = transfer_ask(self, client, transfer, &code);
    if (err == TP_OK) return code;
    if (err != TP_ETIMEDOUT || client->start.shards == 0)
        tp_fail(self, "transfer: %s", tp_strerror(err));
    return BANK_OUTCOME_LOST;
}

/* Asks again for what it knows; what was lost meanwhile is no wrong answer. */
static void transfer_check(tp_actor *self, struct client *client, bank_transfer *transfer,
                           bank_code wanted) {
    bank_code code = transfer_make(self, client, transfer);
    client->sums.wrong += code != wanted && code != BANK_OUTCOME_LOST ? 1 : 0;
}

static void on_next(tp_actor *self, struct client *client, const client_next *msg) {
    (void)msg;
    if (client->made == client->start.transfers) {
        tp_send_value(self, client->start.steps, &bank_client_done_message, &client->sums);
        tp_exit(self, TP_EXIT_NORMAL);
    }
    char text[64];
    bank_transfer transfer = transfer_choose(client);
    client->asked = 0;
    snprintf(text, sizeof text, "client %" PRIu64 ", transfer %" PRIu64, client->start.number,
             ++client->made);
    transfer.text = tp_str_of(text);
    bank_code code = transfer_make(self, client, &transfer);
    client->sums.done += code == BANK_DONE ? 1 : 0;
    client->sums.unresolved += code == BANK_OUTCOME_LOST ? 1 : 0;
    client->sums.refused += code != BANK_DONE && code != BANK_OUTCOME_LOST ? 1 : 0;
    if (client->made % REPEAT_EVERY == 0 && code != BANK_OUTCOME_LOST) {
        client->sums.repeated++;
        transfer_check(self, client, &transfer, code);
    }
    if (client->made % CONFLICT_EVERY == 0 && code != BANK_OUTCOME_LOST) {
        client->sums.conflicts++;
        transfer.amount_minor++;
        transfer_check(self, client, &transfer, BANK_ID_CONFLICT);
    }
    tp_send(self, client->start.steps, bank_step, .count = 1);
    tp_send(self, tp_self(self), client_next);
}

TP_BEHAVIOR(client_behavior, "bank.client", struct client,
            TP_INIT_WITH(bank_client_start, on_start), TP_ON(client_next, on_next));

const tp_behavior *const bank_client = &client_behavior;
