/*
 * The show: what can happen to a deployment, one after the other, under load.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "examples/deployment/deployment.h"

#define PATIENCE TP_SECONDS(120) /* it decides: nothing here takes so long, however slow it is */
#define CLIENTS_MAX 64
#define HOLD 20 /* requests that last: more than a replica wants */
#define QUIET TP_MS(400)

/* ---- what has happened ---- */

static void catch_up(tp_actor *self, struct plan *plan) {
    happened event;
    while (tp_receive(self, 0, &event, happened) == TP_OK) timeline_add(&plan->timeline, &event);
}

/* Waits until something has happened to a replica (0: to any) since `from`. */
static const happened *wait_for(tp_actor *self, struct plan *plan, size_t from, int what,
                                uint32_t id) {
    happened event;
    tp_time deadline = tp_now(self) + PATIENCE;
    for (;;) {
        const happened *found = timeline_find(&plan->timeline, from, what, id);
        if (found != NULL || tp_now(self) > deadline) return found;
        if (tp_receive(self, TP_MS(100), &event, happened) == TP_OK)
            timeline_add(&plan->timeline, &event);
        story_progress(plan->story, "%s", plan->phase);
    }
}

static size_t now_of(tp_actor *self, struct plan *plan) {
    catch_up(self, plan);
    return plan->timeline.count;
}

/* The oldest replica that is ready. */
static happened ready_one(const struct timeline *timeline) {
    for (size_t i = 0; i < timeline->count; i++) {
        const happened *event = &timeline->events[i];
        bool last = event->what == READY;
        for (size_t j = i + 1; j < timeline->count && last; j++)
            last = timeline->events[j].id != event->id;
        if (last) return *event;
    }
    return (happened){0};
}

static double ms_between(tp_time from, const happened *to) {
    return to == NULL ? -1 : (double)(to->at - from) / 1e6;
}

static bool desire_it(tp_actor *self, struct plan *plan, const desire *wanted) {
    desired answer;
    return tp_call_value(self, plan->deployment, PATIENCE, &desired_message, &answer,
                         &desire_message, wanted) == TP_OK;
}

static uint64_t repeated(tp_actor *self, const struct plan *plan) {
    traffic_is is = {0};
    tp_call(self, plan->router, PATIENCE, &is, traffic_is, traffic);
    return is.repeated;
}

static uint64_t given(tp_actor *self, const struct plan *plan, uint32_t id) {
    traffic_is is = {0};
    tp_call(self, plan->router, PATIENCE, &is, traffic_is, traffic, .id = id);
    return is.given;
}

/* ---- load ---- */

struct load {
    const char *name;
    size_t count;
    uint64_t repeated;
    tp_pid clients[CLIENTS_MAX];
};

static struct load load_start(tp_actor *self, struct plan *plan, const char *name) {
    struct load load = {.name = name, .repeated = repeated(self, plan)};
    plan->phase = name;
    for (; load.count < (size_t)plan->clients; load.count++)
        load.clients[load.count] =
            tp_spawn_link(self, &client_behavior, load_args, .port = plan->port,
                          .seed = plan->story->seed * 1000 + load.count, .owner = tp_self(self));
    return load;
}

/* Every request has been answered, by one of these versions (a bit each), and (`at_once`) by the
 * first replica that it was given to: also one that must not be repeated would have been
 * answered. */
static void load_end(tp_actor *self, struct plan *plan, const struct load *load, uint64_t versions,
                     bool at_once) {
    tally sum = {0}, one;
    bool all = true;
    for (size_t i = 0; i < load->count; i++) {
        memset(&one, 0, sizeof one);
        all = tp_call(self, load->clients[i], PATIENCE, &one, tally, load_stop) == TP_OK && all;
        sum.answers += one.answers;
        sum.failed += one.failed;
        sum.versions |= one.versions;
        if (one.longest > sum.longest) sum.longest = one.longest;
    }
    uint64_t again = repeated(self, plan) - load->repeated;
    story_check(plan->story, all && sum.failed == 0 && sum.answers > 0, "%s: no request is lost",
                load->name);
    story_check(plan->story, (sum.versions & ~versions) == 0, "%s: the right versions answer",
                load->name);
    if (at_once) story_check(plan->story, again == 0, "%s: none has to be repeated", load->name);
    story_figure(plan->story, (double)sum.answers, "", "%s: requests", load->name);
    story_figure(plan->story, (double)again, "", "%s: repeated elsewhere", load->name);
    story_figure(plan->story, (double)sum.longest / 1e6, "ms", "%s: the longest", load->name);
    printf("    %" PRIu64 " requests, %" PRIu64 " failed, %" PRIu64
           " repeated elsewhere, the longest took %.0f ms\n",
           sum.answers, sum.failed, again, (double)sum.longest / 1e6);
}

static uint64_t only(uint32_t version) {
    return UINT64_C(1) << version;
}

/* ---- a replica is killed ---- */

static void kill_one(tp_actor *self, struct plan *plan, double *detected, double *replaced) {
    size_t from = now_of(self, plan);
    happened victim = ready_one(&plan->timeline);
    tp_time start = tp_now(self);
    bool killed = victim.process > 1 && kill((pid_t)victim.process, SIGKILL) == 0;
    if (!story_check(plan->story, killed, "kill: a process")) return;
    const happened *died = wait_for(self, plan, from, DIED, victim.id);
    const happened *next = wait_for(self, plan, from, STARTED, 0);
    const happened *ready = next == NULL ? NULL : wait_for(self, plan, from, READY, next->id);
    story_check(plan->story, died != NULL && ready != NULL, "kill: another takes its place");
    *detected = ms_between(start, died);
    *replaced = ms_between(start, ready);
    wait_for(self, plan, from, STEADY, 0);
}

static void show_kill(tp_actor *self, struct plan *plan) {
    double detected = 0, replaced = 0, worst = 0;
    struct load load = load_start(self, plan, "kill");
    printf("\n  kill -9, %" PRId64 " times\n", plan->kills);
    for (int64_t i = 0; i < plan->kills; i++) {
        double seen = 0, ready = 0;
        kill_one(self, plan, &seen, &ready);
        detected = seen > detected ? seen : detected;
        replaced += ready / (double)plan->kills;
        worst = ready > worst ? ready : worst;
        tp_sleep(self, TP_MS(100));
    }
    printf("    noticed after %.1f ms at most, another is ready after %.0f ms\n", detected,
           replaced);
    story_figure(plan->story, detected, "ms", "kill: noticed after, the most");
    story_figure(plan->story, replaced, "ms", "kill: replaced after, the mean");
    story_target(plan->story, detected < 50, "kill: noticed within 50 ms");
    story_target(plan->story, worst < 1000, "kill: replaced within a second");
    load_end(self, plan, &load, only(plan->version), false);
}

/* Asks a replica, past the door, and does not wait for an answer. */
static bool ask_only(tp_actor *self, uint32_t port, const char *path, tp_socket *socket) {
    char text[128];
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", port);
    if (tp_connect(self, text, PATIENCE, socket) != TP_OK) return false;
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: replica\r\n\r\n", path);
    return tp_write(self, *socket, text, (size_t)size, PATIENCE, NULL) == TP_OK;
}

/* ---- a replica hangs ---- */

static void show_hang(tp_actor *self, struct plan *plan) {
    tp_socket socket = 0;
    struct load load = load_start(self, plan, "hang");
    printf("\n  one hangs: its liveness probe fails\n");
    size_t from = now_of(self, plan);
    happened victim = ready_one(&plan->timeline);
    tp_time start = tp_now(self);
    story_check(plan->story, ask_only(self, victim.port, "/hang", &socket), "hang: is asked to");
    const happened *hangs = wait_for(self, plan, from, HANGS, victim.id);
    const happened *died = wait_for(self, plan, from, DIED, victim.id);
    const happened *steady = wait_for(self, plan, from, STEADY, 0);
    tp_close(self, socket);
    story_check(plan->story, hangs != NULL && died != NULL, "hang: it is killed");
    story_check(plan->story, steady != NULL, "hang: another takes its place");
    story_check(plan->story, timeline_count(&plan->timeline, from, HANGS) == 1,
                "hang: nobody else is killed");
    printf("    killed after %.0f ms, all are ready again after %.0f ms\n",
           ms_between(start, hangs), ms_between(start, steady));
    story_figure(plan->story, ms_between(start, hangs), "ms", "hang: noticed after");
    story_figure(plan->story, ms_between(start, steady), "ms", "hang: replaced after");
    load_end(self, plan, &load, only(plan->version), false);
}

/* ---- a replica has too much to do ---- */

static bool hold(tp_actor *self, uint32_t port, tp_socket *sockets) {
    bool all = true;
    for (int i = 0; i < HOLD; i++) all = ask_only(self, port, "/hold", &sockets[i]) && all;
    return all;
}

static void while_overloaded(tp_actor *self, struct plan *plan, const happened *busy) {
    struct http_answer answer = {0};
    uint64_t before = given(self, plan, busy->id);
    tp_sleep(self, QUIET);
    story_check(plan->story, given(self, plan, busy->id) == before, "overload: it gets no traffic");
    tp_err err = http_get(self, busy->port, "/healthz", PATIENCE, &answer);
    story_check(plan->story, err == TP_OK && answer.status == 200, "overload: it is alive");
    err = http_get(self, busy->port, "/readyz", PATIENCE, &answer);
    story_check(plan->story, err == TP_OK && answer.status == 503, "overload: it is not ready");
}

static bool gets_traffic(tp_actor *self, struct plan *plan, uint32_t id) {
    uint64_t before = given(self, plan, id);
    tp_time deadline = tp_now(self) + PATIENCE;
    while (tp_now(self) < deadline && given(self, plan, id) == before) tp_sleep(self, TP_MS(2));
    return given(self, plan, id) > before;
}

static void show_overload(tp_actor *self, struct plan *plan) {
    tp_socket sockets[HOLD] = {0};
    struct load load = load_start(self, plan, "overload");
    printf("\n  one has too much to do: its readiness probe fails\n");
    size_t from = now_of(self, plan);
    happened busy = ready_one(&plan->timeline);
    tp_time start = tp_now(self);
    story_check(plan->story, hold(self, busy.port, sockets), "overload: %d requests that last",
                HOLD);
    const happened *unready = wait_for(self, plan, from, UNREADY, busy.id);
    if (story_check(plan->story, unready != NULL, "overload: it is found to be not ready"))
        while_overloaded(self, plan, &busy);
    for (int i = 0; i < HOLD; i++) tp_close(self, sockets[i]);
    story_check(plan->story, wait_for(self, plan, from, READY, busy.id) != NULL,
                "overload: it gets ready again");
    story_check(plan->story, gets_traffic(self, plan, busy.id), "overload: it gets traffic again");
    catch_up(self, plan);
    size_t replaced = timeline_count(&plan->timeline, from, HANGS) +
                      timeline_count(&plan->timeline, from, DIED) +
                      timeline_count(&plan->timeline, from, STARTED);
    story_check(plan->story, replaced == 0, "overload: nobody is restarted");
    printf("    without traffic after %.0f ms; not restarted, and ready again later\n",
           ms_between(start, unready));
    story_figure(plan->story, ms_between(start, unready), "ms", "overload: noticed after");
    load_end(self, plan, &load, only(plan->version), true);
}

/* ---- versions ---- */

static void show_update(tp_actor *self, struct plan *plan, const char *name, uint32_t surge,
                        uint32_t unavailable) {
    struct http_answer answer = {0};
    char wanted[32];
    uint32_t old = plan->version++;
    desire wanted_now = {.replicas = (uint32_t)plan->replicas,
                         .version = plan->version,
                         .surge = surge,
                         .unavailable = unavailable};
    struct load load = load_start(self, plan, name);
    printf("\n  %s: version %u to %u, at most %u more, at most %u fewer\n", name, old,
           plan->version, surge, unavailable);
    size_t from = now_of(self, plan);
    tp_time start = tp_now(self);
    desire_it(self, plan, &wanted_now);
    const happened *steady = wait_for(self, plan, from, STEADY, 0);
    struct rollout rollout = timeline_rollout(&plan->timeline, from);
    int replicas = (int)plan->replicas;
    story_check(plan->story, steady != NULL, "%s: is done", name);
    story_check(plan->story, rollout.most <= replicas + (int)surge, "%s: the surge is kept", name);
    story_check(plan->story, rollout.least >= replicas - (int)unavailable,
                "%s: enough are left ready", name);
    snprintf(wanted, sizeof wanted, "version %u,", plan->version);
    tp_err err = http_get(self, plan->port, "/", PATIENCE, &answer);
    story_check(plan->story, err == TP_OK && strstr(answer.body, wanted) == answer.body,
                "%s: the new version answers", name);
    printf("    took %.0f ms; %d processes at most, %d ready at least when one was taken away\n",
           ms_between(start, steady), rollout.most, rollout.least);
    story_figure(plan->story, ms_between(start, steady), "ms", "%s: took", name);
    load_end(self, plan, &load, only(old) | only(plan->version), true);
}

static void show_bad(tp_actor *self, struct plan *plan, const char *name, uint32_t version,
                     int32_t fault) {
    desire wanted = {
        .replicas = (uint32_t)plan->replicas, .version = version, .fault = fault, .surge = 1};
    struct load load = load_start(self, plan, name);
    printf("\n  %s: version %u\n", name, version);
    size_t from = now_of(self, plan);
    tp_time start = tp_now(self);
    desire_it(self, plan, &wanted);
    const happened *back = wait_for(self, plan, from, ROLLED_BACK, 0);
    const happened *steady = wait_for(self, plan, from, STEADY, 0);
    struct rollout rollout = timeline_rollout(&plan->timeline, from);
    story_check(plan->story, back != NULL && steady != NULL, "%s: is rolled back", name);
    story_check(plan->story, !timeline_had(&plan->timeline, from, READY, version),
                "%s: none of it gets ready", name);
    story_check(plan->story, rollout.least == REPLICAS_MAX, "%s: no ready one is taken away", name);
    printf("    rolled back after %.0f ms\n", ms_between(start, back));
    story_figure(plan->story, ms_between(start, back), "ms", "%s: rolled back after", name);
    load_end(self, plan, &load, only(plan->version), true);
}

/* ---- more and fewer ---- */

static void scale(tp_actor *self, struct plan *plan, uint32_t to) {
    desire wanted = {.replicas = to, .version = plan->version, .surge = 1};
    size_t from = now_of(self, plan);
    tp_time start = tp_now(self);
    desire_it(self, plan, &wanted);
    const happened *steady = wait_for(self, plan, from, STEADY, 0);
    story_check(plan->story, steady != NULL, "scale: to %u", to);
    printf("    %u are there after %.0f ms\n", to, ms_between(start, steady));
    story_figure(plan->story, ms_between(start, steady), "ms", "scale: to %u took", to);
    tp_sleep(self, QUIET);
}

static void show_scale(tp_actor *self, struct plan *plan) {
    struct load load = load_start(self, plan, "scale");
    uint32_t few = (uint32_t)plan->replicas, many = few + 7;
    printf("\n  from %u replicas to %u and back\n", few, many);
    size_t from = now_of(self, plan);
    scale(self, plan, many);
    scale(self, plan, few);
    story_check(plan->story, timeline_count(&plan->timeline, from, ENDED) == many - few,
                "scale: %u end in order", many - few);
    load_end(self, plan, &load, only(plan->version), true);
}

/* ---- all ---- */

void plan_start(tp_actor *self, struct plan *plan) {
    door_open open;
    tp_err err = tp_start(self, &plan->router, &router_behavior, &tp_spawn_linked, PATIENCE, NULL);
    if (err == TP_OK)
        err = tp_start(self, &plan->deployment, &deployment_behavior, &tp_spawn_linked, PATIENCE,
                       NULL, deployment_args, .router = plan->router, .watcher = tp_self(self),
                       .period = TP_MS(plan->period_ms), .timeout = TP_MS(plan->timeout_ms),
                       .failures = (uint32_t)plan->failures, .progress = TP_MS(plan->progress_ms));
    if (err == TP_OK)
        err =
            tp_start(self, &plan->door, &door_behavior, &tp_spawn_linked, PATIENCE, NULL, door_args,
                     .port = plan->port, .router = plan->router, .owner = tp_self(self));
    if (err == TP_OK) err = tp_receive(self, PATIENCE, &open, door_open);
    if (err != TP_OK) tp_fail(self, "cannot start: %s", tp_strerror(err));
    plan->port = open.port;
    plan->version = 1;
    desire wanted = {.replicas = (uint32_t)plan->replicas, .version = 1, .surge = 1};
    if (!desire_it(self, plan, &wanted)) tp_fail(self, "the deployment refuses");
}

void show_body(tp_actor *self, void *arg) {
    struct plan *plan = arg;
    tp_time start = tp_now(self);
    plan_start(self, plan);
    const happened *steady = wait_for(self, plan, 0, STEADY, 0);
    if (!story_check(plan->story, steady != NULL, "start: all replicas get ready")) return;
    printf("%" PRId64 " replicas, each a process: ready after %.0f ms\n", plan->replicas,
           ms_between(start, steady));
    story_figure(plan->story, ms_between(start, steady), "ms", "start: all are ready after");
    show_kill(self, plan);
    show_hang(self, plan);
    show_overload(self, plan);
    show_update(self, plan, "update", 1, 0);
    show_update(self, plan, "update in place", 0, 1);
    show_bad(self, plan, "never ready", plan->version + 1, FAULT_NEVER_READY);
    show_bad(self, plan, "crashes", plan->version + 2, FAULT_CRASHES);
    show_scale(self, plan);
    catch_up(self, plan);
    plan->done = true;
}
