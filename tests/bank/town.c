/*
 * A town.
 */
#include "tests/bank/town.h"

#include <stdio.h>
#include <string.h>
#include <troupe/call.h>
#include <troupe/sim.h>
#include <troupe/supervisor.h>
#include <troupe/timer.h>

#include "actors/bank/branch.h"
#include "actors/bank/directory.h"
#include "actors/bank/driver.h"
#include "actors/bank/follow.h"
#include "actors/bank/window.h"
#include "tests/support/test.h"

/* ---- playing ---- */

void town_note(struct town *town, const char *file, int line, const char *text) {
    if (town->problem[0] != '\0') return;
    snprintf(town->problem, sizeof town->problem, "%s:%d: not true: %.160s", file, line, text);
}

static void town_free(struct town *town) {
    for (size_t i = 0; i < TOWN_SHARDS_MAX; i++) {
        bank_store_free(town->stores[i]);
        bank_store_free(town->old[i]);
        town->stores[i] = town->old[i] = NULL;
    }
}

static void town_begin(struct town *town) {
    struct town fresh = {
        .body = town->body, .plan = town->plan, .restarts = town->restarts, .seen = town->seen};
    *town = fresh;
    for (uint64_t i = 0; i < town->plan.shards; i++)
        town->stores[i] = bank_store_new(i, town->plan.shards, 100 + i);
}

/* The actors live as long as the simulator, so the stores live longer: until the next play. */
static const char *town_play(tp_sim *sim, void *arg) {
    struct town *town = arg;
    town_free(town);
    town_begin(town);
    if (tp_pid_is_null(tp_sim_spawn_body(sim, town->body, town, NULL))) return "it cannot start";
    tp_err err = tp_sim_run(sim);
    if (town->problem[0] != '\0') return town->problem;
    if (err != TP_OK) return tp_strerror(err);
    return town->done ? NULL : "it did not come to its end";
}

uint64_t town_simulate(tp_body body, const struct town_plan *plan, uint64_t seeds) {
    static const tp_sim_choice choices[] = {TP_SIM_UNIFORM, TP_SIM_PCT};
    struct town town = {.body = body, .plan = *plan};
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        tp_sim_options options = {
            .choice = choices[i], .workers = 2, .runtime = {.log_level = TP_LOG_OFF}};
        uint64_t failed = 0;
        tp_err err = tp_sim_seeds(1, TP_SCALED(seeds), &options, town_play, &town, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu: %s", (unsigned long long)failed, town.problem);
    }
    town_free(&town);
    uint64_t played = TP_SCALED(seeds);
    if (played == seeds) TP_ASSERT_EQ_INT(town.seen & plan->see, plan->see);
    return town.restarts;
}

void town_run(tp_body body, const struct town_plan *plan, unsigned workers) {
    struct town town = {.body = body, .plan = *plan};
    tp_options options = {.workers = workers, .log_level = TP_LOG_OFF};
    town_begin(&town);
    int status = tp_run_with(&options, body, &town);
    town_free(&town);
    TP_ASSERT_MSG(town.problem[0] == '\0', "%s", town.problem);
    TP_ASSERT_EQ_INT(status, 0);
    TP_ASSERT(town.done);
}

/* ---- making it ---- */

static bool keeper_start(tp_actor *self, struct town *town, uint64_t shard,
                         struct bank_shard *setup) {
    tp_child_spec child = {.id = "ledger", .body = bank_shard_body, .arg = setup};
    static const tp_supervisor_spec keeper = {.intensity = 100000};
    if (tp_supervisor_start(self, &town->keepers[shard], &keeper, NULL) != TP_OK) return false;
    return tp_supervisor_start_child(self, town->keepers[shard], &child, NULL) == TP_CHILD_OK;
}

static tp_pid directory_start(tp_actor *self, const char *name, uint64_t shards) {
    tp_pid pid = tp_spawn_with(self, bank_directory, TP_OPTIONS(.name = name, .link = true),
                               bank_directory_start, .node = tp_str_of(name), .shards = shards);
    return pid;
}

static const char *const names[TOWN_SHARDS_MAX + 1] = {"dir.0", "dir.1", "dir.2", "dir.3", "dir.4"};

static bool actors_start(tp_actor *self, struct town *town) {
    uint64_t shards = town->plan.shards;
    for (uint64_t i = 0; i <= shards; i++) {
        town->directories[i] = directory_start(self, names[i], shards);
        if (tp_pid_is_null(town->directories[i])) return false;
        for (uint64_t k = 0; k < i; k++)
            tp_send(self, town->directories[k], bank_meet, .directory = town->directories[i]);
    }
    for (uint64_t i = 0; i < shards; i++) {
        town->setups[i] = (struct bank_shard){town->stores[i], names[i], town->plan.crash_one_in};
        if (!keeper_start(self, town, i, &town->setups[i])) return false;
        tp_pid teller =
            tp_spawn_link(self, bank_branch, bank_branch_start, .directory = tp_str_of(names[i]),
                          .shards = shards, .serve = true);
        if (tp_pid_is_null(teller)) return false;
    }
    tp_str own = tp_str_of(names[shards]);
    town->window = tp_spawn_link(self, bank_window, bank_window_start, .directory = own);
    town->driver =
        tp_spawn_link(self, bank_driver, bank_driver_start, .directory = own, .shards = shards);
    (void)bank_directory_follow(self, own);
    return !tp_pid_is_null(town->window) && !tp_pid_is_null(town->driver);
}

static bool account_open(tp_actor *self, struct town *town, uint64_t account, bank_rule rule,
                         int64_t funds_minor) {
    bank_opened opened;
    bank_outcome outcome = {.code = BANK_PENDING};
    tp_err err = TP_ENOCONNECTION;
    for (int i = 0; i < 1000 && err != TP_OK; i++) {
        err = tp_call(self, town->window, TP_SECONDS(3), &opened, bank_opened, bank_open,
                      .account = account, .rule = rule);
        if (err != TP_OK && tp_sleep(self, TP_MS(10)) != TP_OK) return false;
    }
    err = TP_ENOCONNECTION;
    for (int i = 0; i < 1000 && err != TP_OK; i++) {
        err = tp_call(self, town->window, TP_SECONDS(3), &outcome, bank_outcome, bank_entry,
                      .id = {0, account}, .account = account, .amount_minor = funds_minor,
                      .counter = TP_STR("Cash"));
        if (err != TP_OK && tp_sleep(self, TP_MS(10)) != TP_OK) return false;
    }
    town->paid_in += (uint64_t)funds_minor;
    return err == TP_OK && outcome.code == BANK_DONE;
}

bool town_open(tp_actor *self, struct town *town, uint64_t count, bank_rule rule,
               int64_t funds_minor) {
    bool good = actors_start(self, town);
    for (uint64_t i = 1; i <= count && good; i++)
        good = account_open(self, town, i, rule, funds_minor);
    if (good) good = tp_sleep(self, TP_MS(1)) == TP_OK; /* in the simulator: all have heard all */
    if (!good) town_note(town, __FILE__, __LINE__, "the town can be opened");
    return good;
}

void town_lose(tp_actor *self, struct town *town, uint64_t shard) {
    tp_supervisor_terminate_child(self, town->keepers[shard], "ledger");
    town->old[shard] = town->stores[shard];
    town->stores[shard] = bank_store_new(shard, town->plan.shards, 200 + shard);
    struct bank_shard *setup = &town->setups[TOWN_SHARDS_MAX + shard];
    *setup = (struct bank_shard){town->stores[shard], names[shard], 0};
    if (!keeper_start(self, town, shard, setup))
        town_note(town, __FILE__, __LINE__, "it comes back");
}

void town_verdict(tp_actor *self, struct town *town, enum bank_verdict wanted, uint64_t transfers) {
    struct bank_places places = {.shards = town->plan.shards};
    static struct bank_books empty;
    struct bank_books *books = tp_alloc(self, sizeof *books);
    TOWN_CHECK(town, books != NULL);
    *books = empty;
    books->shards = town->plan.shards;
    books->paid_in_known = true;
    books->paid_in_minor = (bank_wide)town->paid_in;
    for (uint64_t i = 0; i < books->shards; i++) books->expected_generation[i] = 100 + i;
    enum bank_verdict verdict = bank_books_check(self, &places, TP_SECONDS(30), books);
    town->lost_shards = books->lost_shards;
    char what[200];
    snprintf(what, sizeof what, "verdict %d, %llu transfers: %.100s", (int)verdict,
             (unsigned long long)books->transfers, books->problem);
    bool good = verdict == wanted && (wanted != BANK_CONSERVED || books->transfers == transfers);
    if (!good) town_note(town, __FILE__, __LINE__, what);
    bank_books_free(books);
    for (uint64_t i = 0; i < town->plan.shards; i++)
        town->restarts += bank_store_state(town->stores[i]).restarts;
    town->done = true;
}
