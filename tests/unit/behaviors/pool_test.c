/*
 * Pools: which worker gets what, what happens when workers end, and growing and shrinking.
 */
#include <stdlib.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

#define LONG TP_SECONDS(100)

TP_MESSAGE(job, TP_FIELD(u64, key), TP_FIELD(i64, ms), TP_FIELD(i32, crash))
TP_MESSAGE(job_done, TP_FIELD(pid, worker), TP_FIELD(u64, key), TP_FIELD(i64, count),
           TP_FIELD(i64, base))
TP_MESSAGE(note, TP_FIELD(i64, n))
TP_MESSAGE(base_is, TP_FIELD(i64, base))

enum { FAIL = 1, KILL_NORMAL = 2 };

struct doer {
    int64_t count, base;
};

static int64_t notes, notes_sum, terminated;
static tp_pid note_from;

static void doer_init(tp_actor *self, struct doer *doer, const base_is *msg) {
    (void)self;
    doer->base = msg->base;
}
static void on_job(tp_actor *self, struct doer *doer, const job *msg) {
    if (msg->ms > 0) tp_sleep(self, TP_MS(msg->ms));
    if (msg->crash == FAIL) tp_fail(self, "asked to");
    if (msg->crash == KILL_NORMAL) tp_exit(self, TP_EXIT_NORMAL);
    doer->count++;
    tp_reply(self, job_done, .worker = tp_self(self), .key = msg->key, .count = doer->count,
             .base = doer->base);
}
static void on_note(tp_actor *self, struct doer *doer, const note *msg) {
    (void)doer;
    note_from = tp_sender(self);
    notes++;
    notes_sum += msg->n;
}
static void doer_end(tp_actor *self, struct doer *doer, const tp_reason *reason) {
    (void)self, (void)doer, (void)reason;
    terminated++;
}
TP_BEHAVIOR(doer_behavior, "doer", struct doer, TP_ON(job, on_job), TP_ON(note, on_note));
TP_BEHAVIOR(ending_behavior, "ending", struct doer, TP_ON(note, on_note), TP_TERMINATE(doer_end));
TP_BEHAVIOR(based_behavior, "based", struct doer, TP_INIT_WITH(base_is, doer_init),
            TP_ON(job, on_job));

static void bad_init(tp_actor *self, struct doer *doer) {
    (void)doer;
    tp_fail(self, "never starts");
}
TP_BEHAVIOR(bad_behavior, "bad", struct doer, TP_INIT(bad_init));

static uint64_t key_of(tp_actor *self, const tp_message *message) {
    job got;
    return tp_message_get(self, message, &got, job) == TP_OK ? got.key : 0;
}

/* ---- the stage ---- */

static tp_pid pool;
static bool finished;
static void (*scenario)(tp_actor *self);

static void body(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true);
    scenario(self);
    finished = true;
}
static void reset(void (*what)(tp_actor *self)) {
    scenario = what;
    finished = false;
    notes = notes_sum = terminated = 0;
}
/* In the simulator, under a few seeds; the pool ends with its parent: no actor is left. */
static void play(void (*what)(tp_actor *self)) {
    for (uint64_t seed = 1; seed <= 15; seed++) {
        tp_sim *sim;
        tp_counters before, after;
        tp_sim_options options = {.seed = seed, .workers = 2};
        options.runtime.log_level = TP_LOG_OFF;
        reset(what);
        TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
        tp_runtime_counters(tp_sim_runtime(sim), &before);
        (void)tp_sim_spawn_body(sim, body, NULL, NULL);
        TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
        TP_ASSERT(finished);
        tp_runtime_counters(tp_sim_runtime(sim), &after);
        TP_ASSERT_EQ_INT(after.actors_alive, before.actors_alive);
        tp_sim_free(sim);
    }
}
static void play_on_two_workers(void (*what)(tp_actor *self)) {
    tp_options options = {.workers = 2, .log_level = TP_LOG_OFF};
    reset(what);
    TP_ASSERT_EQ_INT(tp_run_with(&options, body, NULL), 0);
    TP_ASSERT(finished);
}

static void open_pool(tp_actor *self, tp_pool_spec spec) {
    if (spec.behavior == NULL) spec.behavior = &doer_behavior;
    TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &spec, LONG), TP_OK);
}
static job_done do_job(tp_actor *self, uint64_t key) {
    job_done got = {.count = 0};
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job, .key = key), TP_OK);
    return got;
}
static tp_pool_info look(tp_actor *self) {
    tp_pool_info info = {.workers = 0};
    TP_ASSERT_EQ_INT(tp_pool_look(self, pool, &info, LONG), TP_OK);
    return info;
}
static size_t index_of(const tp_pool_info *info, tp_pid worker) {
    for (size_t i = 0; i < info->pids.count; i++)
        if (tp_pid_equal(info->pids.items[i], worker)) return i;
    return SIZE_MAX;
}

/* ---- routing ---- */

static void turns(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 3});
    tp_pid first = do_job(self, 0).worker, second = do_job(self, 0).worker,
           third = do_job(self, 0).worker;
    TP_ASSERT(!tp_pid_equal(first, second) && !tp_pid_equal(second, third));
    TP_ASSERT(!tp_pid_equal(first, third));
    job_done again = do_job(self, 0);
    TP_ASSERT(tp_pid_equal(again.worker, first));
    TP_ASSERT_EQ_INT(again.count, 2);
}
TP_TEST(pool, round_robin_takes_turns) {
    play(turns);
}

static void sender_stays(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 2});
    tp_send(self, pool, note, .n = 5);
    TP_ASSERT_EQ_INT(tp_pool_stop(self, pool, LONG), TP_OK);
    TP_ASSERT(tp_pid_equal(note_from, tp_self(self)));
    TP_ASSERT_EQ_INT(notes_sum, 5);
}
TP_TEST(pool, a_message_keeps_its_sender_and_payload) {
    play(sender_stays);
}

static void reply_direct(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 2});
    job_done got = do_job(self, 77);
    TP_ASSERT_EQ_INT(got.key, 77);
    TP_ASSERT(!tp_pid_equal(got.worker, pool));
}
TP_TEST(pool, a_call_is_answered_by_a_worker) {
    play(reply_direct);
}

static void arguments(tp_actor *self) {
    static const base_is base = {.base = 9};
    open_pool(self, (tp_pool_spec){.behavior = &based_behavior,
                                   .arguments = {&base_is_message, &base},
                                   .workers = 2});
    TP_ASSERT_EQ_INT(do_job(self, 0).base, 9);
    tp_kill(self, do_job(self, 0).worker);
    tp_sleep(self, TP_MS(1));
    for (int i = 0; i < 4; i++) TP_ASSERT_EQ_INT(do_job(self, 0).base, 9);
}
TP_TEST(pool, every_worker_gets_the_arguments_replacements_too) {
    play(arguments);
}

static void least_loaded(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 2, .router = TP_POOL_LEAST_LOADED});
    tp_future slow = tp_request(self, pool, job, .ms = 1000);
    tp_pid other = do_job(self, 1).worker;
    for (int i = 0; i < 8; i++) {
        TP_ASSERT(tp_pid_equal(do_job(self, 1).worker, other));
        tp_sleep(self, TP_MS(1)); /* the report that it was handled comes after the answer */
    }
    job_done got;
    TP_ASSERT_EQ_INT(tp_await(self, slow, LONG, &got, job_done), TP_OK);
    TP_ASSERT(!tp_pid_equal(got.worker, other));
}
TP_TEST(pool, least_loaded_avoids_the_one_that_is_busy) {
    play(least_loaded);
}

static void loads_told(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 2, .router = TP_POOL_LEAST_LOADED});
    for (int i = 0; i < 6; i++) tp_send(self, pool, job, .ms = 10);
    tp_pool_info info = look(self);
    TP_ASSERT_EQ_INT(info.loads.items[0], 3);
    TP_ASSERT_EQ_INT(info.loads.items[1], 3);
    tp_sleep(self, TP_SECONDS(1));
    info = look(self);
    TP_ASSERT_EQ_INT(info.loads.items[0] + info.loads.items[1], 0);
}
TP_TEST(pool, load_is_what_was_given_and_not_handled) {
    play(loads_told);
}

static void same_key(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 5, .router = TP_POOL_HASH, .key = key_of});
    for (uint64_t key = 0; key < 20; key++) {
        tp_pid worker = do_job(self, key).worker;
        TP_ASSERT(tp_pid_equal(do_job(self, key).worker, worker));
    }
}
TP_TEST(pool, hash_gives_equal_keys_to_one_worker) {
    play(same_key);
}

enum { KEYS = 600 };
static void map_keys(tp_actor *self, size_t *at) {
    tp_pid worker[KEYS];
    for (uint64_t key = 0; key < KEYS; key++) worker[key] = do_job(self, key).worker;
    tp_pool_info info = look(self);
    for (uint64_t key = 0; key < KEYS; key++) at[key] = index_of(&info, worker[key]);
}
static void movement(tp_actor *self) {
    size_t four[KEYS], five[KEYS], again[KEYS];
    int moved = 0;
    open_pool(self, (tp_pool_spec){.workers = 4, .router = TP_POOL_HASH, .key = key_of});
    map_keys(self, four);
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 5, LONG), TP_OK);
    map_keys(self, five);
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 4, LONG), TP_OK);
    map_keys(self, again);
    for (int key = 0; key < KEYS; key++) {
        if (four[key] != five[key]) {
            TP_ASSERT_EQ_INT(five[key], 4); /* only to the new one */
            moved++;
        }
        TP_ASSERT_EQ_INT(again[key], four[key]);
    }
    /* one in five is 120 */
    TP_ASSERT(moved > 60 && moved < 180);
}
TP_TEST(pool, hash_moves_one_key_in_n_and_only_to_the_new_worker) {
    play(movement);
}

static void spread(tp_actor *self) {
    size_t at[KEYS];
    int count[4] = {0};
    open_pool(self, (tp_pool_spec){.workers = 4, .router = TP_POOL_HASH, .key = key_of});
    map_keys(self, at);
    for (int key = 0; key < KEYS; key++) count[at[key]]++;
    for (int i = 0; i < 4; i++) TP_ASSERT(count[i] > 90 && count[i] < 210);
}
TP_TEST(pool, hash_spreads_keys_evenly) {
    play(spread);
}

static void key_survives(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 4, .router = TP_POOL_HASH, .key = key_of});
    job_done before = do_job(self, 42);
    tp_pool_info info = look(self);
    size_t at = index_of(&info, before.worker);
    tp_kill(self, before.worker);
    tp_sleep(self, TP_MS(1));
    job_done after = do_job(self, 42);
    info = look(self);
    TP_ASSERT_EQ_INT(index_of(&info, after.worker), at);
    TP_ASSERT_EQ_INT(after.count, 1);
}
TP_TEST(pool, a_replacement_inherits_the_keys) {
    play(key_survives);
}

static void broadcast(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 4, .router = TP_POOL_BROADCAST});
    tp_send(self, pool, note, .n = 3);
    TP_ASSERT_EQ_INT(look(self).routed, 4);
    TP_ASSERT_EQ_INT(tp_pool_stop(self, pool, LONG), TP_OK);
    TP_ASSERT_EQ_INT(notes, 4);
    TP_ASSERT_EQ_INT(notes_sum, 12);
}
TP_TEST(pool, broadcast_reaches_every_worker) {
    play(broadcast);
}
static void broadcast_call(tp_actor *self) {
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 2, .router = TP_POOL_BROADCAST});
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job), TP_ENOTSUP);
}
TP_TEST(pool, a_call_to_all_is_refused) {
    play(broadcast_call);
}

/* ---- workers that end ---- */

static void crash(tp_actor *self) {
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 2});
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job, .crash = FAIL), TP_ENOPROC);
    tp_sleep(self, TP_MS(1));
    for (int i = 0; i < 4; i++) (void)do_job(self, 1);
    TP_ASSERT_EQ_INT(look(self).workers, 2);
    TP_ASSERT_EQ_INT(look(self).replaced, 1);
}
TP_TEST(pool, a_crashed_worker_is_replaced_and_its_caller_hears) {
    play(crash);
}
static void leaves(tp_actor *self) {
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 2});
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job, .crash = KILL_NORMAL),
                     TP_ENOPROC);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(look(self).workers, 2);
    for (int i = 0; i < 4; i++) (void)do_job(self, 1);
}
TP_TEST(pool, one_that_ends_normally_is_replaced_too) {
    play(leaves);
}
static void too_often(tp_actor *self) {
    tp_exited gone;
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 2, .intensity = 3});
    for (int i = 0; i < 4; i++) {
        (void)tp_call(self, pool, LONG, &got, job_done, job, .crash = FAIL);
        tp_sleep(self, TP_MS(1));
    }
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &gone, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(gone.from, pool));
    TP_ASSERT_EQ_INT(gone.code, TP_EXIT_SHUTDOWN);
}
TP_TEST(pool, too_many_crashes_end_it_with_its_workers) {
    play(too_often);
}
static void slowly(tp_actor *self) {
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 2, .intensity = 3, .period = TP_SECONDS(1)});
    for (int i = 0; i < 12; i++) {
        (void)tp_call(self, pool, LONG, &got, job_done, job, .crash = FAIL);
        tp_sleep(self, TP_MS(400));
    }
    TP_ASSERT_EQ_INT(look(self).replaced, 12);
}
TP_TEST(pool, crashes_outside_the_period_do_not_count) {
    play(slowly);
}
static void killed(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 1, .intensity = 1});
    for (int i = 0; i < 6; i++) {
        tp_kill(self, do_job(self, 0).worker);
        tp_sleep(self, TP_MS(1));
    }
    TP_ASSERT_EQ_INT(look(self).replaced, 6);
}
TP_TEST(pool, killed_workers_are_replaced_without_being_counted) {
    play(killed);
}
static void bad(tp_actor *self) {
    tp_exited gone;
    open_pool(self, (tp_pool_spec){.behavior = &bad_behavior, .workers = 2});
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &gone, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(gone.code, TP_EXIT_SHUTDOWN);
}
TP_TEST(pool, workers_that_cannot_start_end_it) {
    play(bad);
}
static void wrong(tp_actor *self) {
    tp_pool_spec specs[] = {{.workers = 1},
                            {.behavior = &doer_behavior, .router = TP_POOL_HASH},
                            {.behavior = &doer_behavior, .min = 4, .max = 2},
                            {.behavior = &doer_behavior, .workers = 9, .max = 8}};
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++)
        TP_ASSERT_EQ_INT(tp_pool_start(self, &pool, &specs[i], LONG), TP_EINVAL);
}
TP_TEST(pool, a_wrong_specification_is_refused) {
    play(wrong);
}

/* ---- growing and shrinking ---- */

static void grows(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 1});
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 4, LONG), TP_OK);
    TP_ASSERT_EQ_INT(look(self).workers, 4);
    tp_send(self, pool, tp_pool_set_size, .workers = 6);
    TP_ASSERT_EQ_INT(look(self).workers, 6);
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 0, LONG), TP_EINVAL);
    TP_ASSERT_EQ_INT(look(self).workers, 6);
}
TP_TEST(pool, grows_by_a_call_and_by_a_message) {
    play(grows);
}
static void drains(tp_actor *self) {
    tp_future futures[40];
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 4});
    for (int i = 0; i < 40; i++) {
        futures[i] = tp_request(self, pool, job, .key = (uint64_t)i, .ms = 5);
        tp_send(self, pool, note, .n = 1);
    }
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 1, LONG), TP_OK);
    TP_ASSERT(look(self).draining > 0);
    for (int i = 0; i < 40; i++)
        TP_ASSERT_EQ_INT(tp_await(self, futures[i], LONG, &got, job_done), TP_OK);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(notes, 40);
    TP_ASSERT_EQ_INT(look(self).draining, 0);
    TP_ASSERT_EQ_INT(look(self).workers, 1);
}
TP_TEST(pool, shrinking_loses_nothing) {
    play(drains);
}
static void stops(tp_actor *self) {
    tp_exited gone;
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 3});
    for (int i = 0; i < 30; i++) tp_send(self, pool, note, .n = 1);
    TP_ASSERT_EQ_INT(tp_pool_stop(self, pool, LONG), TP_OK);
    TP_ASSERT_EQ_INT(notes, 30);
    TP_ASSERT_EQ_INT(tp_receive(self, LONG, &gone, tp_exited), TP_OK);
    TP_ASSERT_EQ_INT(gone.code, TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job), TP_ENOPROC);
}
TP_TEST(pool, stopping_handles_what_was_accepted) {
    play(stops);
}
static void terminates(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.behavior = &ending_behavior, .workers = 5});
    for (int i = 0; i < 10; i++) tp_send(self, pool, note, .n = 1);
    TP_ASSERT_EQ_INT(tp_pool_resize(self, pool, 2, LONG), TP_OK);
    tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(terminated, 3);
    TP_ASSERT_EQ_INT(tp_pool_stop(self, pool, LONG), TP_OK);
    TP_ASSERT_EQ_INT(terminated, 5);
    TP_ASSERT_EQ_INT(notes, 10);
}
TP_TEST(pool, workers_that_are_given_up_run_their_terminate) {
    play(terminates);
}
static void stop_refuses(tp_actor *self) {
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 1});
    tp_send(self, pool, job, .ms = 100);
    TP_ASSERT_EQ_INT(tp_pool_stop(self, pool, TP_MS(10)), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_call(self, pool, LONG, &got, job_done, job), TP_ECLOSED);
    tp_sleep(self, TP_SECONDS(1));
    TP_ASSERT(!tp_alive(tp_self_runtime(self), pool));
}
TP_TEST(pool, one_that_stops_takes_no_more) {
    play(stop_refuses);
}
static void automatic(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.min = 1, .max = 4, .load = 2});
    TP_ASSERT_EQ_INT(look(self).workers, 1);
    for (int i = 0; i < 40; i++) tp_send(self, pool, job, .ms = 10);
    TP_ASSERT_EQ_INT(look(self).workers, 4);
    tp_sleep(self, TP_SECONDS(10));
    TP_ASSERT_EQ_INT(look(self).workers, 1);
    TP_ASSERT_EQ_INT(look(self).routed, 40);
}
TP_TEST(pool, grows_under_load_and_shrinks_when_idle) {
    play(automatic);
}

/* ---- ends ---- */

static void parent_ends(tp_actor *self) {
    open_pool(self, (tp_pool_spec){.workers = 3});
    (void)do_job(self, 0);
    tp_exit_with(self, ((finished = true), (tp_reason){.code = TP_EXIT_NORMAL}));
}
TP_TEST(pool, ends_with_its_parent) {
    play(parent_ends);
}

static const tp_pool_spec supervised_pool = {.behavior = &doer_behavior, .workers = 2};
static const tp_supervisor_spec tree = {
    .children =
        TP_CHILDREN({.id = "pool",
                     .behavior = &tp_pool_behavior,
                     .arguments = TP_ARGUMENTS(tp_pool_of, .spec = TP_POOL_SPEC(supervised_pool)),
                     .options = {.name = "doers"}})};
static void supervised(tp_actor *self) {
    tp_pid supervisor;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &tree, NULL), TP_OK);
    pool = tp_whereis(tp_self_runtime(self), "doers");
    (void)do_job(self, 0);
    tp_kill(self, pool);
    tp_sleep(self, TP_MS(1));
    pool = tp_whereis(tp_self_runtime(self), "doers");
    (void)do_job(self, 0);
}
TP_TEST(pool, is_a_child_of_a_supervisor) {
    play(supervised);
}

/* ---- two real workers ---- */

static void storm(tp_actor *self) {
    enum { CALLS = 300 };
    tp_future futures[CALLS];
    int answered = 0, lost = 0;
    open_pool(self,
              (tp_pool_spec){.workers = 4, .router = TP_POOL_LEAST_LOADED, .intensity = CALLS});
    for (int i = 0; i < CALLS; i++)
        futures[i] = tp_request(self, pool, job, .crash = i % 10 == 7 ? FAIL : 0);
    for (int i = 0; i < CALLS; i++) {
        job_done got;
        tp_err err = tp_await(self, futures[i], LONG, &got, job_done);
        if (err == TP_OK) answered++;
        else if (err == TP_ENOPROC) lost++;
    }
    TP_ASSERT_EQ_INT(answered + lost, CALLS);
    TP_ASSERT(answered > 0 && lost >= 4);
    for (int i = 0; i < 20; i++) {
        job_done got;
        (void)tp_call(self, pool, LONG, &got, job_done, job);
    }
    TP_ASSERT_EQ_INT(look(self).workers, 4);
}
TP_TEST(pool, every_call_is_decided_when_workers_crash) {
    play_on_two_workers(storm);
}
static void breathing(tp_actor *self) {
    enum { CALLS = 400 };
    tp_future futures[CALLS];
    job_done got;
    open_pool(self, (tp_pool_spec){.workers = 1});
    for (int i = 0; i < CALLS; i++) {
        futures[i] = tp_request(self, pool, job, .key = 1);
        if (i % 10 == 0) tp_send(self, pool, tp_pool_set_size, .workers = 1 + (uint32_t)i % 7);
    }
    for (int i = 0; i < CALLS; i++)
        TP_ASSERT_EQ_INT(tp_await(self, futures[i], LONG, &got, job_done), TP_OK);
}
TP_TEST(pool, growing_and_shrinking_under_load_loses_nothing) {
    play_on_two_workers(breathing);
}
