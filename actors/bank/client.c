/*
 * A client of the demo.
 */
#include "actors/bank/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#include "actors/bank/random.h"

#define TRIES_MAX 100
#define ASK_AGAIN_AFTER TP_MS(10)
#define REPEAT_EVERY 16   /* one transfer in so many is asked for twice */
#define CONFLICT_EVERY 64 /* and one in so many ids is used for another amount */

TP_MESSAGE_AS(client_next, "bank.client_next")

struct client {
    bank_client_start start;
    uint64_t random;
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

/* Asks until the outcome is known; a timeout says nothing, so the id stays the same. */
static tp_err transfer_ask(tp_actor *self, struct client *client, const bank_transfer *transfer,
                           bank_code *code) {
    tp_err err = TP_ETIMEDOUT;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        bank_outcome outcome;
        err = tp_call_value(self, client->start.teller, client->start.timeout,
                            &bank_outcome_message, &outcome, &bank_transfer_message, transfer);
        if (err != TP_OK && err != TP_ETIMEDOUT && err != TP_EFULL) return err;
        *code = err == TP_OK ? outcome.code : BANK_PENDING;
        if (*code != BANK_PENDING) return TP_OK;
        err = tp_sleep(self, ASK_AGAIN_AFTER);
        if (err != TP_OK) return err;
    }
    return TP_ETIMEDOUT;
}

static bank_code transfer_make(tp_actor *self, struct client *client,
                               const bank_transfer *transfer) {
    bank_code code = BANK_PENDING;
    tp_err err = transfer_ask(self, client, transfer, &code);
    if (err != TP_OK) tp_fail(self, "transfer: %s", tp_strerror(err));
    return code;
}

static void on_next(tp_actor *self, struct client *client, const client_next *msg) {
    (void)msg;
    if (client->made == client->start.transfers) {
        tp_send_value(self, client->start.steps, &bank_client_done_message, &client->sums);
        tp_exit(self, TP_EXIT_NORMAL);
    }
    char text[64];
    bank_transfer transfer = transfer_choose(client);
    snprintf(text, sizeof text, "client %" PRIu64 ", transfer %" PRIu64, client->start.number,
             ++client->made);
    transfer.text = tp_str_of(text);
    bank_code code = transfer_make(self, client, &transfer);
    client->sums.done += code == BANK_DONE ? 1 : 0;
    client->sums.refused += code != BANK_DONE ? 1 : 0;
    if (client->made % REPEAT_EVERY == 0) {
        client->sums.repeated++;
        client->sums.wrong += transfer_make(self, client, &transfer) != code ? 1 : 0;
    }
    if (client->made % CONFLICT_EVERY == 0) {
        client->sums.conflicts++;
        transfer.amount_minor++;
        client->sums.wrong += transfer_make(self, client, &transfer) != BANK_ID_CONFLICT ? 1 : 0;
    }
    tp_send(self, client->start.steps, bank_step, .count = 1);
    tp_send(self, tp_self(self), client_next);
}

TP_BEHAVIOR(client_behavior, "bank.client", struct client,
            TP_INIT_WITH(bank_client_start, on_start), TP_ON(client_next, on_next));

const tp_behavior *const bank_client = &client_behavior;
