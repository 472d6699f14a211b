/*
 * Death at every moment: requests, links, monitors and suspended senders whose other side ends
 * while they are under way. Everyone who waits hears of it, exactly once; and nobody hears what is
 * not so.
 */
#include <string.h>

#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(ask)
TP_MESSAGE(answer, TP_FIELD(i64, n))
TP_MESSAGE(hold)
TP_MESSAGE(work, TP_FIELD(i64, n))
TP_MESSAGE(chain, TP_FIELD(i64, layer))
TP_MESSAGE(result, TP_FIELD(i64, good), TP_FIELD(i64, bad))

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SCALE 8
#else
#define SCALE 1
#endif
#define SOON TP_SECONDS(60)

static void silence(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}
static void on_workers(tp_body body, void *arg) {
    for (unsigned workers = 1; workers <= 8; workers *= 2) {
        tp_options options = {.workers = workers, .max_actors = 1u << 18, .log_hook = silence};
        TP_ASSERT_EQ_INT(tp_run_with(&options, body, arg), 0);
    }
}

/* ---- a request meets a death ---- */

struct server {
    tp_from held;
};
static void on_ask(tp_actor *self, struct server *server, const ask *msg) {
    (void)server, (void)msg;
    tp_reply(self, answer, .n = 1);
}
static void on_hold(tp_actor *self, struct server *server, const hold *msg) {
    (void)msg;
    server->held = tp_defer(self);
}
static void on_work(tp_actor *self, struct server *server, const work *msg) {
    (void)server;
    if (msg->n == 0) tp_exit(self, TP_EXIT_NORMAL);
    else tp_yield(self);
}
TP_BEHAVIOR(server_behavior, "server", struct server, TP_ON(ask, on_ask), TP_ON(hold, on_hold),
            TP_ON(work, on_work));

static void answers_one(tp_actor *self, void *arg) {
    ask got;
    (void)arg;
    if (tp_receive(self, TP_FOREVER, &got, ask) != TP_OK) return;
    tp_yield(self);
    tp_reply(self, answer, .n = 2);
}
static void answers_many(tp_actor *self, void *arg) {
    ask got;
    (void)arg;
    while (tp_receive(self, TP_FOREVER, &got, ask) == TP_OK) tp_reply(self, answer, .n = 3);
}

static tp_pid a_server(tp_actor *self, uint64_t kind) {
    switch (kind % 3) {
    case 0: return tp_spawn(self, &server_behavior);
    case 1: return tp_spawn_body(self, answers_one, NULL, NULL);
    default: return tp_spawn_body(self, answers_many, NULL, NULL);
    }
}
static void dying_servers(tp_actor *self, void *arg) {
    answer got;
    (void)arg;
    for (int round = 0; round < 4000 / SCALE; round++) {
        tp_future futures[6];
        uint64_t random = tp_random(self);
        tp_pid server = a_server(self, random >> 8);
        if (random & 1) tp_yield(self);
        for (int i = 0; i < 6; i++) {
            futures[i] = i == 3 ? tp_request(self, server, hold) : tp_request(self, server, ask);
            TP_ASSERT(futures[i] != 0);
            if (i == (int)((random >> 4) % 8))
                tp_send(self, server, work, .n = (int64_t)(random >> 3 & 1));
            if (i == (int)((random >> 16) % 6)) tp_kill(self, server);
            if (random >> (20 + i) & 1) tp_yield(self);
        }
        TP_ASSERT_EQ_INT(tp_await_all(self, futures, 6, SOON), TP_OK);
        for (int i = 0; i < 6; i++) {
            tp_err err = tp_await(self, futures[i], 0, &got, answer);
            TP_ASSERT_MSG(err == TP_OK || err == TP_ENOPROC || err == TP_ENOREPLY, "%s",
                          tp_err_name(err));
        }
    }
}
TP_TEST(death, every_request_is_decided) {
    on_workers(dying_servers, NULL);
}

/* ---- calls along layers, whose actors die and whose slots are used again: never a cycle ---- */

#define LAYERS 4
#define WIDTH 8
static _Atomic(uint64_t) places[LAYERS][WIDTH]; /* pids of this runtime, but for the node */

static void put_place(int layer, int place, tp_pid pid) {
    __atomic_store_n((uint64_t *)&places[layer][place], (uint64_t)pid.slot << 32 | pid.generation,
                     __ATOMIC_RELAXED);
}
static tp_pid get_place(tp_actor *self, int64_t layer) {
    uint64_t value =
        __atomic_load_n((uint64_t *)&places[layer][tp_random(self) % WIDTH], __ATOMIC_RELAXED);
    return (tp_pid){tp_self(self).node, (uint32_t)(value >> 32), (uint32_t)value};
}
struct layered {
    int64_t calls;
};
static void on_chain(tp_actor *self, struct layered *layered, const chain *msg) {
    answer got;
    int64_t layer = msg->layer;
    layered->calls++;
    if (layer + 1 < LAYERS) {
        tp_err err = tp_call(self, get_place(self, layer + 1), SOON, &got, answer, chain,
                             .layer = layer + 1);
        TP_ASSERT_MSG(err == TP_OK || err == TP_ENOPROC || err == TP_ENOREPLY, "%s %s",
                      tp_err_name(err), tp_deadlock_text(self));
    }
    if (tp_random(self) % 8 == 0) tp_exit(self, TP_EXIT_NORMAL);
    tp_reply(self, answer, .n = layer);
}
TP_BEHAVIOR(layered_behavior, "layered", struct layered, TP_ON(chain, on_chain));

static void keeps_layer(tp_actor *self, void *arg) {
    int layer = *(int *)arg;
    for (;;) { /* whoever has gone is replaced, most likely in its own slot */
        for (int i = 0; i < WIDTH; i++) {
            uint64_t value = __atomic_load_n((uint64_t *)&places[layer][i], __ATOMIC_RELAXED);
            tp_pid pid = {tp_self(self).node, (uint32_t)(value >> 32), (uint32_t)value};
            if (value == 0 || !tp_alive(tp_self_runtime(self), pid))
                put_place(layer, i, tp_spawn(self, &layered_behavior));
        }
        tp_yield(self);
    }
}
static void calls_down(tp_actor *self, void *arg) {
    answer got;
    int64_t good = 0;
    (void)arg;
    for (int i = 0; i < 3000 / SCALE; i++) {
        tp_err err = tp_call(self, get_place(self, 0), SOON, &got, answer, chain, .layer = 0);
        TP_ASSERT_MSG(err == TP_OK || err == TP_ENOPROC || err == TP_ENOREPLY, "%s %s",
                      tp_err_name(err), tp_deadlock_text(self));
        good += err == TP_OK;
        if (err != TP_OK) tp_yield(self); /* a place is empty: let it be filled */
    }
    TP_ASSERT(good > 0);
}
static void layers_body(tp_actor *self, void *arg) {
    static int layers[LAYERS] = {0, 1, 2, 3};
    tp_pid keepers[LAYERS];
    (void)arg;
    memset((void *)places, 0, sizeof places);
    for (int i = 0; i < LAYERS; i++)
        keepers[i] = tp_spawn_body(self, keeps_layer, &layers[i], NULL);
    tp_sleep(self, TP_MS(1));
    for (int i = 0; i < 4; i++) {
        tp_ref ref;
        tp_spawn_options options = {.monitor = &ref};
        tp_spawn_body(self, calls_down, NULL, &options);
    }
    for (int i = 0; i < 4; i++) {
        tp_down down;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        TP_ASSERT_EQ_INT(down.code, TP_EXIT_NORMAL);
    }
    for (int i = 0; i < LAYERS; i++) tp_kill(self, keepers[i]);
}
TP_TEST(death, calls_without_a_cycle_are_never_refused_as_one) {
    on_workers(layers_body, NULL);
}

/* ---- links and monitors made and undone while everybody dies ---- */

#define CROWD 40
static _Atomic(uint64_t) crowd[CROWD];

static tp_pid one_of_crowd(tp_actor *self) {
    uint64_t value = __atomic_load_n((uint64_t *)&crowd[tp_random(self) % CROWD], __ATOMIC_RELAXED);
    return (tp_pid){tp_self(self).node, (uint32_t)(value >> 32), (uint32_t)value};
}
/* Watches others, links and unlinks; counts that each monitor is answered once, and each exit
 * belongs to a link. */
static void restless(tp_actor *self, void *arg) {
    tp_ref refs[4] = {0};
    tp_pid linked = tp_pid_null();
    (void)arg;
    tp_trap_exits(self, true);
    for (int i = 0; i < 60; i++) {
        tp_pid other = one_of_crowd(self);
        tp_down down;
        tp_exited exited;
        uint64_t random = tp_random(self);
        int slot = (int)(random % 4);
        if (refs[slot] == 0) {
            refs[slot] = tp_monitor(self, other);
            TP_ASSERT(refs[slot] != 0);
        } else if (random & 16) {
            (void)tp_demonitor(self, refs[slot]);
            refs[slot] = 0;
        }
        if (!tp_pid_is_null(other) && random & 32) {
            if (tp_pid_is_null(linked)) {
                if (!tp_pid_equal(other, tp_self(self)) && tp_link(self, other) == TP_OK)
                    linked = other;
            } else if (random & 64) {
                TP_ASSERT_EQ_INT(tp_unlink(self, linked), TP_OK);
                linked = tp_pid_null();
            }
        }
        if (random % 29 == 0) tp_send_exit(self, other, 1000 + i);
        if (random % 31 == 0) tp_kill(self, other);
        while (tp_receive(self, random & 128 ? TP_US(20) : 0, &down, tp_down) == TP_OK) {
            int known = -1;
            for (int n = 0; n < 4; n++)
                if (refs[n] == down.ref) known = n;
            TP_ASSERT(known >= 0); /* neither twice nor after its end */
            refs[known] = 0;
        }
        while (tp_receive(self, 0, &exited, tp_exited) == TP_OK)
            if (tp_pid_equal(exited.from, linked)) linked = tp_pid_null();
        if (random % 7 == 0) tp_yield(self);
    }
    if (tp_random(self) % 2 == 0) tp_exit(self, 2000);
}
static void crowd_body(tp_actor *self, void *arg) {
    tp_pid pids[CROWD];
    tp_ref refs[CROWD];
    (void)arg;
    memset((void *)crowd, 0, sizeof crowd);
    for (int i = 0; i < CROWD; i++) pids[i] = tp_pid_null();
    int started = 0, ended = 0;
    const int total = 6000 / SCALE;
    while (ended < total) {
        tp_down down;
        for (int i = 0; i < CROWD && started < total; i++) {
            if (!tp_pid_is_null(pids[i])) continue;
            tp_spawn_options options = {.monitor = &refs[i]};
            pids[i] = tp_spawn_body(self, restless, NULL, &options);
            TP_ASSERT(!tp_pid_is_null(pids[i]));
            __atomic_store_n((uint64_t *)&crowd[i],
                             (uint64_t)pids[i].slot << 32 | pids[i].generation, __ATOMIC_RELAXED);
            started++;
        }
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        int known = -1;
        for (int i = 0; i < CROWD; i++)
            if (refs[i] == down.ref && !tp_pid_is_null(pids[i])) known = i;
        TP_ASSERT(known >= 0);
        TP_ASSERT(tp_pid_equal(pids[known], down.from));
        pids[known] = tp_pid_null();
        ended++;
    }
    const tp_message *any;
    TP_ASSERT_EQ_INT(tp_receive_any(self, TP_MS(1), NULL, NULL, &any), TP_ETIMEDOUT);
}
TP_TEST(death, a_crowd_that_watches_links_and_kills) {
    on_workers(crowd_body, NULL);
}

/* ---- senders that wait for room at one who dies; and who die while they wait ---- */

static void pours(tp_actor *self, void *arg) {
    tp_pid to = *(tp_pid *)arg;
    for (int i = 0; i < 3000; i++) TP_ASSERT_EQ_INT(tp_send(self, to, work, .n = 1), TP_OK);
}
struct source {
    int64_t sent;
};
static tp_pid basin;
static void on_pour(tp_actor *self, struct source *source, const work *msg) {
    for (int i = 0; i < 300; i++) tp_send(self, basin, work, .n = 1);
    source->sent += 300;
    if (source->sent >= 3000) tp_exit(self, TP_EXIT_NORMAL);
    tp_send(self, tp_self(self), work, .n = msg->n);
}
TP_BEHAVIOR(source_behavior, "source", struct source, TP_ON(work, on_pour));
static void sluggish(tp_actor *self, void *arg) {
    work got;
    (void)arg;
    for (int i = 0;; i++) {
        if (tp_receive(self, SOON, &got, work) != TP_OK) return;
        if (i % 200 == 0) tp_sleep(self, TP_US(50));
    }
}
static void basins_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int round = 0; round < 120 / SCALE; round++) {
        tp_pid senders[8];
        tp_spawn_options small = {.mailbox_limit = round % 2 == 0 ? 20 : 600};
        int left = 8;
        basin = tp_spawn_body(self, sluggish, NULL, &small);
        for (int i = 0; i < 8; i++) {
            tp_ref ref;
            tp_spawn_options options = {.monitor = &ref};
            senders[i] = i % 2 == 0 ? tp_spawn_body(self, pours, &basin, &options)
                                    : tp_spawn_with(self, &source_behavior, &options);
            if (i % 2 == 1) tp_send(self, senders[i], work, .n = 1);
        }
        tp_sleep(self, TP_US((int64_t)(tp_random(self) % 1000)));
        tp_kill(self, senders[tp_random(self) % 8]);
        tp_kill(self, senders[tp_random(self) % 8]);
        if (round % 3 != 0) tp_kill(self, basin);
        for (tp_down down; left > 0; left--)
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
        tp_kill(self, basin);
    }
}
TP_TEST(death, suspended_senders_end_or_go_on) {
    on_workers(basins_body, NULL);
}
