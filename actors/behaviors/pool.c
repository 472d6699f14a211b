/*
 * The pool: an actor that holds the list of its workers, chooses one for each message, replaces
 * those that end, and grows and shrinks. Workers stand in slots: a replacement takes the place of
 * the one that ended, and only the last slots are given up, which is what lets a jump hash move
 * few keys.
 */
#include <troupe/pool.h>

#include <troupe/signal.h>
#include <troupe/timer.h>

#include "actors/behaviors/pool_internal.h"

/* Time to look whether a smaller pool would do. */
TP_MESSAGE_AS(tpi_pool_tick, "tp.pool_tick")
TP_MESSAGE_AS(tpi_pool_ask, "tp.pool_ask")
TP_MESSAGE_AS(tpi_pool_end, "tp.pool_end")

struct slot {
    tp_pid pid;
    uint32_t load;
};

struct crew {
    struct slot *slots;
    uint32_t count, room;
};

struct pool {
    tp_pool_spec spec;
    tp_pid parent;
    struct crew active, leaving;
    uint64_t routed, replaced, dropped;
    uint64_t load, peak; /* of the active ones together; its highest since the last tick */
    tp_time *times;      /* of the last `intensity` replacements, a ring */
    uint32_t time_count, time_at;
    uint32_t next; /* round robin */
    bool reports, ticking, stopping;
    tp_from stopper;
};

/* ---- crews ---- */

static bool crew_add(tp_actor *self, struct crew *crew, struct slot slot) {
    if (crew->count == crew->room) {
        uint32_t room = crew->room == 0 ? 8 : crew->room * 2;
        struct slot *slots = tp_alloc(self, room * sizeof *slots);
        if (slots == NULL) return false;
        for (uint32_t i = 0; i < crew->count; i++) slots[i] = crew->slots[i];
        tp_free(self, crew->slots);
        crew->slots = slots;
        crew->room = room;
    }
    crew->slots[crew->count++] = slot;
    return true;
}

static struct slot *crew_find(const struct crew *crew, tp_pid pid) {
    for (uint32_t i = 0; i < crew->count; i++)
        if (tp_pid_equal(crew->slots[i].pid, pid)) return &crew->slots[i];
    return NULL;
}

/* ---- growing and shrinking ---- */

static tp_pid spawn_worker(tp_actor *self, const struct pool *pool) {
    const tp_pool_spec *spec = &pool->spec;
    const tp_arguments *arguments = &spec->arguments;
    tp_pid pid =
        tp_spawn_with(self, &tpi_pool_worker, &spec->options, tpi_pool_hire,
                      .behavior = (uint64_t)(uintptr_t)spec->behavior, .pool = tp_self(self),
                      .reports = pool->reports, .waits = arguments->type != NULL);
    if (!tp_pid_is_null(pid) && arguments->type != NULL &&
        tp_send_value(self, pid, arguments->type, arguments->value) != TP_OK) {
        (void)tp_unlink(self, pid);
        (void)tp_kill(self, pid);
        return tp_pid_null();
    }
    return pid;
}

static void tick_later(tp_actor *self, struct pool *pool) {
    if (pool->ticking || pool->spec.max == 0 || pool->active.count <= pool->spec.min) return;
    pool->ticking = tp_send_after(self, pool->spec.idle, tp_self(self), tpi_pool_tick) != 0;
    pool->peak = pool->load;
}

static tp_err grow(tp_actor *self, struct pool *pool, uint32_t count) {
    while (pool->active.count < count) {
        struct slot slot = {.pid = spawn_worker(self, pool)};
        if (tp_pid_is_null(slot.pid)) return TP_ENOMEM;
        if (!crew_add(self, &pool->active, slot)) {
            (void)tp_unlink(self, slot.pid);
            (void)tp_kill(self, slot.pid);
            return TP_ENOMEM;
        }
    }
    tick_later(self, pool);
    return TP_OK;
}

static tp_err shrink(tp_actor *self, struct pool *pool, uint32_t count) {
    while (pool->active.count > count) {
        struct slot slot = pool->active.slots[pool->active.count - 1];
        if (!crew_add(self, &pool->leaving, slot)) return TP_ENOMEM;
        pool->active.count--;
        pool->load -= slot.load;
        tp_send(self, slot.pid, tpi_pool_retire);
    }
    return TP_OK;
}

static tp_err resize(tp_actor *self, struct pool *pool, uint32_t count) {
    if (pool->stopping) return TP_ECLOSED;
    if (count == 0 || count > TP_POOL_WORKERS_MAX) return TP_EINVAL;
    return count > pool->active.count ? grow(self, pool, count) : shrink(self, pool, count);
}

/* ---- choosing ---- */

static uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* Jump consistent hash (Lamping and Veach): the buckets in which a key would land as their number
 * grows are a random walk upwards; its last step below `count` is the bucket. */
static uint32_t bucket_of(uint64_t key, uint32_t count) {
    int64_t at = -1, next = 0;
    while (next < (int64_t)count) {
        at = next;
        key = key * 2862933555777941757u + 1;
        next = (int64_t)((double)(at + 1) * (2147483648.0 / (double)((key >> 33) + 1)));
    }
    return (uint32_t)at;
}

/* Equal loads take turns, so that an idle pool uses all. */
static uint32_t least_loaded(struct pool *pool) {
    const struct crew *crew = &pool->active;
    uint32_t first = pool->next++ % crew->count, best = first;
    for (uint32_t i = 1; i < crew->count && crew->slots[best].load > 0; i++) {
        uint32_t at = (first + i) % crew->count;
        if (crew->slots[at].load < crew->slots[best].load) best = at;
    }
    return best;
}

static uint32_t choose(tp_actor *self, struct pool *pool, const tp_message *message) {
    switch (pool->spec.router) {
    case TP_POOL_LEAST_LOADED: return least_loaded(pool);
    case TP_POOL_HASH: return bucket_of(mix(pool->spec.key(self, message)), pool->active.count);
    case TP_POOL_ROUND_ROBIN:
    case TP_POOL_BROADCAST:
    default: return pool->next++ % pool->active.count;
    }
}

/* ---- routing ---- */

static void pass(tp_actor *self, struct pool *pool, struct slot *slot) {
    tp_err err = tp_forward(self, slot->pid);
    if (err != TP_OK) {
        pool->dropped++;
        return;
    }
    pool->routed++;
    if (!pool->reports) return;
    slot->load++;
    pool->load++;
    if (pool->load > pool->peak) pool->peak = pool->load;
}

static void to_all(tp_actor *self, struct pool *pool) {
    tp_from from = tp_defer(self);
    if (!tp_pid_is_null(from.caller)) {
        (void)tp_reply_error_to(self, from, TP_ENOTSUP);
        return;
    }
    for (uint32_t i = 0; i < pool->active.count; i++) pass(self, pool, &pool->active.slots[i]);
}

static void grow_if_loaded(tp_actor *self, struct pool *pool) {
    const tp_pool_spec *spec = &pool->spec;
    uint32_t count = pool->active.count;
    if (spec->max == 0 || count >= spec->max) return;
    if (pool->load > (uint64_t)spec->load * count) (void)grow(self, pool, count + 1);
}

static void route(tp_actor *self, struct pool *pool, const tp_message *message) {
    if (pool->stopping || pool->active.count == 0) {
        pool->dropped++;
        (void)tp_reply_error(self, TP_ECLOSED);
        return;
    }
    if (pool->spec.router == TP_POOL_BROADCAST) to_all(self, pool);
    else pass(self, pool, &pool->active.slots[choose(self, pool, message)]);
    grow_if_loaded(self, pool);
}

static void on_handled(tp_actor *self, struct pool *pool, const tpi_pool_handled *msg) {
    struct slot *slot = crew_find(&pool->active, tp_sender(self));
    (void)msg;
    if (slot == NULL || slot->load == 0)
        return; /* it was replaced, or a postponed one came again */
    slot->load--;
    pool->load--;
}

/* ---- requests ---- */

static void on_tick(tp_actor *self, struct pool *pool, const tpi_pool_tick *msg) {
    uint32_t count = pool->active.count;
    (void)msg;
    pool->ticking = false;
    if (pool->stopping) return;
    if (count > pool->spec.min && pool->peak * 2 <= (uint64_t)pool->spec.load * (count - 1))
        (void)shrink(self, pool, count - 1);
    tick_later(self, pool);
}

static void answer(tp_actor *self, const struct pool *pool) {
    uint32_t count = pool->active.count;
    tp_pid *pids = tp_alloc(self, (count + 1u) * sizeof *pids);
    uint32_t *loads = tp_alloc(self, (count + 1u) * sizeof *loads);
    for (uint32_t i = 0; pids != NULL && loads != NULL && i < count; i++) {
        pids[i] = pool->active.slots[i].pid;
        loads[i] = pool->active.slots[i].load;
    }
    if (pids == NULL || loads == NULL) (void)tp_reply_error(self, TP_ENOMEM);
    else
        tp_reply(self, tp_pool_info, .workers = count, .draining = pool->leaving.count,
                 .routed = pool->routed, .replaced = pool->replaced, .dropped = pool->dropped,
                 .pids = {pids, count}, .loads = {loads, count});
    tp_free(self, pids);
    tp_free(self, loads);
}

static void on_ask(tp_actor *self, struct pool *pool, const tpi_pool_ask *msg) {
    (void)msg;
    answer(self, pool);
}

static void on_set_size(tp_actor *self, struct pool *pool, const tp_pool_set_size *msg) {
    tp_err err = resize(self, pool, msg->workers);
    if (err == TP_OK) answer(self, pool);
    else (void)tp_reply_error(self, err);
}

static void end_if_done(tp_actor *self, struct pool *pool) {
    if (!pool->stopping || pool->leaving.count != 0) return;
    tp_reply_to(self, pool->stopper, tp_pool_info, .routed = pool->routed,
                .replaced = pool->replaced, .dropped = pool->dropped);
    tp_exit(self, TP_EXIT_NORMAL);
}

static void on_end(tp_actor *self, struct pool *pool, const tpi_pool_end *msg) {
    (void)msg;
    if (pool->stopping) {
        (void)tp_reply_error(self, TP_ECLOSED);
        return;
    }
    tp_err err = shrink(self, pool, 0);
    if (err != TP_OK) {
        (void)tp_reply_error(self, err);
        return;
    }
    pool->stopping = true;
    pool->stopper = tp_defer(self);
    end_if_done(self, pool);
}

/* ---- workers that end ---- */

/* Notes one more replacement: false when there were too many. */
static bool may_replace(tp_actor *self, struct pool *pool) {
    uint32_t room = pool->spec.intensity;
    tp_time now = tp_now(self);
    pool->replaced++;
    if (pool->time_count == room && now - pool->times[pool->time_at] <= pool->spec.period)
        return false;
    pool->times[pool->time_at] = now;
    pool->time_at = (pool->time_at + 1) % room;
    if (pool->time_count < room) pool->time_count++;
    return true;
}

static void replace(tp_actor *self, struct pool *pool, struct slot *slot, int32_t code) {
    if (code != TP_EXIT_KILLED && !may_replace(self, pool)) {
        tp_log(self, TP_LOG_ERROR, "more than %u workers of %s ended in too short a time",
               pool->spec.intensity, pool->spec.behavior->name);
        tp_exit(self, TP_EXIT_SHUTDOWN);
    }
    if (code == TP_EXIT_KILLED) pool->replaced++;
    pool->load -= slot->load;
    *slot = (struct slot){.pid = spawn_worker(self, pool)};
    if (tp_pid_is_null(slot->pid)) tp_exit(self, TP_EXIT_NOMEM);
}

static void on_exited(tp_actor *self, struct pool *pool, const tp_exited *msg) {
    struct slot *slot = crew_find(&pool->active, msg->from);
    if (slot != NULL) {
        replace(self, pool, slot, msg->code);
        return;
    }
    slot = crew_find(&pool->leaving, msg->from);
    if (slot != NULL) {
        *slot = pool->leaving.slots[--pool->leaving.count];
        end_if_done(self, pool);
        return;
    }
    if (tp_pid_is_null(pool->parent) || tp_pid_equal(pool->parent, msg->from))
        tp_exit_with(self, (tp_reason){.code = msg->code, .detail = msg->detail});
}

/* ---- begin and end ---- */

static bool spec_is_good(const tp_pool_spec *spec) {
    if (spec->behavior == NULL || spec->workers > TP_POOL_WORKERS_MAX) return false;
    if (spec->router > TP_POOL_BROADCAST || (spec->router == TP_POOL_HASH && spec->key == NULL))
        return false;
    if (spec->idle < 0 || spec->period < 0 || spec->max > TP_POOL_WORKERS_MAX) return false;
    if (spec->max == 0) return spec->min <= TP_POOL_WORKERS_MAX;
    return spec->min <= spec->max && spec->workers <= spec->max;
}

static void set_defaults(tp_pool_spec *spec) {
    if (spec->min == 0) spec->min = 1;
    if (spec->workers < spec->min) spec->workers = spec->min;
    if (spec->load == 0) spec->load = 8;
    if (spec->idle == 0) spec->idle = TP_SECONDS(1);
    if (spec->intensity == 0) spec->intensity = 10;
    if (spec->period == 0) spec->period = TP_SECONDS(5);
    spec->options.name = NULL;
    spec->options.monitor = NULL;
    spec->options.link = true;
}

static void init(tp_actor *self, struct pool *pool, const tp_pool_of *msg) {
    tp_pool_spec *spec = &pool->spec;
    pool->parent = tp_sender(self);
    (void)tp_trap_exits(self, true);
    if (msg->spec.size != sizeof *spec) tp_fail(self, "not the specification of a pool");
    memcpy(spec, msg->spec.data, sizeof *spec);
    if (!spec_is_good(spec)) tp_fail(self, "the specification of the pool is wrong");
    set_defaults(spec);
    pool->reports = spec->router == TP_POOL_LEAST_LOADED || spec->max != 0;
    pool->times = tp_alloc(self, spec->intensity * sizeof *pool->times);
    if (pool->times == NULL || grow(self, pool, spec->workers) != TP_OK)
        tp_exit(self, TP_EXIT_NOMEM);
}

/* A normal end does not pass through links. */
static void terminate(tp_actor *self, struct pool *pool, const tp_reason *reason) {
    (void)reason;
    for (uint32_t i = 0; i < pool->active.count; i++)
        (void)tp_send_exit(self, pool->active.slots[i].pid, TP_EXIT_SHUTDOWN);
    for (uint32_t i = 0; i < pool->leaving.count; i++)
        (void)tp_send_exit(self, pool->leaving.slots[i].pid, TP_EXIT_SHUTDOWN);
}

TP_BEHAVIOR_EXTERN(tp_pool_behavior, "pool", struct pool, TP_INIT_WITH(tp_pool_of, init),
                   TP_ON(tpi_pool_handled, on_handled), TP_ON(tpi_pool_tick, on_tick),
                   TP_ON(tpi_pool_ask, on_ask), TP_ON(tp_pool_set_size, on_set_size),
                   TP_ON(tpi_pool_end, on_end), TP_ON(tp_exited, on_exited), TP_OTHERWISE(route),
                   TP_TERMINATE(terminate));

/* ---- what a user calls ---- */

tp_err tp_pool_start(tp_actor *self, tp_pid *out, const tp_pool_spec *spec, tp_duration timeout) {
    if (spec == NULL || !spec_is_good(spec)) return TP_EINVAL;
    return tp_start(self, out, &tp_pool_behavior, &tp_spawn_linked, timeout, NULL, tp_pool_of,
                    .spec = {spec, sizeof *spec});
}

tp_err tp_pool_resize(tp_actor *self, tp_pid pool, uint32_t workers, tp_duration timeout) {
    tp_pool_info info;
    return tp_call(self, pool, timeout, &info, tp_pool_info, tp_pool_set_size, .workers = workers);
}

tp_err tp_pool_look(tp_actor *self, tp_pid pool, tp_pool_info *out, tp_duration timeout) {
    return tp_call(self, pool, timeout, out, tp_pool_info, tpi_pool_ask);
}

tp_err tp_pool_stop(tp_actor *self, tp_pid pool, tp_duration timeout) {
    tp_pool_info info;
    return tp_call(self, pool, timeout, &info, tp_pool_info, tpi_pool_end);
}

uint64_t tp_pool_key_of(tp_str text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return hash;
}
