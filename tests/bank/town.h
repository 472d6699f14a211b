/*
 * A town: a bank over several shards in one process, with a directory for each of its nodes. What a
 * network does between nodes is done by the order in which the simulator lets things happen.
 */
#ifndef TESTS_BANK_TOWN_H
#define TESTS_BANK_TOWN_H

#include <troupe/actor.h>

#include "actors/bank/books.h"
#include "actors/bank/shard.h"

#define TOWN_SHARDS_MAX 4

/* How a town is made. */
struct town_plan {
    uint64_t shards;
    uint64_t crash_one_in; /* of the ledger actors */
    unsigned see;          /* bits of town.seen that must come up over all seeds */
};

struct town {
    tp_body body;
    struct town_plan plan;
    bool done;
    char problem[256];
    struct bank_store *stores[TOWN_SHARDS_MAX];
    struct bank_store *old[TOWN_SHARDS_MAX]; /* of shards that were lost */
    struct bank_shard setups[2 * TOWN_SHARDS_MAX];
    tp_pid directories[TOWN_SHARDS_MAX + 1]; /* the last is the clients' */
    tp_pid keepers[TOWN_SHARDS_MAX];         /* the supervisors of the ledger actors */
    tp_pid driver, window;
    uint64_t paid_in;
    uint64_t lost_shards;
    uint64_t restarts;
    unsigned seen;
};

/* Plays it under seeds 1 to `seeds`; returns how often ledger actors crashed. */
uint64_t town_simulate(tp_body body, const struct town_plan *plan, uint64_t seeds);
/* Plays it once on threads. */
void town_run(tp_body body, const struct town_plan *plan, unsigned workers);

/* Notes what is wrong, unless something was before. */
void town_note(struct town *town, const char *file, int line, const char *text);
/* Within a body: notes what is not true, and leaves the function. */
#define TOWN_CHECK(town, condition)                                                                \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            town_note((town), __FILE__, __LINE__, #condition);                                     \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Starts everything and opens accounts 1..count. */
bool town_open(tp_actor *self, struct town *town, uint64_t count, bank_rule rule,
               int64_t funds_minor);
/* A shard's process ends: another one comes up in its place, empty, with another generation. */
void town_lose(tp_actor *self, struct town *town, uint64_t shard);
/* The verdict must be this one; for BANK_CONSERVED with so many transfers. Ends the scene. */
void town_verdict(tp_actor *self, struct town *town, enum bank_verdict wanted, uint64_t transfers);

#endif
