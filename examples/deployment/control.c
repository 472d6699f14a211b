/*
 * The deployment: compares what there is with what is desired, whenever something happens, and does
 * the next steps. It never waits for anybody.
 */
#include <string.h>

#include <troupe/isolate.h>

#include "examples/deployment/deployment.h"

#define TICK TP_MS(20)
#define GRACE TP_SECONDS(30) /* that a retired replica has to finish */
#define HEARTBEAT TP_SECONDS(20)
#define BACKOFF TP_MS(50) /* before the next start after a bad one; doubles */
#define CRASHES_MAX 3     /* of a new version, before it was ready once: it is bad */

TP_MESSAGE(tick)

enum phase { STARTING, RUNNING, RETIRING };

struct replica {
    uint32_t id; /* 0: a free place */
    enum phase phase;
    bool ready;
    uint32_t version;
    uint32_t port;
    uint32_t failures; /* of its liveness probe, one after the other */
    int64_t process;
    tp_pid actor;
    tp_pid prober;
    tp_time retired;
};

struct deployment {
    deployment_args args;
    desire desire;
    desire good;         /* the last that was reached */
    bool changing;       /* a version is being rolled out */
    bool steady;         /* everything is as desired, and the watcher knows */
    uint32_t crashes;    /* one after the other, of replicas that never were ready */
    tp_time progress;    /* of the roll-out: when it began, when the last one became ready */
    tp_time start_after; /* no start before */
    uint32_t newest;     /* id */
    struct replica replicas[REPLICAS_MAX];
};

/* ---- looking ---- */

static struct replica *by_id(struct deployment *d, uint32_t id) {
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        if (d->replicas[i].id == id) return &d->replicas[i];
    return NULL;
}

struct census {
    uint32_t all;       /* processes */
    uint32_t fresh;     /* of the desired version, not retired */
    uint32_t old;       /* of others, not retired */
    uint32_t available; /* ready, of any version, not retired */
};

static struct census count(const struct deployment *d) {
    struct census census = {0};
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        const struct replica *r = &d->replicas[i];
        if (r->id == 0) continue;
        census.all++;
        if (r->phase == RETIRING) continue;
        if (r->version == d->desire.version) census.fresh++;
        else census.old++;
        census.available += r->ready;
    }
    return census;
}

/* Who is to go first: who is not ready, then the youngest. */
static struct replica *least_needed(struct deployment *d, bool fresh) {
    struct replica *least = NULL;
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = &d->replicas[i];
        if (r->id == 0 || r->phase == RETIRING || (r->version == d->desire.version) != fresh)
            continue;
        if (least == NULL || r->ready < least->ready ||
            (r->ready == least->ready && r->id > least->id))
            least = r;
    }
    return least;
}

/* ---- doing ---- */

static void tell(tp_actor *self, const struct deployment *d, int what, const struct replica *r) {
    static const struct replica nobody;
    if (r == NULL) r = &nobody;
    tp_send(self, d->args.watcher, happened, .what = what, .id = r->id,
            .version = r->id == 0 ? d->desire.version : r->version, .port = r->port,
            .process = r->process, .at = tp_now(self));
}

static void start(tp_actor *self, struct deployment *d) {
    static const tp_process_limits limits = {.heartbeat = HEARTBEAT};
    struct replica *r = by_id(d, 0);
    uint32_t id = ++d->newest;
    if (r == NULL) return;
    tp_pid actor = tp_spawn_with(self, &replica_behavior,
                                 TP_OPTIONS(.link = true, .isolate = true, .limits = &limits),
                                 replica_args, .id = id, .version = d->desire.version,
                                 .fault = d->desire.fault, .owner = tp_self(self));
    if (tp_pid_is_null(actor)) {
        d->start_after = tp_now(self) + BACKOFF;
        return;
    }
    *r = (struct replica){.id = id, .actor = actor, .version = d->desire.version};
    tell(self, d, STARTED, r);
}

static void set_ready(tp_actor *self, struct deployment *d, struct replica *r, bool ready) {
    if (r->ready == ready) return;
    r->ready = ready;
    tp_send(self, d->args.router, endpoint, .id = r->id, .port = r->port, .ready = ready);
    tell(self, d, ready ? READY : UNREADY, r);
    if (!ready || r->version != d->desire.version) return;
    d->progress = tp_now(self);
    d->crashes = 0;
}

/* The router lets it finish, and says drained. */
static void retire(tp_actor *self, struct deployment *d, struct replica *r) {
    r->phase = RETIRING;
    r->retired = tp_now(self);
    tp_send(self, d->args.router, drain, .id = r->id);
    tell(self, d, RETIRED, r);
}

static void on_drained(tp_actor *self, struct deployment *d, const drained *msg) {
    struct replica *r = by_id(d, msg->id);
    if (r != NULL) tp_send_exit(self, r->actor, TP_EXIT_SHUTDOWN);
}

/* ---- what there is, what is desired ---- */

/* A new version that does not get ready is given up; the last good one is desired again. */
static void judge(tp_actor *self, struct deployment *d) {
    if (!d->changing || d->good.version == 0 || d->good.version == d->desire.version) return;
    bool late = tp_now(self) - d->progress > d->args.progress;
    if (!late && d->crashes < CRASHES_MAX) return;
    tell(self, d, ROLLED_BACK, NULL);
    d->desire.version = d->good.version;
    d->desire.fault = d->good.fault;
    d->crashes = 0;
    d->start_after = 0;
}

static void take_away(tp_actor *self, struct deployment *d) {
    for (;;) {
        struct census now = count(d);
        bool fresh = now.fresh > d->desire.replicas;
        struct replica *r = least_needed(d, fresh);
        if (r == NULL || (!fresh && now.old == 0)) return;
        uint32_t left = r->ready ? now.available - 1 : now.available;
        if (r->ready && left + d->desire.unavailable < d->desire.replicas) return;
        retire(self, d, r);
    }
}

static void add(tp_actor *self, struct deployment *d) {
    struct census now = count(d);
    if (tp_now(self) < d->start_after) return;
    uint32_t most = d->desire.replicas + d->desire.surge;
    for (; now.fresh < d->desire.replicas && now.all < most; now.fresh++, now.all++) start(self, d);
}

static void look_if_steady(tp_actor *self, struct deployment *d) {
    struct census now = count(d);
    uint32_t wanted = d->desire.replicas;
    bool steady = wanted > 0 && now.all == wanted && now.fresh == wanted && now.available == wanted;
    if (steady && !d->steady) {
        d->good = d->desire;
        d->changing = false;
        tell(self, d, STEADY, NULL);
    }
    d->steady = steady;
}

static void reconcile(tp_actor *self, struct deployment *d) {
    judge(self, d);
    take_away(self, d);
    add(self, d);
    look_if_steady(self, d);
}

/* ---- what happens ---- */

static void on_init(tp_actor *self, struct deployment *d, const deployment_args *args) {
    d->args = *args;
    tp_trap_exits(self, true);
    tp_send(self, tp_self(self), tick);
}

static void on_desire(tp_actor *self, struct deployment *d, const desire *msg) {
    if (msg->replicas == 0 || msg->replicas + msg->surge > REPLICAS_MAX ||
        msg->unavailable > msg->replicas || msg->surge + msg->unavailable == 0) {
        tp_reply_error(self, TP_EINVAL); /* without any room nothing could change */
        return;
    }
    if (msg->version != d->desire.version) {
        d->changing = true;
        d->progress = tp_now(self);
        d->crashes = 0;
    }
    d->desire = *msg;
    d->steady = false;
    tp_reply(self, desired);
    reconcile(self, d);
}

static void probe(tp_actor *self, const struct deployment *d, struct replica *r) {
    r->prober =
        tp_spawn_link(self, &prober_behavior, prober_args, .id = r->id, .port = r->port,
                      .owner = tp_self(self), .period = d->args.period, .timeout = d->args.timeout);
}

static void on_up(tp_actor *self, struct deployment *d, const replica_up *msg) {
    struct replica *r = by_id(d, msg->id);
    if (r == NULL || r->phase != STARTING) return;
    r->phase = RUNNING;
    r->port = msg->port;
    r->process = msg->process;
    probe(self, d, r);
}

static void on_probed(tp_actor *self, struct deployment *d, const probed *msg) {
    struct replica *r = by_id(d, msg->id);
    if (r == NULL || r->phase != RUNNING) return;
    r->failures = msg->alive ? 0 : r->failures + 1;
    set_ready(self, d, r, msg->ready);
    if (r->failures == d->args.failures) {
        tell(self, d, HANGS, r);
        tp_kill(self, r->actor);
    }
    reconcile(self, d);
}

static void ended(tp_actor *self, struct deployment *d, struct replica *r) {
    tp_kill(self, r->prober);
    tp_send(self, d->args.router, endpoint_gone, .id = r->id);
    tell(self, d, r->phase == RETIRING ? ENDED : DIED, r);
    if (r->phase != RETIRING && !r->ready && r->version == d->desire.version) {
        tp_time next = tp_now(self) + (BACKOFF << (d->crashes < 6 ? d->crashes : 6));
        if (next > d->start_after) d->start_after = next;
        d->crashes++;
    }
    memset(r, 0, sizeof *r);
    reconcile(self, d);
}

/* A process has ended; or a prober; or this deployment is to end. */
static void on_exited(tp_actor *self, struct deployment *d, const tp_exited *msg) {
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = &d->replicas[i];
        if (r->id == 0) continue;
        if (tp_pid_equal(r->actor, msg->from)) {
            /* asked by somebody else: the whole node ends, most likely */
            bool ends = msg->code == TP_EXIT_SHUTDOWN && r->phase != RETIRING;
            if (ends) d->start_after = tp_now(self) + TP_SECONDS(1);
            ended(self, d, r);
            return;
        }
        if (tp_pid_equal(r->prober, msg->from)) {
            if (msg->code != TP_EXIT_SHUTDOWN) probe(self, d, r);
            return;
        }
    }
    bool asked = tp_pid_is_null(msg->from) || tp_pid_equal(msg->from, d->args.watcher);
    if (asked) tp_exit(self, msg->code); /* and all that is linked to it */
}

static void on_tick(tp_actor *self, struct deployment *d, const tick *msg) {
    (void)msg;
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        struct replica *r = &d->replicas[i];
        if (r->id != 0 && r->phase == RETIRING && tp_now(self) - r->retired > GRACE)
            tp_kill(self, r->actor);
    }
    reconcile(self, d);
    tp_send_after(self, TICK, tp_self(self), tick);
}

TP_BEHAVIOR_EXTERN(deployment_behavior, "deployment", struct deployment,
                   TP_INIT_WITH(deployment_args, on_init), TP_ON(desire, on_desire),
                   TP_ON(replica_up, on_up), TP_ON(probed, on_probed), TP_ON(drained, on_drained),
                   TP_ON(tp_exited, on_exited), TP_ON(tick, on_tick));
