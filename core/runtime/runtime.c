/*
 * Start, stop, options, counters.
 *
 * Start: memory, scheduler, slots, registry, sockets, then the threads. Stop, in reverse: actors
 * are asked, then killed, then the threads end, then everything is freed.
 */
#include "core/platform/zygote.h"
#include "core/runtime/runtime.h"

#include <stdio.h>
#include <string.h>

#include <troupe/inbox.h>

#include "core/actor/remote.h"
#include "core/base/blake2b.h"
#include "core/crash/crash.h"
#include "core/io/io.h"
#include "core/process/process.h"
#include "core/registry/registry.h"

#define DEFAULT_ACTORS (1u << 24)
#define DEFAULT_STACK ((size_t)256 << 10)
#define DEFAULT_MAILBOX 1024u
#define DEFAULT_BUDGET 128u
#define WORKERS_MAX 256u
#define DEFAULT_FAULT_LIMIT 10u
#define FAULT_LIMIT_MAX 1000000u
#define NODE_NAME_MAX 128u
#define DEFAULT_STUCK_AFTER TP_MS(10)
#define STUCK_AFTER_MIN TP_MS(1)
#define DEFAULT_REPORT_AFTER TP_SECONDS(1)
#define SPARES_LEAST 4u

static tp_err complete_watch(tp_options *options) {
    if (options->stuck_after == 0) options->stuck_after = DEFAULT_STUCK_AFTER;
    if (options->stuck_report_after == 0) options->stuck_report_after = DEFAULT_REPORT_AFTER;
    if (options->stuck_after < STUCK_AFTER_MIN || options->stuck_report_after < STUCK_AFTER_MIN)
        return TP_EINVAL;
    if (options->spare_workers == 0) {
        options->spare_workers = options->workers > SPARES_LEAST ? options->workers : SPARES_LEAST;
        if (options->spare_workers > TPI_SPARE_WORKERS_MAX)
            options->spare_workers = TPI_SPARE_WORKERS_MAX;
    }
    return options->spare_workers <= TPI_SPARE_WORKERS_MAX ? TP_OK : TP_EINVAL;
}

static tp_err complete_options(tp_options *options) {
    if (options->workers == 0) options->workers = tpi_cpu_count();
    if (options->workers > WORKERS_MAX || options->strategy > TP_STRATEGY_LIFO) return TP_EINVAL;
    if (options->max_actors == 0) options->max_actors = DEFAULT_ACTORS;
    if (options->max_actors == TPI_NO_SLOT) return TP_EINVAL;
    if (options->stack_size == 0) options->stack_size = DEFAULT_STACK;
    if (options->stack_size < 16384 || options->stack_size > (size_t)1 << 30) return TP_EINVAL;
    if (options->mailbox_limit == 0) options->mailbox_limit = DEFAULT_MAILBOX;
    if (options->mailbox_limit > INT32_MAX / 16) return TP_EINVAL;
    if (options->message_budget == 0) options->message_budget = DEFAULT_BUDGET;
    if (options->shutdown_grace <= 0) options->shutdown_grace = TP_SECONDS(5);
    if (options->fault_limit == 0) options->fault_limit = DEFAULT_FAULT_LIMIT;
    if (options->fault_limit > FAULT_LIMIT_MAX) return TP_EINVAL;
    if (complete_watch(options) != TP_OK) return TP_EINVAL;
    if (options->node_name == NULL) options->node_name = "local";
    if (strlen(options->node_name) > NODE_NAME_MAX) return TP_EINVAL;
    if (options->log_level == 0 && options->log_hook == NULL) options->log_level = TP_LOG_WARN;
    return TP_OK;
}

static tp_err make_scheduler(tp_runtime *runtime) {
    struct tpi_scheduler_options options = {
        .driver = &runtime->driver,
        .ops = &tpi_actor_ops,
        .memory = runtime->memory,
        .system = runtime,
        .workers = runtime->options.workers,
        .strategy = runtime->options.strategy,
        .stack_size = runtime->options.stack_size,
        .watch = {.stuck_after = runtime->options.stuck_after,
                  .report_after = runtime->options.stuck_report_after,
                  .spares = runtime->options.spare_workers},
    };
    return tpi_scheduler_new(&runtime->scheduler, &options);
}

/* Who this node is: 16 random bytes, and an id of them and the name, as docs/wire-protocol.md says
 * it (tpi_wire_node_id computes the same with the cryptographic library). Never 0. */
static void make_identity(tp_runtime *runtime) {
    uint8_t text[sizeof runtime->incarnation + NODE_NAME_MAX];
    size_t name = strlen(runtime->options.node_name);
    uint64_t random[2];
    for (unsigned i = 0; i < 2; i++) random[i] = runtime->driver.random(runtime->driver.context);
    memcpy(runtime->incarnation, random, sizeof random);
    memcpy(text, random, sizeof random);
    memcpy(text + sizeof random, runtime->options.node_name, name);
    uint64_t id = tpi_blake2b_first(text, sizeof random + name);
    runtime->node = id == 0 ? 1 : id;
}

/* Zeroed, at the begin of a cache line: the heap aligns to 16 only. */
static tp_runtime *alloc_runtime(struct tpi_memory *memory) {
    void *allocation = tpi_heap_alloc(memory, sizeof(tp_runtime) + 64);
    if (allocation == NULL) return NULL;
    tp_runtime *runtime = (void *)(((uintptr_t)allocation + 63) & ~(uintptr_t)63);
    memset(runtime, 0, sizeof *runtime);
    runtime->memory = memory;
    runtime->allocation = allocation;
    return runtime;
}

tp_err tpi_runtime_new(tp_runtime **out, const tp_options *options, const struct tpi_driver *driver,
                       struct tpi_sim *sim) {
    tp_options complete = options != NULL ? *options : (tp_options){0};
    tp_err err = complete_options(&complete);
    if (err != TP_OK) return err;
    if (sim != NULL) complete.spare_workers = 0; /* nothing takes time there but what says so */
    struct tpi_memory *memory = NULL;
    err = tpi_memory_new(&memory, complete.allocator,
                         tpi_scheduler_places(complete.workers, complete.spare_workers) +
                             TPI_REMOTE_POOLS);
    if (err != TP_OK) return err;
    tp_runtime *runtime = alloc_runtime(memory);
    if (runtime == NULL) {
        tpi_memory_free(memory);
        return TP_ENOMEM;
    }
    runtime->options = complete;
    runtime->driver = driver != NULL ? *driver : tpi_driver_production;
    runtime->sim = sim;
    runtime->signal_event = -1;
    make_identity(runtime);
    err = make_scheduler(runtime);
    if (err == TP_OK) err = tpi_slots_new(runtime);
    if (err == TP_OK) err = tpi_registry_new(runtime);
    if (err == TP_OK) err = tpi_io_new(runtime);
    if (err == TP_OK && sim == NULL) err = tpi_process_new(runtime);
    if (err == TP_OK) err = tpi_crash_new(runtime);
    if (err == TP_OK) err = tpi_scheduler_start(runtime->scheduler);
    if (err != TP_OK) {
        tpi_runtime_free(runtime);
        return err;
    }
    *out = runtime;
    return TP_OK;
}

/* ---- signals ---- */

static void signal_main(void *arg) {
    tp_runtime *runtime = arg;
    (void)tpi_event_wait(runtime->signal_event, TP_FOREVER);
    /* acquire: partner is the release store in drop_signals */
    if (atomic_load_explicit(&runtime->signal_stop, memory_order_acquire) == 0)
        tp_runtime_request_stop(runtime);
}

tp_err tp_runtime_stop_on_signals(tp_runtime *runtime) {
    TPI_FAULT_HOLD();
    if (runtime == NULL || runtime->signal_event >= 0) return TP_EINVAL;
    int event;
    tp_err err = tpi_event_new(&event);
    if (err != TP_OK) return err;
    err = tpi_signals_take(event);
    if (err != TP_OK) {
        tpi_descriptor_close(event);
        return err;
    }
    runtime->signal_event = event;
    err = tpi_thread_start(&runtime->signal_thread, "tp-signals", signal_main, runtime);
    if (err == TP_OK) return TP_OK;
    tpi_signals_give();
    tpi_descriptor_close(event);
    runtime->signal_event = -1;
    return err;
}

static void drop_signals(tp_runtime *runtime) {
    if (runtime->signal_event < 0) return;
    tpi_signals_give();
    /* release: partner is the acquire load in signal_main */
    atomic_store_explicit(&runtime->signal_stop, 1, memory_order_release);
    tpi_event_set(runtime->signal_event);
    tpi_thread_join(runtime->signal_thread);
    tpi_descriptor_close(runtime->signal_event);
    runtime->signal_event = -1;
}

/* ---- the end ---- */

void tpi_runtime_free(tp_runtime *runtime) {
    struct tpi_memory *memory = runtime->memory;
    struct tpi_remote *remote = tpi_remote_of(runtime);
    drop_signals(runtime);
    if (remote != NULL) remote->end(remote);
    if (runtime->scheduler != NULL) tpi_scheduler_stop(runtime->scheduler);
    if (runtime->crash != NULL) tpi_crash_free(runtime);
    if (runtime->process != NULL) tpi_process_free(runtime);
    if (runtime->io != NULL) tpi_io_free(runtime);
    if (runtime->registry != NULL) tpi_registry_free(runtime);
    tpi_slots_free(runtime);
    if (runtime->scheduler != NULL) tpi_scheduler_free(runtime->scheduler);
    if (remote != NULL) remote->free(remote);
    tpi_heap_free(memory, runtime->allocation, sizeof *runtime + 64);
    tpi_memory_free(memory);
}

tp_err tp_runtime_start(tp_runtime **out, const tp_options *options) {
    TPI_FAULT_HOLD();
    if (out == NULL) return TP_EINVAL;
    return tpi_runtime_new(out, options, NULL, NULL);
}

/* ---- counters ---- */

/* Read before `spawned`: an actor that is born on one worker and ends on another while the sums are
 * made must not hide one that lives. */
static uint64_t count_exited(const struct tpi_scheduler *scheduler) {
    struct tpi_worker *workers[TPI_WORKERS_MAX];
    uint64_t exited = 0;
    for (unsigned i = 0, count = tpi_scheduler_list(scheduler, workers); i < count; i++)
        /* acquire: keeps the reads of `spawned` that follow behind it */
        exited += atomic_load_explicit(&workers[i]->counters.exited, memory_order_acquire);
    return exited;
}

/* Each sum is read at another moment: an estimate while actors block and go on. */
static uint64_t count_blocked(const struct tpi_scheduler *scheduler) {
    struct tpi_worker *workers[TPI_WORKERS_MAX];
    uint64_t rejoined = 0, left = 0;
    for (unsigned i = 0, count = tpi_scheduler_list(scheduler, workers); i < count; i++)
        /* acquire: keeps the reads of `left` behind it, so that the difference is not negative */
        rejoined += atomic_load_explicit(&workers[i]->rejoined, memory_order_acquire);
    for (unsigned i = 0, count = tpi_scheduler_list(scheduler, workers); i < count; i++)
        /* relaxed: a number */
        left += atomic_load_explicit(&workers[i]->left, memory_order_relaxed);
    return left > rejoined ? left - rejoined : 0;
}

void tp_runtime_counters(const tp_runtime *runtime, tp_counters *out) {
    const struct tpi_scheduler *scheduler = runtime->scheduler;
    struct tpi_worker *workers[TPI_WORKERS_MAX];
    uint64_t exited = count_exited(scheduler);
    memset(out, 0, sizeof *out);
    tpi_counters_add(&scheduler->outside, out);
    for (unsigned i = 0, count = tpi_scheduler_list(scheduler, workers); i < count; i++)
        tpi_counters_add(&workers[i]->counters, out);
    out->actors_alive = out->spawned - exited;
    out->fibers = count_blocked(scheduler);
    out->memory = tpi_memory_bytes(runtime->memory);
    /* relaxed: a number */
    out->stuck = atomic_load_explicit(&scheduler->watch.count, memory_order_relaxed);
}

uint64_t tpi_runtime_alive(const tp_runtime *runtime) {
    tp_counters counters;
    tp_runtime_counters(runtime, &counters);
    return counters.actors_alive;
}

unsigned tp_runtime_workers(const tp_runtime *runtime) {
    return runtime->options.workers;
}

uint64_t tp_runtime_node(const tp_runtime *runtime) {
    return runtime->node;
}

void tp_runtime_trace(tp_runtime *runtime, tp_trace_hook hook, void *context) {
    TPI_FAULT_HOLD();
    tpi_trace_set(&runtime->scheduler->trace, hook, context);
}

/* ---- stop ---- */

static void signal_actor(tp_runtime *runtime, tp_actor *actor, int32_t code) {
    /* acquire: partner is the release store in publish (spawn.c) */
    uint64_t identity = atomic_load_explicit(&actor->identity, memory_order_acquire);
    if (!(identity & TPI_IDENTITY_ALIVE)) return;
    tp_pid pid = {runtime->node, tpi_slot_of(actor), (uint32_t)(identity >> 32)};
    (void)tp_post_exit(runtime, pid, code);
}

/* The youngest slots first: an actor's children mostly lie above it. */
void tpi_runtime_shutdown(tp_runtime *runtime, unsigned stage) {
    TPI_ASSERT(stage == 1 || stage == 2);
    /* release: partner is the acquire load in exit.c and spawn.c */
    atomic_store_explicit(&runtime->stopping, stage, memory_order_release);
    /* relaxed: slots taken after this are told by the next round of the stopper */
    uint32_t used = atomic_load_explicit(&runtime->slots_used, memory_order_relaxed);
    if (used > runtime->slot_count) used = runtime->slot_count;
    for (uint32_t slot = used; slot-- > 0;)
        signal_actor(runtime, tpi_slot(runtime, slot),
                     stage == 1 ? TP_EXIT_SHUTDOWN : TP_EXIT_KILL);
}

/* Waits until nobody is alive; signals again now and then, for those that were born meanwhile. */
static bool wait_for_silence(tp_runtime *runtime, unsigned stage, tp_duration grace) {
    tp_time until = tpi_scheduler_now(runtime->scheduler) + grace;
    tp_duration again = TP_MS(100);
    tp_time next = tpi_scheduler_now(runtime->scheduler) + again;
    for (;;) {
        /* acquire: partner is the release in finish (exit.c): the counters are read after it */
        uint32_t exits = atomic_load_explicit(&runtime->exits, memory_order_acquire);
        if (tpi_runtime_alive(runtime) == 0) return true;
        tp_time now = tpi_scheduler_now(runtime->scheduler);
        if (now >= until) return false;
        if (now >= next) {
            tpi_runtime_shutdown(runtime, stage);
            again *= 2;
            next = now + again;
        }
        tpi_futex_wait(&runtime->exits, exits, TP_MS(5));
    }
}

static void name_stuck(tp_runtime *runtime, struct tpi_worker *worker) {
    char name[TP_NAME_SIZE_MAX + 1];
    /* acquire: partner is the release store in run_one (core/scheduler/worker.c) */
    struct tpi_runnable *runnable = atomic_load_explicit(&worker->running, memory_order_acquire);
    if (runnable == NULL) return;
    const tp_actor *actor = tpi_actor_of(runnable);
    /* acquire: partner is the release store in publish (spawn.c): its behaviour is older */
    uint64_t identity = atomic_load_explicit(&actor->identity, memory_order_acquire);
    tp_pid pid = {runtime->node, tpi_slot_of(actor), (uint32_t)(identity >> 32)};
    if (runtime->hooks.name_of(runtime, pid, name, sizeof name) == 0)
        (void)snprintf(name, sizeof name, "%s", actor->behavior->name);
    tpi_log_runtime(runtime, TP_LOG_ERROR, "it would not end: %s <%u.%u>", name, pid.slot,
                    pid.generation);
}

/* A handler that never returns holds its thread: freeing what it uses would be worse. */
static void leave_stuck(tp_runtime *runtime) {
    struct tpi_worker *workers[TPI_WORKERS_MAX];
    tpi_log_runtime(runtime, TP_LOG_ERROR,
                    "stopped with %llu actors that would not end; their threads are left",
                    (unsigned long long)tpi_runtime_alive(runtime));
    for (unsigned i = 0, count = tpi_scheduler_list(runtime->scheduler, workers); i < count; i++)
        name_stuck(runtime, workers[i]);
    tpi_watch_stop(runtime->scheduler);
    drop_signals(runtime);
}

void tp_runtime_request_stop(tp_runtime *runtime) {
    TPI_FAULT_HOLD();
    tpi_runtime_shutdown(runtime, 1);
}

void tp_runtime_stop(tp_runtime *runtime) {
    TPI_FAULT_HOLD();
    if (runtime == NULL) return;
    tpi_runtime_shutdown(runtime, 1);
    if (!wait_for_silence(runtime, 1, runtime->options.shutdown_grace)) {
        tpi_runtime_shutdown(runtime, 2);
        if (!wait_for_silence(runtime, 2, runtime->options.shutdown_grace)) {
            leave_stuck(runtime);
            return;
        }
    }
    if (runtime->options.zygote != NULL)
        tpi_zygote_settle((struct tpi_zygote *)(void *)runtime->options.zygote);
    tpi_runtime_free(runtime);
}

/* ---- waiting for an actor ---- */

tp_err tp_runtime_wait(tp_runtime *runtime, tp_pid actor, tp_duration timeout, int *code) {
    TPI_FAULT_HOLD();
    tp_inbox *inbox;
    tp_err err = tp_inbox_open(runtime, &inbox);
    if (err != TP_OK) return err;
    tp_time now = tpi_scheduler_now(runtime->scheduler);
    tp_time until = timeout > TP_FOREVER - now ? TP_FOREVER : now + timeout;
    const tp_message *message;
    tp_down down;
    err = tpi_inbox_monitor(inbox, actor);
    while (err == TP_OK) {
        err = tp_inbox_receive(inbox, until == TP_FOREVER ? TP_FOREVER : until - now, &message);
        /* a stop that was asked for tells inboxes too: not every message is the down */
        if (err != TP_OK || tp_message_is(message, tp_down)) break;
        now = tpi_scheduler_now(runtime->scheduler);
    }
    if (err == TP_OK) err = tp_inbox_get(inbox, message, &down, tp_down);
    if (err == TP_OK && code != NULL) *code = down.code;
    tp_inbox_close(inbox);
    return err;
}
