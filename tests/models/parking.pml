/*
 * Workers that sleep and are woken: no runnable is left lying while a worker that may run it sleeps
 * for good.
 *
 * Steps and the C they stand for (core/scheduler/park.c; worker.c where said); each is one atomic
 * operation, one look at a queue, or one system call there:
 *
 *   push, push_pinned     tpi_inject_push, then wake_one() or wake() (tpi_scheduler_schedule,
 *                         worker.c)
 *   push_local            the partner just woken goes to `next` and wakes nobody
 *                         (tpi_worker_schedule); what goes to the queue behind it wakes one worker
 *                         if one sleeps deep (worker.c)
 *   wake_one, wake        fetch_or(idle, 0); fetch_and(idle, ~bit) by who wakes; exchange(wake, 1);
 *                         then, by poller_worker, an eventfd or a futex
 *   take_outside          a share of inject to the own queue; wakes one for what it leaves. What is
 *                         pinned is run straight from inbound (worker.c)
 *   take_events           a look into the poller without waiting, by who holds `polling` (worker.c)
 *   linger                lingering + 1, looks, lingering - 1; the queues are looked at after that (by
 *                         recheck, if not before)
 *   push_chain            the push, then wake_one() unless one lingers (tpi_scheduler_schedule_chain,
 *                         worker.c)
 *   announce, recheck     store(wake, 0); fetch_or(idle, bit); then the queues once more
 *   sleep                 the poller for the one that takes `polling`, else the futex `wake`
 *   timed                 a sleep with a bound (shallow, or deep while others are awake) may end by
 *                         itself; time is not counted, and what must not hang on time is exactly
 *                         what sleeps without a bound
 *
 * Four scenes. By default a thread outside pushes two runnables, and another one that only worker
 * 0 may run. -DPOLLER: that one, and a thread that arms the first descriptor, whose event readies
 * one. -DSTUCK: one runnable is pushed, which wakes a partner (to `next`), readies one more (to the
 * queue), and does not end before that one was taken by another worker. -DLINGER: as by default, but
 * the two come in chains from another node, and workers linger before they sleep.
 *
 * Held: `next` is free when it is filled, one worker waits in the poller (assertions); all is run
 * (ran).
 */
#define WORKERS 2
#define PLAIN 0  /* runs and ends */
#define FORK 1   /* readies two plain ones */
#define PINNED 2 /* as plain, but worker 0 alone may run it */
#if defined(STUCK)
#define TOTAL 3
#elif defined(POLLER)
#define TOTAL 2
#else
#define TOTAL 3
#endif

chan inject = [2] of { byte };
byte inbound;               /* of worker 0: pinned ones */
chan queue[WORKERS] = [4] of { byte };
bit has_next[WORKERS];
byte idle;                  /* a bit a worker */
byte deep;                  /* workers that sleep deep */
byte lingering;
bit wake[WORKERS];          /* the futex word */
/* a worker whose steals did not pay looks at others' queues only now and then */
bit backoff[WORKERS];
bit polling;                /* someone is in the poller, waiting or looking */
byte poller_worker;         /* who waits there, plus 1 */
bit descriptors, event, eventfd;
byte done;
byte in_poller;             /* ghost */

#define NOBODY WORKERS
#define BIT(w) (1 << (w))
#define ALL ((1 << WORKERS) - 1)
#define IDLE(w) ((idle & BIT(w)) != 0)

/* ---- waking ---- */

inline wake_worker(w) {
    wake[w] = 1;
#if defined(POLLER) && !defined(BUG_POLLER_BY_FUTEX)
    d_step {
        if
        :: poller_worker == (w) + 1 -> eventfd = 1
        :: else
        fi
    }
#endif
}

/* `woke` is a local of the process; so are `mask` and `i`. */
inline clear_idle(w) {
    d_step { woke = IDLE(w); idle = idle & (ALL - BIT(w)) }
}

inline wake_one() {
    mask = idle;
    do
    :: atomic { mask == 0 -> break }
    :: atomic {
        mask != 0 ->
        i = 0;
        do
        :: (mask & BIT(i)) == 0 -> i++
        :: else -> break
        od;
        mask = mask & (ALL - BIT(i));
        clear_idle(i);
        if
        :: woke -> woke = 0; mask = 0
        :: else -> i = NOBODY
        fi
    }
        if
        :: i != NOBODY -> wake_worker(i)
        :: else
        fi
    od;
    i = 0
}

/* ---- a worker ---- */

inline push_local(what) {
    queue[me]!what;
#ifndef BUG_NO_BACKLOG_WAKE
    if
    :: deep > 0 -> wake_one()
    :: else
    fi
#endif
}

/* tpi_worker_schedule of a runnable woken by what runs here */
inline ready_local(what) {
    if
    :: !has_next[me] -> has_next[me] = 1
    :: else -> push_local(what)
    fi
}

inline execute(what) {
    if
    :: atomic { what == PLAIN -> done++ }
    :: atomic { what == PINNED -> assert(me == 0); what = PLAIN; done++ }
    :: what == FORK ->
        ready_local(PLAIN);
        assert(has_next[me]);
        push_local(PLAIN);
#ifdef STUCK
        (len(queue[me]) == 0); /* someone took it: as long as that takes */
#endif
        atomic { done++; what = PLAIN }
    fi
}

#ifdef BUG_PINNED_STEALABLE
#define MINE false
#else
/* what is pinned never stands in a queue that thieves take from */
#define MINE (me == 0 && inbound > 0)
#endif
#define HAS_READY (has_next[me] || len(queue[me]) > 0 || MINE)
#define OUTSIDE_HAS_WORK ((me == 0 && inbound > 0) || len(inject) > 0)
#define VICTIM (1 - me)
#define VICTIM_HAS_WORK (len(queue[VICTIM]) > 0)
#define OTHERS_AWAKE ((idle | BIT(me)) != ALL)

inline take_outside() {
#ifdef BUG_PINNED_STEALABLE
    if
    :: atomic { me == 0 && inbound > 0 -> inbound--; queue[me]!PINNED }
    :: else
    fi;
#endif
    if
    :: atomic { len(inject) > 0 -> inject?what; queue[me]!what; what = PLAIN }
        if
        :: len(inject) > 0 -> wake_one()
        :: else
        fi
    :: else
    fi
}

/* What the poller gave, `got`, becomes ready here. */
inline leave_poller() {
    atomic {
        polling = 0;
        assert(!got || !has_next[me]);
        has_next[me] = has_next[me] || got;
        got = 0
    }
}

inline poll() {
    d_step { got = event; event = 0; eventfd = 0 }
}

inline take_events() {
    if
    :: descriptors && !polling ->
#ifdef BUG_LOOK_UNCLAIMED
        /* and so the eventfd that was meant for who waits */
        atomic { poll(); has_next[me] = got; got = 0 }
#else
        if
        :: atomic { !polling -> polling = 1; poll() }
            leave_poller()
        :: else
        fi
#endif
    :: else
    fi
}

inline steal() {
    atomic {
        if
        :: (!backoff[me] || may_steal) && VICTIM_HAS_WORK -> queue[VICTIM]?what; stolen = 1
        :: else
        fi;
        may_steal = 0
    }
}

inline sleep_in_poller() {
    d_step { poller_worker = me + 1; in_poller++; assert(in_poller == 1) }
    if
#ifndef BUG_POLLER_NO_LOOK
    :: wake[me]
#endif
    :: else ->
end_poller:
        atomic { event || eventfd || timed -> poll() }
    fi;
    d_step { in_poller--; poller_worker = 0 }
    leave_poller() /* C hands on after it has cleared the bit, which comes next */
}

inline sleep() {
    if
#ifdef POLLER
    :: d_step { descriptors && !polling -> polling = 1 }
        sleep_in_poller()
#endif
    :: else ->
end_futex:
        (wake[me] || timed)
    fi
}

inline announce() {
    d_step { wake[me] = 0; idle = idle | BIT(me) } /* nobody looks at the word of who has no bit */
}

inline linger() {
#ifdef LINGER
    lingering++;
#ifndef BUG_LINGER_ASLEEP
    lingering--
#endif
#else
    skip
#endif
}

inline go_idle() {
    linger();
    if
    :: is_deep = 1 /* nobody else is awake, or some looks in a row found nothing */
    :: atomic { OTHERS_AWAKE -> is_deep = 0 }
    fi;
    deep = deep + is_deep;
#ifdef BUG_BOUND_EARLY
    timed = !is_deep || OTHERS_AWAKE;
#endif
    announce();
    if
#ifndef BUG_NO_RECHECK
    :: OUTSIDE_HAS_WORK || (!backoff[me] && VICTIM_HAS_WORK)
#endif
    :: else ->
#ifndef BUG_BOUND_EARLY
        timed = !is_deep || OTHERS_AWAKE;
#endif
        sleep()
    fi;
    d_step {
        idle = idle & (ALL - BIT(me));
        deep = deep - is_deep;
#ifdef BUG_LINGER_ASLEEP
        lingering--;
#endif
        is_deep = 0;
        timed = 0;
        may_steal = 1
    }
}

proctype Worker(byte me) {
    byte mask, i, what;
    bit woke, got, stolen, may_steal, is_deep, timed;
    do
    :: d_step { has_next[me] -> has_next[me] = 0; done++ } /* a plain one */
    :: atomic { !has_next[me] && len(queue[me]) > 0 -> queue[me]?what } execute(what)
    :: d_step { !has_next[me] && MINE -> inbound--; done++ } /* the pinned one */
    :: !HAS_READY ->
        take_outside();
#ifdef POLLER
        take_events();
#endif
        if
        :: HAS_READY
        :: else ->
            steal();
            if
            :: stolen -> stolen = 0; execute(what)
            :: else -> go_idle()
            fi
        fi
    od
}

/* ---- threads outside ---- */

inline push(what) {
#ifdef BUG_WAKE_FIRST
    wake_one();
    inject!what
#else
    inject!what;
#ifndef BUG_NO_WAKE
    wake_one()
#endif
#endif
}

inline push_chain(what) {
#ifdef BUG_LINGER_LOOK_FIRST
    lingers = lingering > 0;
    inject!what;
#else
    inject!what;
    lingers = lingering > 0;
#endif
    if
    :: !lingers -> wake_one()
    :: else
    fi;
    lingers = 0
}

proctype Outsider() {
    byte mask, i;
    bit woke;
#ifdef LINGER
    bit lingers;
    push_chain(PLAIN);
    push_chain(PLAIN)
#elif defined(STUCK)
    push(FORK)
#else
    push(PLAIN);
    push(PLAIN)
#endif
}

proctype Pinner() {
    bit woke;
    inbound++;
    clear_idle(0);
    if
    :: woke -> wake_worker(0)
    :: else
    fi
}

#ifdef POLLER
proctype Device() {
    byte mask, i;
    bit woke;
    /* core/io: armed, counted, and a sleeper told, who may have seen no descriptors */
    descriptors = 1;
#ifndef BUG_ARM_SILENT
    wake_one();
#endif
    event = 1
}
#endif

inline choose(b) {
    if
    :: b = 0
    :: b = 1
    fi
}

init {
    atomic {
#ifdef STUCK
        choose(backoff[0]);
        choose(backoff[1]);
#endif
        run Worker(0);
        run Worker(1);
#ifdef STUCK
        run Outsider()
#else
        run Pinner();
#ifdef POLLER
        run Device()
#else
        run Outsider()
#endif
#endif
    }
}

ltl ran { <> (done == TOTAL) }
