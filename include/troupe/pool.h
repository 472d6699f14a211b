/*
 * Pools: one address for many workers of one behaviour.
 *
 *     static const tp_pool_spec tellers = {.behavior = &teller_behavior, .workers = 4};
 *     tp_pid pool;
 *     tp_pool_start(self, &pool, &tellers, TP_SECONDS(1));
 *     tp_call(self, pool, TP_SECONDS(1), &b, balance, get_balance);     a teller answers
 *
 * What is sent to the pool is passed on to a worker, with its sender and payload as they are, and
 * the worker's reply goes straight to the caller. Messages of one sender reach one worker in order;
 * different workers handle them side by side. A worker that ends is replaced; what waited in its
 * mailbox is lost with it, its callers hear TP_ENOPROC. A worker whose mailbox is full does what
 * its spawn options say: by default the pool waits for it.
 */
#ifndef TROUPE_POOL_H
#define TROUPE_POOL_H

#include <troupe/call.h>
#include <troupe/supervisor.h>

TP_EXTERN_BEGIN

/* Which worker gets a message. */
typedef enum tp_pool_router {
    TP_POOL_ROUND_ROBIN,  /* one after the other */
    TP_POOL_LEAST_LOADED, /* the one with the fewest messages that it was given and has not handled:
                             a handler that blocks counts, a deferred request does not */
    TP_POOL_HASH, /* by spec.key: equal keys go to one worker. From n to n + 1 workers one key in
                     n + 1 moves, to the new worker; back, only its keys move */
    TP_POOL_BROADCAST /* all; a call is refused with TP_ENOTSUP, as only one could answer */
} tp_pool_router;

#define TP_POOL_WORKERS_MAX 65536u /* of one pool */

/* A pool, as data: copied when it starts, what it points to must live as long as the pool. Zero in
 * a field means its default. */
typedef struct tp_pool_spec {
    const tp_behavior *behavior; /* of the workers */
    tp_arguments arguments;      /* for their TP_INIT_WITH: TP_ARGUMENTS(type, ...) */
    tp_spawn_options options;    /* of the workers; name, link and monitor are not used */
    uint32_t workers;            /* at the start; default: min, else 1 */
    tp_pool_router router;
    /* The key of a message, for TP_POOL_HASH; runs in the pool, must not block or exit. */
    uint64_t (*key)(tp_actor *self, const tp_message *message);
    /* By itself a pool with `max` grows by one when more than `load` messages a worker are not
     * handled, and shrinks by one after `idle` in which half of that would have been enough. */
    uint32_t min;     /* default 1 */
    uint32_t max;     /* default: the size changes only by tp_pool_resize */
    uint32_t load;    /* default 8 */
    tp_duration idle; /* default 1 s */
    /* More than `intensity` replacements within `period` end the pool with TP_EXIT_SHUTDOWN. A
     * worker that was killed (tp_kill) is replaced without being counted. */
    uint32_t intensity; /* default 10 */
    tp_duration period; /* default 5 s */
} tp_pool_spec;

/* What a pool says of itself. Lists are borrowed: until the end of the handler or tp_release. */
TP_MESSAGE_AS(tp_pool_info, "tp.pool_info", TP_FIELD(u32, workers),
              TP_FIELD(u32, draining), /* no longer given messages, not yet done with theirs */
              TP_FIELD(u64, routed),   /* messages passed on */
              TP_FIELD(u64, replaced), /* workers that ended by themselves */
              TP_FIELD(u64, dropped),  /* a full worker did not take them, or the pool stopped */
              TP_LIST(pid, pids),      /* of the workers */
              TP_LIST(u32, loads))     /* not handled; zero unless the router or `max` needs it */

/* Sets the number of workers, sent or called (the answer is a tp_pool_info). See tp_pool_resize. */
TP_MESSAGE_AS(tp_pool_set_size, "tp.pool_set_size", TP_FIELD(u32, workers))

/* The argument message of the behaviour below: .spec = TP_POOL_SPEC(variable). */
TP_MESSAGE_AS(tp_pool_of, "tp.pool_of", TP_FIELD(bin, spec))
/* A tp_pool_spec as the value of tp_pool_of's field. */
#define TP_POOL_SPEC(variable)                                                                     \
    { &(variable), sizeof(variable) }

/* The behaviour of a pool, for a supervisor's table: .behavior = &tp_pool_behavior, .arguments =
 * TP_ARGUMENTS(tp_pool_of, .spec = TP_POOL_SPEC(tellers)). It traps exits: its parent's ends it. */
TP_API extern const tp_behavior tp_pool_behavior;

/*
 * Starts a pool linked to the caller, and waits until its workers are spawned (not until their
 * inits are done). TP_EINVAL: the specification is wrong; otherwise as tp_start.
 */
TP_API tp_err tp_pool_start(tp_actor *self, tp_pid *out, const tp_pool_spec *spec,
                            tp_duration timeout);
/*
 * Makes the workers so many. New ones work at once. Those that are given up get no more messages,
 * handle all that they were given, then end: nothing accepted is lost, but requests that they
 * deferred are; this does not wait for them. TP_EINVAL: 0, or over TP_POOL_WORKERS_MAX; and as
 * tp_call.
 */
TP_API tp_err tp_pool_resize(tp_actor *self, tp_pid pool, uint32_t workers, tp_duration timeout);
/* What a pool does now. As tp_call. */
TP_API tp_err tp_pool_look(tp_actor *self, tp_pid pool, tp_pool_info *out, tp_duration timeout);
/*
 * Gives up all workers, waits until they are done, and ends the pool with TP_EXIT_NORMAL. Later
 * calls to it get TP_ECLOSED, later messages are dropped. As tp_call; after TP_ETIMEDOUT the pool
 * still ends.
 */
TP_API tp_err tp_pool_stop(tp_actor *self, tp_pid pool, tp_duration timeout);

/* A key from text. Any thread. */
TP_API uint64_t tp_pool_key_of(tp_str text);

TP_EXTERN_END

#endif
