/*
 * A pool's worker: the user's behaviour, run inside one of ours.
 *
 * The order of signals does the draining: `retire` comes after every message that the pool passed
 * on, so a worker that has reached it owes nothing.
 */
#include <troupe/signal.h>

#include "actors/behaviors/pool_internal.h"

struct worker {
    const tp_behavior *user;
    void *state; /* the user's */
    tp_pid pool;
    bool reports;
    bool ready; /* the user's init has run */
};

static void begin(tp_actor *self, struct worker *worker, const tp_message *arguments) {
    worker->ready = true;
    if (worker->user->init != NULL) worker->user->init(self, worker->state, arguments);
}

static void hire(tp_actor *self, struct worker *worker, const tpi_pool_hire *msg) {
    worker->user = (const tp_behavior *)(uintptr_t)msg->behavior;
    worker->pool = msg->pool;
    worker->reports = msg->reports;
    size_t size = worker->user->state_size;
    worker->state = tp_alloc(self, size == 0 ? 1 : size);
    if (worker->state == NULL) tp_exit(self, TP_EXIT_NOMEM);
    if (!msg->waits) begin(self, worker, NULL);
}

static void handle(tp_actor *self, struct worker *worker, const tp_message *message) {
    const tp_behavior *user = worker->user;
    for (uint32_t i = 0; i < user->handler_count; i++) {
        if (!tp_message_is_type(message, user->handlers[i].type)) continue;
        user->handlers[i].call(self, worker->state, message);
        return;
    }
    if (user->otherwise != NULL) {
        user->otherwise(self, worker->state, message);
        return;
    }
    tp_str name = tp_message_name(message);
    tp_log(self, TP_LOG_WARN, "no handler of %s takes %.*s", user->name, (int)name.size, name.data);
}

static void otherwise(tp_actor *self, struct worker *worker, const tp_message *message) {
    if (!worker->ready) {
        begin(self, worker, message);
        return;
    }
    /* exits and downs did not come through the pool */
    bool counts = !tp_message_is(message, tp_exited) && !tp_message_is(message, tp_down);
    handle(self, worker, message);
    if (worker->reports && counts) tp_send(self, worker->pool, tpi_pool_handled);
}

static void retire(tp_actor *self, struct worker *worker, const tpi_pool_retire *msg) {
    (void)worker, (void)msg;
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

static void timeout(tp_actor *self, struct worker *worker) {
    if (worker->user->timeout != NULL) worker->user->timeout(self, worker->state);
}

static void terminate(tp_actor *self, struct worker *worker, const tp_reason *reason) {
    if (worker->ready && worker->user->terminate != NULL)
        worker->user->terminate(self, worker->state, reason);
}

TP_BEHAVIOR_EXTERN(tpi_pool_worker, "pool worker", struct worker, TP_INIT_WITH(tpi_pool_hire, hire),
                   TP_ON(tpi_pool_retire, retire), TP_OTHERWISE(otherwise), TP_TIMEOUT(timeout),
                   TP_TERMINATE(terminate));
