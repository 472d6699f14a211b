/*
 * Scenes: an actor that plays a bank through and checks it. The same scene runs in the simulator,
 * once for each of many seeds, and on real threads, so that the sanitizers see it too.
 */
#ifndef TESTS_BANK_SCENE_H
#define TESTS_BANK_SCENE_H

#include <troupe/actor.h>
#include <troupe/call.h>

#include "actors/bank/bank.h"

/* What a scene leaves: `done` when it came to its end, `problem` when something was wrong. */
struct scene {
    tp_body body;
    bool done;
    char problem[256];
    struct bank bank;
};

/* Plays a scene under seeds 1 to `seeds`; the test fails with the first problem. */
void scene_simulate(tp_body body, uint64_t seeds);
/* Plays it once on `workers` threads. */
void scene_run(tp_body body, unsigned workers);

/* Notes what is wrong, unless something was before. */
void scene_note(struct scene *scene, const char *file, int line, const char *text);

/* Within a scene: notes what is not true, and leaves the function. */
#define SCENE_CHECK(scene, condition)                                                              \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            scene_note((scene), __FILE__, __LINE__, #condition);                                   \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* A bank with accounts 1..count, each funded from Cash. False: it could not be made. */
bool scene_bank(tp_actor *self, struct scene *scene, uint64_t count, bank_rule rule,
                int64_t limit_minor, int64_t funds_minor);
/* Asks for a transfer once; the outcome's code, or -1 when the call failed. */
int scene_transfer(tp_actor *self, struct scene *scene, uint64_t id, uint64_t from, uint64_t to,
                   int64_t amount_minor);
/* The same until the outcome is known. */
int scene_transfer_done(tp_actor *self, struct scene *scene, uint64_t id, uint64_t from,
                        uint64_t to, int64_t amount_minor);
/* What an account has; INT64_MIN when it does not say. */
int64_t scene_balance(tp_actor *self, struct scene *scene, uint64_t account);
/* Reads the ledger and checks everything: sums, floors of accounts 1..count, and each account
 * against it. NULL when all is well; otherwise what is wrong. `records` may be NULL. */
const char *scene_books(tp_actor *self, struct scene *scene, uint64_t count, uint64_t *records);

#endif
