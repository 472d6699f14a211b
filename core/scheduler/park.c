/*
 * Going to sleep without losing a wake-up, waking without waste, and stealing only where it pays.
 *
 * Obligations. Who makes a runnable ready for a worker that may sleep (inject, inbound) pushes
 * first, then looks at the idle mask with a read-modify-write (tpi_scheduler_wake_one, _wake). Who
 * goes to sleep sets its bit with a read-modify-write, then looks at the queues again, then waits.
 * Both operations are on one word, so one comes first: either the waker sees the bit, or the
 * sleeper's second look sees the push.
 *
 * What a worker pushes to its own queue wakes nobody unless somebody sleeps "deep" (until woken):
 * the pusher is awake and will run it, and waking another core costs more than a thousand local
 * hops. A worker without work while others have some sleeps "shallow": for its backoff, then it
 * looks at the others' queues. A steal that kept it busy for less than STEAL_PAYS doubles the
 * backoff, one that kept it busy longer sets it to zero: where messages dominate, the second core
 * soon leaves the first alone; where computation does, it helps at once.
 *
 * Busy with what? What was stolen may do nothing but talk with what was left behind, and be kept
 * busy by that without an end: each message then moves cache lines between two cores, ten times
 * what it takes on one. So a thief counts such messages (blocks of the robbed worker's pool that it
 * gave back, messages to busy actors elsewhere, actors that came to it), and when they are most of
 * its time it gives everything back and stays away for its backoff (tpi_worker_reconsider).
 */
#include "core/scheduler/scheduler.h"

#include "core/base/assert.h"

#define STEAL_PAYS TP_US(20)
#define TALK_COST TP_NS(200) /* of a message between two cores: 100 to 180 measured, and its work */
#define TALK_LEAST 256u      /* messages between two looks at what was stolen */
#define BACKOFF_MIN TP_US(50)
#define BACKOFF_MAX TP_MS(2)
#define FRUITLESS_MAX 8u    /* shallow sleeps in a row before a deep one */
#define DEEP_LOOK TP_MS(10) /* a deep sleep while others are awake still looks this often */
#define SPIN_TURNS 200u
#define LINGER TP_US(400)     /* what a round trip to another node takes, and some */
#define LINGER_SKIP_MIN 16u   /* times not to linger after it was in vain */
#define LINGER_SKIP_MAX 4096u /* and at most, when it is in vain again and again */

/* ---- who there is ---- */

static unsigned spares_made(const struct tpi_scheduler *scheduler) {
    /* acquire: partner is the release store in new_spare (watch.c), after the spare is complete */
    return atomic_load_explicit(&scheduler->watch.made, memory_order_acquire);
}

/* Workers that take from each other: those of the start, and spares. */
static unsigned peers(const struct tpi_scheduler *scheduler) {
    return scheduler->count + spares_made(scheduler);
}

static bool is_dedicated(const struct tpi_scheduler *scheduler, unsigned index) {
    return index >= scheduler->count && index < scheduler->count + TPI_DEDICATED_MAX;
}

/* A peer's index, from its number; the dedicated ones stand between. */
static unsigned peer_index(const struct tpi_scheduler *scheduler, unsigned number) {
    TPI_CHECK(number < scheduler->count + scheduler->watch.options.spares);
    return number < scheduler->count ? number : number + TPI_DEDICATED_MAX;
}

static unsigned peer_number(const struct tpi_scheduler *scheduler, unsigned index) {
    TPI_CHECK(!is_dedicated(scheduler, index));
    return index < scheduler->count ? index : index - TPI_DEDICATED_MAX;
}

/* ---- waking ---- */

static void wake_worker(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_CHECK(index < TPI_WORKERS_MAX && scheduler->workers[index] != NULL);
    struct tpi_worker *worker = scheduler->workers[index];
    /* seq_cst: partner is the pair (store of poller_worker, exchange of wake) in
     * sleep_in_poller: either it sees the 1 and does not wait, or the load below sees that it
     * waits in the poller */
    atomic_exchange_explicit(&worker->wake, 1, memory_order_seq_cst);
    /* seq_cst: see above */
    if (atomic_load_explicit(&scheduler->poller_worker, memory_order_seq_cst) == index + 1)
        tpi_poller_wake(scheduler->poller);
    else tpi_futex_wake(&worker->wake, 1);
    tpi_count_shared(&scheduler->outside.wakes, 1);
}

static bool clear_idle(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_CHECK(index < TPI_WORKERS_MAX);
    if (is_dedicated(scheduler, index)) return false; /* not in the mask */
    unsigned number = peer_number(scheduler, index);
    uint64_t bit = (uint64_t)1 << (number % 64);
    /* acq_rel: partner is announce(); who clears the bit is the one that wakes */
    uint64_t before =
        atomic_fetch_and_explicit(&scheduler->idle[number / 64], ~bit, memory_order_acq_rel);
    return (before & bit) != 0;
}

void tpi_scheduler_wake_one(struct tpi_scheduler *scheduler) {
    for (unsigned word = 0; word < (peers(scheduler) + 63) / 64; word++) {
        /* acq_rel read-modify-write that changes nothing: partner is announce(). A plain load
         * could be ordered before the caller's push, and the sleeper's second look before that
         * push too */
        uint64_t mask = atomic_fetch_or_explicit(&scheduler->idle[word], 0, memory_order_acq_rel);
        while (mask != 0) {
            unsigned index = peer_index(scheduler, word * 64 + (unsigned)__builtin_ctzll(mask));
            if (clear_idle(scheduler, index)) {
                wake_worker(scheduler, index);
                return;
            }
            mask &= mask - 1;
        }
    }
}

void tpi_scheduler_wake(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_ASSERT(index < scheduler->count + TPI_DEDICATED_MAX);
    if (is_dedicated(scheduler, index) || clear_idle(scheduler, index))
        wake_worker(scheduler, index);
}

void tpi_scheduler_rouse(struct tpi_scheduler *scheduler, unsigned index) {
    TPI_CHECK(scheduler->workers[index] != NULL);
    clear_idle(scheduler, index);
    wake_worker(scheduler, index);
}

TPI_FOR_CHECKS bool is_running(const struct tpi_worker *worker) {
    /* relaxed: the worker's own thread reads what it wrote */
    return atomic_load_explicit(&worker->running, memory_order_relaxed) != NULL;
}

/* ---- stealing ---- */

static struct tpi_node *steal_from(struct tpi_worker *worker, struct tpi_worker *victim) {
    TPI_CHECK(worker != victim && tpi_worker_is_here(worker));
    uint32_t moved = 0;
    struct tpi_node *node = tpi_deque_steal(&victim->queue_high, &worker->queue_high, &moved);
    worker->has_high |= moved > 1;
    if (node == NULL) node = tpi_deque_steal(&victim->queue, &worker->queue, &moved);
    if (node == NULL) node = tpi_deque_steal(&victim->young, &worker->young, &moved);
    if (node == NULL) node = tpi_deque_steal(&victim->queue_low, &worker->queue_low, &moved);
    return node;
}

static struct tpi_node *steal_any(struct tpi_worker *worker) {
    TPI_CHECK(!worker->aside);
    struct tpi_scheduler *scheduler = worker->scheduler;
    unsigned count = peers(scheduler), start = worker->turn % count;
    for (unsigned i = 0; i < count; i++) {
        struct tpi_worker *victim = scheduler->workers[peer_index(scheduler, (start + i) % count)];
        if (victim == worker) continue;
        struct tpi_node *node = steal_from(worker, victim);
        if (node == NULL) continue;
        worker->robbed = victim;
        return node;
    }
    return NULL;
}

bool tpi_worker_steal(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && !is_running(worker));
    if (worker->aside || peers(worker->scheduler) == 1) return false;
    if (worker->backoff > 0 && !worker->may_steal) return false;
    worker->may_steal = false;
    struct tpi_node *node = steal_any(worker);
    if (node == NULL) {
        worker->fruitless++;
        return false;
    }
    /* relaxed, both: between two slices it is this thread's alone */
    TPI_ASSERT(atomic_load_explicit(&worker->next, memory_order_relaxed) == NULL);
    atomic_store_explicit(&worker->next, (struct tpi_runnable *)(void *)node,
                          memory_order_relaxed); /* relaxed: see above */
    worker->stole_at = tpi_scheduler_now(worker->scheduler);
    worker->pool->asked_owner = worker->robbed->pool->index;
    worker->pool->asked_returned = worker->flooded = worker->moved_in = worker->talk_seen = 0;
    worker->fruitless = 0;
    tpi_count(&worker->counters.steals, 1);
    return true;
}

/* Messages between what was stolen and the worker it was stolen from. */
static uint64_t talk_of(const struct tpi_worker *worker) {
    TPI_CHECK(worker->robbed != NULL && worker->pool->asked_owner == worker->robbed->pool->index);
    return worker->pool->asked_returned + worker->flooded + worker->moved_in;
}

/* A worker that helps only by making each message cross between two cores is slower with what it
 * stole than the other would be with all of it. */
static bool only_talked(const struct tpi_worker *worker, tp_duration busy) {
    return (tp_duration)talk_of(worker) * TALK_COST > busy;
}

static void steal_was_in_vain(struct tpi_worker *worker) {
    TPI_CHECK(worker->backoff >= 0 && worker->backoff <= BACKOFF_MAX);
    worker->stole_at = 0;
    worker->backoff = worker->backoff == 0 ? BACKOFF_MIN : worker->backoff * 2;
    if (worker->backoff > BACKOFF_MAX) worker->backoff = BACKOFF_MAX;
}

/* Did the last steal pay? Called when what it brought has been used up. */
static void judge_steal(struct tpi_worker *worker) {
    if (worker->stole_at == 0) return;
    tp_duration busy = tpi_scheduler_now(worker->scheduler) - worker->stole_at;
    if (busy < STEAL_PAYS || only_talked(worker, busy)) {
        steal_was_in_vain(worker);
    } else {
        worker->stole_at = 0;
        worker->backoff = 0;
    }
}

/* Living on stolen work that is talk with the worker it was stolen from, it would not end: what
 * the other sends keeps it busy. */
void tpi_worker_reconsider(struct tpi_worker *worker) {
    TPI_CHECK(worker->stole_at != 0 && worker->robbed != NULL);
    uint64_t talk = talk_of(worker);
    if (talk - worker->talk_seen < TALK_LEAST || worker->robbed->index >= worker->scheduler->count)
        return;
    worker->talk_seen = talk;
    tp_duration busy = tpi_scheduler_now(worker->scheduler) - worker->stole_at;
    if (!only_talked(worker, busy)) return;
    steal_was_in_vain(worker);
    tpi_worker_empty(worker, worker->robbed);
}

/* ---- sleeping ---- */

static bool others_awake(const struct tpi_worker *worker) {
    struct tpi_scheduler *scheduler = worker->scheduler;
    unsigned asleep = 0;
    for (unsigned word = 0; word < (peers(scheduler) + 63) / 64; word++)
        /* acquire: partner is clear_idle; a hint all the same, see DEEP_LOOK */
        asleep += (unsigned)__builtin_popcountll(
            atomic_load_explicit(&scheduler->idle[word], memory_order_acquire));
    /* relaxed: a hint, as all of this */
    unsigned busy = atomic_load_explicit(&scheduler->watch.busy, memory_order_relaxed);
    return asleep + 1 < scheduler->count + busy; /* its own bit may be set or not */
}

static bool others_have_work(const struct tpi_worker *worker) {
    struct tpi_scheduler *scheduler = worker->scheduler;
    if (worker->aside) return false;
    for (unsigned i = 0, count = peers(scheduler); i < count; i++) {
        const struct tpi_worker *other = scheduler->workers[peer_index(scheduler, i)];
        if (other != worker && tpi_worker_has_queued(other)) return true;
    }
    return false;
}

static bool outside_has_work(const struct tpi_worker *worker) {
    return tpi_inject_length(&worker->inbound) > 0 ||
           (!worker->aside && tpi_inject_length(&worker->scheduler->inject) > 0) ||
           /* acquire: partner is the store in set_active (watch.c), before it rouses the spare */
           (worker->spare &&
            atomic_load_explicit(&worker->active, memory_order_acquire) == worker->aside) ||
           /* acquire: partner is the release store in tpi_scheduler_stop */
           atomic_load_explicit(&worker->scheduler->stopping, memory_order_acquire) != 0;
}

static void announce(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && !is_running(worker));
    /* seq_cst: partner is the exchange in wake_worker. As a plain store it could pass the look
     * at the queues that follows, and hide a wake-up whose push that look did not see */
    atomic_exchange_explicit(&worker->wake, 0, memory_order_seq_cst);
    if (worker->aside) return; /* it is woken by every push to it, or by the watch */
    unsigned number = peer_number(worker->scheduler, worker->index);
    /* seq_cst: partner is tpi_scheduler_wake_one; the second look at the queues comes after it */
    uint64_t before = atomic_fetch_or_explicit(&worker->scheduler->idle[number / 64],
                                               (uint64_t)1 << (number % 64), memory_order_seq_cst);
    TPI_CHECK(!(before >> (number % 64) & 1)); /* nobody else sets it */
}

/* True if this worker waited in the poller; what it found has been handed on. */
static bool sleep_in_poller(struct tpi_worker *worker, tp_duration timeout) {
    TPI_CHECK(!worker->aside && timeout > 0);
    struct tpi_scheduler *scheduler = worker->scheduler;
    uint32_t nobody = 0;
    /* relaxed: a descriptor armed later wakes a sleeper (core/io) */
    if (atomic_load_explicit(&scheduler->descriptors, memory_order_relaxed) == 0 ||
        /* acq_rel: one worker at a time; partner is the release store below */
        !atomic_compare_exchange_strong_explicit(&scheduler->polling, &nobody, 1,
                                                 memory_order_acq_rel, memory_order_relaxed))
        return false;
    /* seq_cst: partner is wake_worker */
    atomic_store_explicit(&scheduler->poller_worker, worker->index + 1, memory_order_seq_cst);
    struct tpi_poll_event events[64];
    unsigned count = 0;
    /* seq_cst: partner is wake_worker */
    if (atomic_load_explicit(&worker->wake, memory_order_seq_cst) == 0)
        count = tpi_poller_wait(scheduler->poller, events, 64, timeout);
    /* relaxed: a late tpi_poller_wake costs the next poller one empty turn, no more */
    atomic_store_explicit(&scheduler->poller_worker, 0, memory_order_relaxed);
    /* release: partner is the exchange above */
    atomic_store_explicit(&scheduler->polling, 0, memory_order_release);
    clear_idle(scheduler, worker->index);
    for (unsigned i = 0; i < count; i++)
        scheduler->ops->ready(scheduler, worker, events[i].token, events[i].ready);
    return true;
}

static void sleep_worker(struct tpi_worker *worker, tp_duration timeout) {
    TPI_CHECK(tpi_worker_is_here(worker));
    tpi_count(&worker->counters.parks, 1);
    if (timeout <= 0) return;
    if (!worker->aside && sleep_in_poller(worker, timeout)) return;
    tpi_futex_wait(&worker->wake, 0, timeout);
}

/* A short look around before sleeping: a wake-up costs more. */
static bool spin(struct tpi_worker *worker) {
    TPI_CHECK(!is_running(worker));
    if (worker->backoff > 0 || worker->scheduler->count == 1) return outside_has_work(worker);
    for (unsigned i = 0; i < SPIN_TURNS; i++) {
        if (outside_has_work(worker) || others_have_work(worker)) return true;
        tpi_cpu_relax();
    }
    return false;
}

static tp_duration until_timer(const struct tpi_worker *worker) {
    tp_time next = tpi_wheel_next(&worker->wheel);
    if (__builtin_expect(tpi_watch_has_stuck(&worker->scheduler->watch), 0)) {
        tp_time other = tpi_watch_next_timer(worker->scheduler);
        if (other < next) next = other;
    }
    if (next == TP_FOREVER) return TP_FOREVER;
    tp_time now = tpi_scheduler_now(worker->scheduler);
    return next > now ? next - now : 0;
}

/* Whether something from another node came since this worker last had nothing to do, so that more
 * may come soon; and lingering was not in vain lately. */
static bool may_linger(struct tpi_worker *worker) {
    struct tpi_scheduler *scheduler = worker->scheduler;
    /* relaxed: a hint */
    uint32_t arrivals = atomic_load_explicit(&scheduler->arrivals, memory_order_relaxed);
    if (arrivals == worker->arrivals || worker->aside) return false;
    worker->arrivals = arrivals;
    if (worker->linger_skip > 0) {
        worker->linger_skip--;
        return false;
    }
    /* relaxed, both: hints. Where descriptors are armed the poller must be waited in; and one that
     * lingers is enough */
    return atomic_load_explicit(&scheduler->descriptors, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&scheduler->lingering, memory_order_relaxed) == 0;
}

static void judge_linger(struct tpi_worker *worker, bool found) {
    TPI_CHECK(worker->linger_skip == 0);
    uint32_t penalty = worker->linger_penalty * 2;
    if (penalty < LINGER_SKIP_MIN) penalty = LINGER_SKIP_MIN;
    if (penalty > LINGER_SKIP_MAX) penalty = LINGER_SKIP_MAX;
    worker->linger_penalty = worker->linger_skip = found ? 0 : penalty;
}

/*
 * Talking to another node, a worker has nothing to do for the time of a round trip, again and
 * again. To sleep meanwhile costs a wake-up of this core, and of the link's threads, which find
 * theirs asleep too: several times the round trip. So it looks around for a little longer, and
 * gives its core to whoever wants it at every look. True: there is something to do.
 */
static bool linger(struct tpi_worker *worker) {
    if (!may_linger(worker)) return false;
    struct tpi_scheduler *scheduler = worker->scheduler;
    tp_duration most = until_timer(worker);
    tp_time end = tpi_scheduler_now(scheduler) + (most < LINGER ? most : LINGER);
    bool found = false;
    /* acq_rel, here and below: partner is tpi_scheduler_schedule_chain, which wakes nobody while
     * this is not 0: either it sees the 0, or the look after it sees what was pushed */
    atomic_fetch_add_explicit(&scheduler->lingering, 1, memory_order_acq_rel);
    do {
        found = outside_has_work(worker) || (worker->backoff == 0 && others_have_work(worker));
        if (!found) tpi_thread_yield();
    } while (!found && tpi_scheduler_now(scheduler) < end);
    atomic_fetch_sub_explicit(&scheduler->lingering, 1, memory_order_acq_rel); /* see above */
    found = found || outside_has_work(worker);
    judge_linger(worker, found);
    return found;
}

static tp_duration nap(const struct tpi_worker *worker, bool deep, bool awake) {
    TPI_CHECK(worker->backoff <= BACKOFF_MAX);
    tp_duration timeout = until_timer(worker), look = TP_FOREVER;
    if (!worker->aside && peers(worker->scheduler) > 1) {
        if (!deep) look = worker->backoff > BACKOFF_MIN ? worker->backoff : BACKOFF_MIN;
        else if (awake) look = DEEP_LOOK;
    }
    return look < timeout ? look : timeout;
}

void tpi_worker_idle(struct tpi_worker *worker) {
    TPI_CHECK(tpi_worker_is_here(worker) && !is_running(worker));
    TPI_CHECK(!worker->sim); /* its time moves when nothing can run: nobody waits */
    struct tpi_scheduler *scheduler = worker->scheduler;
    judge_steal(worker);
    tpi_pool_flush(worker->pool);
    if (spin(worker) || linger(worker)) return;
    bool awake = others_awake(worker);
    bool deep = !worker->aside && (!awake || worker->fruitless >= FRUITLESS_MAX);
    /* seq_cst: before the bit, so that whoever sees the bit cleared knows of the deep sleeper;
     * partner is the load in push_local (worker.c), a hint backed by DEEP_LOOK */
    if (deep) atomic_fetch_add_explicit(&scheduler->deep, 1, memory_order_seq_cst);
    announce(worker);
    if (!outside_has_work(worker) && (worker->backoff > 0 || !others_have_work(worker)))
        sleep_worker(worker, nap(worker, deep, others_awake(worker)));
    clear_idle(scheduler, worker->index);
    /* acquire: partner is the store in rest (watch.c). It comes after a read-modify-write of the
     * idle mask, as the watch's last look at that mask comes after its store: one of the two sees
     * the other */
    if (!worker->aside && atomic_load_explicit(&scheduler->watch.asleep, memory_order_acquire) != 0)
        tpi_watch_wake(scheduler);
    /* relaxed: a hint */
    uint32_t sleepers =
        deep ? atomic_fetch_sub_explicit(&scheduler->deep, 1, memory_order_relaxed) : 1;
    TPI_CHECK(sleepers > 0);
    worker->may_steal = true;
}
