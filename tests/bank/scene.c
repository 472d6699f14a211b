/*
 * Scenes, in the simulator and on threads.
 */
#include "tests/bank/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/sim.h>
#include <troupe/timer.h>

#include "actors/bank/auditor.h"
#include "tests/support/test.h"

/* ---- playing ---- */

void scene_note(struct scene *scene, const char *file, int line, const char *text) {
    if (scene->problem[0] != '\0') return;
    snprintf(scene->problem, sizeof scene->problem, "%s:%d: not true: %.160s", file, line, text);
}

static const char *scene_play(tp_sim *sim, void *arg) {
    struct scene *scene = arg;
    tp_body body = scene->body;
    *scene = (struct scene){.body = body};
    if (tp_pid_is_null(tp_sim_spawn_body(sim, body, scene, NULL))) return "the scene cannot start";
    tp_err err = tp_sim_run(sim);
    if (scene->problem[0] != '\0') return scene->problem;
    if (err != TP_OK) return tp_strerror(err);
    return scene->done ? NULL : "the scene did not come to its end";
}

void scene_simulate(tp_body body, uint64_t seeds) {
    seeds = TP_SCALED(seeds);
    static const tp_sim_choice choices[] = {TP_SIM_UNIFORM, TP_SIM_PCT};
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct scene scene = {.body = body};
        tp_sim_options options = {.choice = choices[i], .workers = 2};
        uint64_t failed = 0;
        tp_err err = tp_sim_seeds(1, seeds, &options, scene_play, &scene, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu: %s", (unsigned long long)failed, scene.problem);
    }
}

void scene_run(tp_body body, unsigned workers) {
    struct scene scene = {.body = body};
    tp_options options = {.workers = workers};
    int status = tp_run_with(&options, body, &scene);
    TP_ASSERT_MSG(scene.problem[0] == '\0', "%s", scene.problem);
    TP_ASSERT_EQ_INT(status, 0);
    TP_ASSERT(scene.done);
}

/* ---- a bank to play with ---- */

static bool fund(tp_actor *self, struct scene *scene, uint64_t account, int64_t funds_minor) {
    bank_outcome outcome;
    tp_err err = tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome,
                         bank_entry, .id = {0, account}, .account = account,
                         .amount_minor = funds_minor, .counter = TP_STR("Cash"));
    return err == TP_OK && outcome.code == BANK_DONE;
}

bool scene_bank(tp_actor *self, struct scene *scene, uint64_t count, bank_rule rule,
                int64_t limit_minor, int64_t funds_minor) {
    bool good = bank_start(self, &scene->bank) == TP_OK;
    for (uint64_t account = 1; account <= count && good; account++) {
        good = bank_open_account(self, &scene->bank, account, rule, limit_minor) == TP_OK &&
               (funds_minor == 0 || fund(self, scene, account, funds_minor));
    }
    if (!good) scene_note(scene, __FILE__, __LINE__, "the bank can be opened");
    return good;
}

int scene_transfer(tp_actor *self, struct scene *scene, uint64_t id, uint64_t from, uint64_t to,
                   int64_t amount_minor) {
    bank_outcome outcome;
    tp_err err =
        tp_call(self, scene->bank.teller, BANK_PATIENCE, &outcome, bank_outcome, bank_transfer,
                .id = {1, id}, .from = from, .to = to, .amount_minor = amount_minor);
    return err == TP_OK ? (int)outcome.code : -1;
}

int scene_transfer_done(tp_actor *self, struct scene *scene, uint64_t id, uint64_t from,
                        uint64_t to, int64_t amount_minor) {
    int code;
    while ((code = scene_transfer(self, scene, id, from, to, amount_minor)) == BANK_PENDING) {
        if (tp_sleep(self, TP_MS(10)) != TP_OK) return -1;
    }
    return code;
}

int64_t scene_balance(tp_actor *self, struct scene *scene, uint64_t account) {
    bank_balance balance;
    tp_err err = tp_call(self, scene->bank.teller, BANK_PATIENCE, &balance, bank_balance,
                         bank_get_balance, .account = account);
    return err == TP_OK && balance.code == BANK_DONE ? balance.balance_minor : INT64_MIN;
}

static const char *accounts_compare(tp_actor *self, struct scene *scene, uint64_t count,
                                    const struct bank_journal *journal) {
    for (uint64_t account = 1; account <= count; account++) {
        char name[BANK_NAME_SIZE];
        bank_account_name(account, name);
        size_t n = bank_journal_find(journal, tp_str_of(name));
        bank_wide recorded = n == BANK_MAP_NONE ? 0 : journal->accounts[n].balance_minor;
        if (scene_balance(self, scene, account) != recorded)
            return "an account and the ledger differ";
    }
    return NULL;
}

const char *scene_books(tp_actor *self, struct scene *scene, uint64_t count, uint64_t *records) {
    struct bank_journal journal = {0};
    int64_t *floors = tp_alloc(self, count * sizeof *floors);
    const char *problem = "the books cannot be read";
    if (floors != NULL && bank_floors_read(self, scene->bank.teller, count, floors) == TP_OK &&
        bank_read_journal(self, scene->bank.ledger, &journal) == TP_OK) {
        problem = bank_journal_audit(&journal, floors, count);
    }
    if (problem == NULL) problem = accounts_compare(self, scene, count, &journal);
    if (records != NULL) *records = journal.count;
    bank_journal_free(&journal);
    tp_free(self, floors);
    return problem;
}
