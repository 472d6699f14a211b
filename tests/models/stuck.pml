/*
 * A stuck worker and the watch: what is in `next` is taken once, by the worker or by the watch, and
 * is run although the worker may never leave its slice.
 *
 * Steps and the C they stand for (core/scheduler/watch.c, worker.c). The worker has no fence of its
 * own, so its stores wait in a buffer, oldest first, which is written back in its own time; its own
 * loads see the newest of them.
 *
 *   begin        running = r (run_one)
 *   schedule     next == NULL, then next = r (tpi_worker_schedule); within a slice
 *   leave        running = NULL; then `watch` is read (end_slice). FENCED: the buffer is written back
 *                in between (the exchange in tpi_watch_slice_end)
 *   take back    the lock, STUCK away (tpi_watch_slice_end)
 *   take         next is read, then NULL is stored (take_partner): two plain steps
 *   take_over    the lock; STUCK; the fence, which writes the worker's buffer back; running is read
 *                again: NULL takes STUCK away
 *   sweep        an exchange on `next`, under the lock, while STUCK is there; at every look again
 *
 * Left out: the count of slices, which only says whether the slice is an old one.
 *
 * Held: nothing is run twice (assertion); all is run (ran).
 */
#define RUNNABLES 3
#define NOTHING 0
#define RUNNING 0 /* the variables in the buffer */
#define NEXT 1

bit running, stuck, lock;
byte next;
chan stores = [4] of { byte, byte }; /* of the worker: variable, value */
byte newest, pending;                /* its newest store to `next`, how many are on their way */
byte taken;                          /* ghost: a bit a runnable */
byte done, made;                     /* ghost */

inline store_next(value) {
    atomic { stores ! NEXT, value; newest = value; pending++ }
}

/* One store reaches memory. */
inline write_back() {
    stores ? variable, value;
    if
    :: variable == RUNNING -> running = value
    :: else -> next = value; pending--
    fi
}

inline drain() {
    do
    :: nempty(stores) -> write_back()
    :: empty(stores) -> break
    od
}

inline run_it(which) {
    atomic {
        assert((taken & (1 << which)) == 0);
        taken = taken | (1 << which);
        done++
    }
}

#define OWN_NEXT (pending > 0 -> newest : next)

active proctype buffer() {
    byte variable, value;
end:
    do
    :: atomic { nempty(stores) -> write_back() }
    od
}

active proctype worker() {
    byte seen, variable, value;
    bit was_stuck;
    do
    :: made == RUNNABLES && done == RUNNABLES -> break
    :: else ->
        stores ! RUNNING, 1;
        atomic {
            if
            :: made < RUNNABLES && OWN_NEXT == NOTHING -> made++; seen = made
            :: else -> seen = NOTHING
            fi
        };
        if
        :: seen != NOTHING -> store_next(seen)
        :: else
        fi;
        if
        :: made == RUNNABLES -> done == RUNNABLES /* it never leaves, as far as the rest can see */
        :: true
        fi;
        stores ! RUNNING, 0;
#if defined(FENCED)
        d_step { drain() };
#endif
#if !defined(BUG_NO_LOOK)
        was_stuck = stuck;
        if
        :: was_stuck ->
#if defined(BUG_NO_LOCK)
            stuck = 0
#else
            atomic { lock == 0 -> lock = 1; drain() }; /* a locked instruction writes it back */
            stuck = 0;
            lock = 0
#endif
        :: else
        fi;
#endif
        seen = OWN_NEXT;
        if
        :: seen != NOTHING ->
            store_next(NOTHING);
            run_it(seen)
        :: else
        fi
    od
}

inline sweep() {
    atomic { got = next; next = NOTHING };
    if
    :: got != NOTHING -> run_it(got)
    :: else
    fi
}

active proctype watch() {
    byte got, variable, value;
    bit there;
end:
    do
    :: running ->
        atomic { lock == 0 -> lock = 1 };
        stuck = 1;
#if !defined(FENCED) && !defined(BUG_NO_FENCE)
        d_step { drain() };
#endif
#if defined(BUG_NO_SECOND_LOOK)
        there = 1;
#else
        there = running;
#endif
        if
        :: there -> sweep()
        :: else -> stuck = 0
        fi;
        lock = 0;
        do
        :: there && (stuck == 0 || next != NOTHING) ->
            atomic { lock == 0 -> lock = 1 };
            if
            :: stuck -> sweep()
            :: else -> there = 0
            fi;
            lock = 0
        :: !there -> break
        od
    od
}

ltl ran { <> (done == RUNNABLES) }
