/*
 * Making an actor: a slot is taken, filled in, linked and named while nobody can see it, then
 * published.
 */
#include <string.h>

#include <troupe/inbox.h>

#include "core/actor/capsule.h"
#include "core/actor/mailbox.h"

const tp_spawn_options tp_spawn_linked = {.link = true};

struct birth {
    tp_runtime *runtime;
    tp_actor *parent; /* NULL: from outside */
    struct tpi_worker *worker;
    const tp_behavior *behavior;
    tp_body body;
    void *arg;
    const tp_spawn_options *options;
    const tp_message_type *type;
    const void *arguments;
    const struct tpi_encoded *encoded; /* arguments in the place of `arguments` */
    tp_pid parent_pid;                 /* of a guest: in another process */
    tp_ref monitor;
    tp_ref start; /* not 0: the starter waits for init under this reference */
};

static const tp_behavior body_behavior = {.name = "body"};

static tp_err make_state(struct birth *birth, tp_actor *actor) {
    TPI_CHECK((birth->body != NULL) == (birth->behavior == &body_behavior));
    actor->state_size = 0;
    if (birth->body != NULL) {
        memcpy(actor->inline_state, &birth->body, sizeof birth->body);
        actor->state = birth->arg;
        actor->flags |= TPI_ACTOR_BODY;
        return TP_OK;
    }
    size_t size = birth->behavior->state_size;
    actor->state = actor->inline_state;
    if (size > UINT32_MAX) return TP_ETOOBIG;
    if (size > TPI_STATE_INLINE) actor->state = tpi_actor_alloc(actor, size);
    if (actor->state == NULL) return TP_ENOMEM;
    actor->state_size = (uint32_t)size;
    memset(actor->state, 0, size);
    return TP_OK;
}

static struct tpi_block *copy_arguments(const struct birth *birth) {
    TPI_CHECK(birth->encoded->bytes.data != NULL || birth->encoded->bytes.size == 0);
    const struct tpi_encoded *encoded = birth->encoded;
    struct tpi_block *block =
        tpi_block_new(birth->runtime, birth->worker, TPI_KIND_MESSAGE, encoded->bytes.size);
    if (block == NULL) return NULL;
    block->type = encoded->type;
    if (encoded->bytes.size > 0)
        memcpy(tpi_block_payload(block), encoded->bytes.data, encoded->bytes.size);
    if (encoded->from.node == birth->runtime->node)
        tpi_block_set_from(birth->runtime, block, encoded->from);
    return block;
}

static tp_err make_arguments(struct birth *birth, tp_actor *actor) {
    TPI_CHECK(birth->start == 0 || birth->type != NULL);
    if (birth->type == NULL) return TP_OK;
    struct tpi_block *block =
        birth->encoded != NULL
            ? copy_arguments(birth)
            : tpi_block_encode(birth->runtime, birth->worker, birth->type, birth->arguments);
    if (block == NULL)
        return birth->encoded != NULL ? TP_ENOMEM : tpi_encode_error(birth->type, birth->arguments);
    if (birth->start != 0) {
        block->kind = TPI_KIND_REQUEST;
        block->ref = birth->start;
    }
    block->state = TPI_BLOCK_LOOSE | (birth->start != 0 ? (uint8_t)TPI_BLOCK_START : 0u);
    tpi_block_link(block, NULL); /* a chain of one: see finish() in exit.c */
    if (tpi_extra(actor) == NULL) {
        tpi_block_free(birth->runtime, birth->worker, block);
        return TP_ENOMEM;
    }
    if (birth->parent != NULL) tpi_block_set_from(birth->runtime, block, tp_self(birth->parent));
    actor->extra->arguments = block;
    return TP_OK;
}

static tp_err check_options(const struct birth *birth, const tp_spawn_options *options) {
    if (options->priority > TP_PRIORITY_LOW || options->overflow > TP_OVERFLOW_EXIT)
        return TP_EINVAL;
    if (options->mailbox_limit > INT32_MAX / 16) return TP_EINVAL;
    if (options->link && options->monitor != NULL && birth->parent == NULL) return TP_EINVAL;
    if ((options->link || options->monitor != NULL) && birth->parent == NULL) return TP_EINVAL;
    unsigned workers = birth->runtime->options.workers;
    uint64_t known = workers >= 64 ? UINT64_MAX : ((uint64_t)1 << workers) - 1;
    if (options->workers != 0 && (options->workers & known) == 0) return TP_EINVAL;
    if (options->stack_size > (size_t)1 << 30) return TP_EINVAL;
    if (options->capsule > TPI_CAPSULE_STEPS_MAX) return TP_EINVAL;
    if (options->capsule > 0 && birth->body != NULL) return TP_ENOTSUP;
    return TP_OK;
}

static tp_err make_place(struct birth *birth, tp_actor *actor, const tp_spawn_options *options) {
    TPI_CHECK(!tpi_runnable_is_pinned(&actor->runnable));
    if (options->workers == 0 && !options->dedicated_thread) return TP_OK;
    if (tpi_extra(actor) == NULL) return TP_ENOMEM;
    actor->extra->workers = options->workers;
    if (options->dedicated_thread && birth->runtime->sim == NULL) {
        unsigned index;
        tp_err err = tpi_scheduler_dedicate(birth->runtime->scheduler, &index);
        if (err != TP_OK) return err;
        tpi_runnable_settle(&actor->runnable, index);
        actor->flags |= TPI_ACTOR_DEDICATED;
    }
    if (options->workers != 0 || actor->flags & TPI_ACTOR_DEDICATED)
        tpi_runnable_mark(&actor->runnable, TPI_RUNNABLE_PINNED);
    return TP_OK;
}

static tp_err apply_options(struct birth *birth, tp_actor *actor) {
    TPI_CHECK(tpi_is_owner(actor));
    const tp_spawn_options *options = birth->options;
    if (options == NULL) return TP_OK;
    tp_err err = check_options(birth, options);
    if (err != TP_OK) return err;
    actor->runnable.priority = (uint8_t)options->priority;
    tpi_set_bound(actor,
                  options->mailbox_limit != 0 ? options->mailbox_limit : (uint32_t)tpi_limit(actor),
                  options->overflow);
    if (options->stack_size > 0) {
        if (tpi_extra(actor) == NULL) return TP_ENOMEM;
        actor->extra->stack_size = options->stack_size;
    }
    if (options->contain) {
        if (tpi_extra(actor) == NULL) return TP_ENOMEM;
        actor->flags |= TPI_ACTOR_CONTAINED;
    }
    if (options->capsule > 0) {
        if (tpi_extra(actor) == NULL) return TP_ENOMEM;
        actor->extra->capsule = tpi_capsule_new(birth->runtime, options->capsule);
        if (actor->extra->capsule == NULL) return TP_ENOMEM;
        actor->flags |= TPI_ACTOR_WATCHED;
    }
    if (options->restarted != NULL) {
        if (tpi_extra(actor) == NULL) return TP_ENOMEM;
        actor->extra->restarted = *options->restarted;
    }
    err = make_place(birth, actor, options);
    if (err == TP_OK && options->link) err = tpi_link_at_birth(birth->parent, actor);
    if (err == TP_OK && options->monitor != NULL)
        err = tpi_monitor_at_birth(birth->parent, actor, &birth->monitor);
    if (err == TP_OK && options->name != NULL)
        err = birth->runtime->hooks.name_taken(birth->runtime, actor, options->name);
    return err;
}

/* Undoes a birth; the actor was never visible, but its mailbox may have got stale signals. */
static void miscarry(struct birth *birth, tp_actor *actor) {
    TPI_CHECK(!(actor->flags & (TPI_ACTOR_EXITING | TPI_ACTOR_DEAD)));
    tp_runtime *runtime = birth->runtime;
    if (birth->monitor != 0) tpi_unmonitor_at_birth(birth->parent, birth->monitor);
    if (birth->options != NULL && birth->options->link && birth->parent != NULL &&
        birth->parent->extra != NULL)
        tpi_unlink_at_birth(birth->parent, actor);
    if (actor->extra != NULL && actor->extra->name != NULL)
        runtime->hooks.name_released(runtime, actor);
    actor->worker = birth->worker;
    if (actor->flags & TPI_ACTOR_DEDICATED)
        tpi_scheduler_undedicate(runtime->scheduler, tpi_runnable_home(&actor->runnable));
    if (actor->state_size > TPI_STATE_INLINE) tpi_actor_free(actor, actor->state);
    actor->state = NULL;
    actor->state_size = 0;
    if (actor->extra != NULL && actor->extra->arguments != NULL)
        tpi_block_free(runtime, birth->worker, actor->extra->arguments);
    tpi_extra_free(actor);
    tpi_runnable_mark(&actor->runnable, 0);
    actor->flags = (actor->flags & TPI_ACTOR_LISTED) | TPI_ACTOR_DEAD;
    /* its next run drains the mailbox and frees the slot */
    if (birth->worker != NULL) tpi_worker_requeue(birth->worker, &actor->runnable);
    else tpi_scheduler_schedule(runtime->scheduler, &actor->runnable);
}

static void publish(tp_actor *actor) {
    TPI_CHECK(tpi_is_owner(actor) && actor->generation != 0 && tpi_limit(actor) > 0);
    uint64_t identity = (uint64_t)actor->generation << 32 | TPI_IDENTITY_ALIVE;
    if (tpi_overflow(actor) != TP_OVERFLOW_SUSPEND || tpi_limit(actor) < 256) {
        identity |= TPI_IDENTITY_EXACT;
        actor->flags |= TPI_ACTOR_COUNTED;
    }
    /* release: partner is the acquire in tpi_find: limit and overflow are seen by whoever sees
     * ALIVE */
    atomic_store_explicit(&actor->identity, identity, memory_order_release);
}

static void set_in_motion(struct birth *birth, tp_actor *actor) {
    TPI_CHECK(birth->worker == NULL || tpi_worker_is_here(birth->worker));
    struct tpi_block *spent;
    bool starts = actor->flags & TPI_ACTOR_BODY || birth->behavior->init != NULL;
    if (!starts) {
        actor->flags |= TPI_ACTOR_STARTED;
        if (actor->extra != NULL && actor->extra->arguments != NULL) starts = true;
    }
    /* nothing to do at first: idle at once, unless a late sender pushed to the slot's former
     * actor */
    if (!starts && tpi_mailbox_idle(actor, false, &spent)) return;
    if (birth->worker != NULL) tpi_worker_schedule(birth->worker, &actor->runnable);
    else tpi_scheduler_schedule(birth->runtime->scheduler, &actor->runnable);
}

static void clear(struct birth *birth, tp_actor *actor) {
    TPI_CHECK(birth->behavior != NULL && birth->behavior->name != NULL);
    TPI_CHECK(tpi_mailbox_is_sound(actor) || actor->extra != NULL);
    actor->generation++;
    TPI_ASSERT(actor->generation != 0);
    actor->flags = 0;
    actor->runnable.priority = 0;
    tpi_runnable_mark(&actor->runnable, TPI_RUNNABLE_YOUNG);
    tpi_runnable_settle(&actor->runnable, birth->worker == NULL ? 0 : birth->worker->index);
    actor->behavior = birth->behavior;
    actor->worker = birth->worker;
    actor->current = NULL;
    actor->handled = 0;
    actor->refused = NULL;
    actor->fiber = NULL;
    actor->extra = NULL;
    actor->runtime = birth->runtime;
    tpi_set_bound(actor, birth->runtime->options.mailbox_limit, TP_OVERFLOW_SUSPEND);
    /* relaxed: published by the release store in publish() */
    atomic_store_explicit(&actor->enqueued, 0, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&actor->consumed, 0, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&actor->waits, 0, memory_order_relaxed);
}

static tp_err adopt_parent(const struct birth *birth, tp_actor *actor) {
    TPI_CHECK(birth->parent == NULL);
    if (tpi_extra(actor) == NULL) return TP_ENOMEM;
    actor->extra->parent = birth->parent_pid;
    return TP_OK;
}

static tp_err give_birth(struct birth *birth, tp_pid *out) {
    TPI_CHECK(birth->parent == NULL || birth->worker == birth->parent->worker);
    tp_runtime *runtime = birth->runtime;
    /* acquire: partner is the release store in tpi_runtime_shutdown */
    if (atomic_load_explicit(&runtime->stopping, memory_order_acquire) > 1) return TP_ECLOSED;
    tp_actor *actor = tpi_slot_take(runtime, birth->worker);
    if (actor == NULL) return TP_ENOMEM;
    clear(birth, actor);
    tp_err err = make_state(birth, actor);
    if (err == TP_OK) err = make_arguments(birth, actor);
    if (err == TP_OK) err = apply_options(birth, actor);
    if (err == TP_OK && !tp_pid_is_null(birth->parent_pid)) err = adopt_parent(birth, actor);
    if (err != TP_OK) {
        miscarry(birth, actor);
        return err;
    }
    *out = tpi_pid_of(runtime, actor);
    if (actor->extra != NULL && birth->parent != NULL)
        actor->extra->starter = tp_self(birth->parent);
    if (birth->monitor != 0) *birth->options->monitor = birth->monitor;
    if (birth->worker != NULL) tpi_count(&birth->worker->counters.spawned, 1);
    else tpi_count_shared(&runtime->scheduler->outside.spawned, 1);
    publish(actor);
    TPI_CHECK(birth->parent == NULL || birth->worker != NULL);
    if (birth->parent != NULL && birth->worker->tracing)
        tpi_trace_spawn(birth->parent, *out, birth->behavior->name);
    set_in_motion(birth, actor);
    return TP_OK;
}

/* Who starts many lets them run in between: what they leave behind is used again while it is in the
 * cache, and a worker's other actors are not kept waiting. */
#define SPAWNS_A_TURN 128u

static void rest(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self));
    /* relaxed: this worker's own count */
    uint64_t spawned = atomic_load_explicit(&self->worker->counters.spawned, memory_order_relaxed);
    if (spawned % SPAWNS_A_TURN == 0) (void)tpi_take_turns(self);
}

/* Nothing is spawned by who only replays; the pid, and a monitor's reference, are as they were. */
static tp_pid record_spawn(tp_actor *self, const struct birth *birth, tp_pid pid) {
    TPI_CHECK(self->flags & (TPI_ACTOR_WATCHED | TPI_ACTOR_REPLAYS));
    const tp_spawn_options *options = birth->options;
    pid = tpi_capsule_pid(self, pid);
    if (options != NULL && options->monitor != NULL && pid.generation != 0)
        *options->monitor = tpi_capsule_number(self, TPI_INPUT_REF, *options->monitor);
    if (tpi_replays(self)) tpi_set_error(self, pid.generation != 0 ? TP_OK : TP_ENOMEM);
    return pid;
}

static tp_pid spawn_from(tp_actor *self, struct birth *birth) {
    TPI_CHECK(tpi_is_owner(self));
    tp_pid pid = tp_pid_null();
    if (tpi_replays(self)) return record_spawn(self, birth, pid);
    birth->runtime = tpi_runtime_of(self->worker);
    birth->parent = self;
    birth->worker = self->worker;
    tp_err err = give_birth(birth, &pid);
    if (err != TP_OK || self->extra != NULL) tpi_set_error(self, err);
    if (__builtin_expect(self->flags & TPI_ACTOR_WATCHED, 0)) return record_spawn(self, birth, pid);
    return pid;
}

static tp_pid refuse(tp_actor *self, tp_err err) {
    TPI_CHECK(err != TP_OK);
    tpi_set_error(self, err);
    return tp_pid_null();
}

static tp_pid isolate(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                      const tp_message_type *type, const void *arguments, tp_ref start) {
    if (self->runtime->hooks.isolate == NULL) return refuse(self, TP_ENOTSUP);
    return self->runtime->hooks.isolate(self, behavior, options, type, arguments, start);
}

tp_pid tp_spawn_value(tp_actor *self, const tp_behavior *behavior, const tp_spawn_options *options,
                      const tp_message_type *type, const void *arguments) {
    TPI_INSIDE(self);
    struct birth birth = {
        .behavior = behavior, .options = options, .type = type, .arguments = arguments};
    if (behavior == NULL) {
        tpi_set_error(self, TP_EINVAL);
        return tp_pid_null();
    }
    if (__builtin_expect(self->runtime->hooks.spawn != NULL, 0)) {
        tp_pid made = tp_pid_null();
        tp_err err = self->runtime->hooks.spawn(self, behavior, options, type, arguments, &made);
        tpi_set_error(self, err);
        return err == TP_OK ? made : tp_pid_null();
    }
    if (options != NULL && options->isolate)
        return isolate(self, behavior, options, type, arguments, 0);
    tp_pid pid = spawn_from(self, &birth);
    rest(self);
    return pid;
}

tp_pid tpi_spawn_to_start(tp_actor *self, const tp_behavior *behavior,
                          const tp_spawn_options *options, const tp_message_type *type,
                          const void *arguments, tp_ref start) {
    TPI_CHECK(start != 0 && behavior->init != NULL);
    TPI_ASSERT(type != NULL);
    if (self->runtime->guest != NULL) return refuse(self, TP_ENOTSUP);
    if (options != NULL && options->isolate)
        return isolate(self, behavior, options, type, arguments, start);
    struct birth birth = {.behavior = behavior,
                          .options = options,
                          .type = type,
                          .arguments = arguments,
                          .start = start};
    return spawn_from(self, &birth);
}

tp_pid tp_spawn_body(tp_actor *self, tp_body body, void *arg, const tp_spawn_options *options) {
    TPI_INSIDE(self);
    struct birth birth = {.behavior = &body_behavior, .body = body, .arg = arg, .options = options};
    if (body == NULL) return refuse(self, TP_EINVAL);
    if (self->runtime->guest != NULL || (options != NULL && options->isolate))
        return refuse(self, TP_ENOTSUP);
    tp_pid pid = spawn_from(self, &birth);
    rest(self);
    return pid;
}

/* ---- with arguments that are encoded already ---- */

tp_err tpi_spawn_encoded(tp_actor *self, const tp_behavior *behavior,
                         const tp_spawn_options *options, const struct tpi_encoded *arguments,
                         tp_pid *out) {
    TPI_CHECK(out != NULL && behavior != NULL);
    struct birth birth = {
        .behavior = behavior, .options = options, .type = arguments->type, .encoded = arguments};
    *out = spawn_from(self, &birth);
    return tp_pid_is_null(*out) ? tp_error(self) : TP_OK;
}

/* The next slot that is taken is the given one, and its next generation the given one. */
tp_err tpi_spawn_guest(tp_runtime *runtime, tp_pid pid, tp_pid parent, const tp_behavior *behavior,
                       const struct tpi_encoded *arguments, tp_ref start) {
    struct birth birth = {.runtime = runtime,
                          .behavior = behavior,
                          .type = arguments->type,
                          .encoded = arguments,
                          .start = start};
    tp_pid made = tp_pid_null();
    runtime->node = pid.node;
    /* relaxed: nothing runs yet but this thread */
    atomic_store_explicit(&runtime->slots_used, pid.slot, memory_order_relaxed);
    tpi_slot(runtime, pid.slot)->generation = pid.generation - 1;
    birth.parent_pid = parent;
    tp_err err = give_birth(&birth, &made);
    TPI_ASSERT(err != TP_OK || tp_pid_equal(made, pid));
    return err;
}

/* ---- from outside ---- */

tp_err tp_runtime_spawn_value(tp_runtime *runtime, tp_pid *out, const tp_behavior *behavior,
                              const tp_spawn_options *options, const tp_message_type *type,
                              const void *arguments) {
    TPI_FAULT_HOLD();
    struct birth birth = {.runtime = runtime,
                          .behavior = behavior,
                          .options = options,
                          .type = type,
                          .arguments = arguments};
    if (runtime == NULL || out == NULL || behavior == NULL) return TP_EINVAL;
    if (options != NULL && options->isolate) return TP_ENOTSUP;
    return give_birth(&birth, out);
}

tp_err tp_runtime_spawn_body(tp_runtime *runtime, tp_pid *out, tp_body body, void *arg,
                             const tp_spawn_options *options) {
    TPI_FAULT_HOLD();
    struct birth birth = {.runtime = runtime,
                          .behavior = &body_behavior,
                          .body = body,
                          .arg = arg,
                          .options = options};
    if (runtime == NULL || out == NULL || body == NULL) return TP_EINVAL;
    if (options != NULL && options->isolate) return TP_ENOTSUP;
    return give_birth(&birth, out);
}

tp_err tpi_spawn_inbox(tp_runtime *runtime, struct tpi_inbox_state *inbox, tp_pid *out) {
    TPI_CHECK(inbox != NULL && out != NULL);
    static const tp_behavior inbox_behavior = {.name = "inbox"};
    struct birth birth = {.runtime = runtime, .behavior = &inbox_behavior};
    tp_actor *actor = tpi_slot_take(runtime, NULL);
    if (actor == NULL) return TP_ENOMEM;
    clear(&birth, actor);
    (void)make_state(&birth, actor);
    if (tpi_extra(actor) == NULL) {
        miscarry(&birth, actor);
        return TP_ENOMEM;
    }
    actor->flags |= TPI_ACTOR_INBOX | TPI_ACTOR_STARTED;
    actor->extra->inbox = inbox;
    *out = tpi_pid_of(runtime, actor);
    publish(actor);
    tpi_count_shared(&runtime->scheduler->outside.spawned, 1);
    set_in_motion(&birth, actor);
    return TP_OK;
}

/* ---- out of a capsule ---- */

tp_err tpi_spawn_replay(tp_runtime *runtime, const tp_behavior *behavior, tp_pid pid, bool contain,
                        struct tpi_capsule *capsule) {
    struct birth birth = {.runtime = runtime, .behavior = behavior};
    TPI_ASSERT(capsule->replaying);
    if (pid.slot >= runtime->slot_count || pid.generation == 0) return TP_EINVAL;
    /* relaxed: nobody else takes slots yet; the next fresh one is the recorded one */
    atomic_store_explicit(&runtime->slots_used, pid.slot, memory_order_relaxed);
    tp_actor *actor = tpi_slot_take(runtime, NULL);
    if (actor == NULL) return TP_ENOMEM;
    actor->generation = pid.generation - 1;
    clear(&birth, actor);
    tp_err err = make_state(&birth, actor);
    if (err == TP_OK && tpi_extra(actor) == NULL) err = TP_ENOMEM;
    if (err != TP_OK) {
        miscarry(&birth, actor);
        return err;
    }
    actor->extra->capsule = capsule;
    actor->flags |= TPI_ACTOR_WATCHED | TPI_ACTOR_REPLAYS;
    if (contain) actor->flags |= TPI_ACTOR_CONTAINED;
    if (behavior->init == NULL) actor->flags |= TPI_ACTOR_STARTED;
    TPI_ASSERT(tp_pid_equal(tpi_pid_of(runtime, actor), pid));
    publish(actor);
    tpi_count_shared(&runtime->scheduler->outside.spawned, 1);
    tpi_scheduler_schedule(runtime->scheduler, &actor->runnable);
    return TP_OK;
}
