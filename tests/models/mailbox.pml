/*
 * The mailbox of one slot: who may run an actor, and how a slot changes its occupant.
 *
 * Steps and the C they stand for (core/actor/mailbox.h unless said otherwise); each step here is
 * one atomic operation there, or touches only what its owner may touch:
 *
 *   Sender: find       tpi_find (core/actor/actor.h): load of `identity`
 *           exchange   exchange of `head` by the node; the IDLE bit of the old word gives the right
 *                      to run
 *           link       store of `next` in the old last node; before it a consumer sees a gap
 *           schedule   tpi_worker_schedule, tpi_scheduler_schedule (core/scheduler/worker.c)
 *   Worker: load       load of `next` of the last node seen (tpi_block_next)
 *           look       the node is handled (core/actor/run.c), refused (core/actor/receive.c), or
 *                      answered as dead (tpi_drain, core/actor/exit.c; send_back, core/actor/run.c)
 *           unlink     tpi_mailbox_unlink, of a node that is not the first; the last one gives its
 *                      place to the one before by a CAS of `head` (tpi_mailbox_withdraw)
 *           give_up    tpi_mailbox_idle: CAS of `head` from the last node to stub|IDLE, or to
 *                      last|IDLE while refused nodes stand
 *           requeue    tpi_worker_requeue: budget used up, or there is more, or a gap
 *   Spawner: claim     tpi_mailbox_claim: CAS of `head` from stub|IDLE to stub
 *
 * The run queue is one channel here and workers wait on it: that no wake-up is lost there is
 * parking.pml's matter.
 *
 * Two scenes: by default two senders race for an actor that lives, takes 2 messages a slice, and
 * refuses message 2 until it has one from the second sender. With -DSLOTS the first occupant exits
 * while both still send to it; a spawner takes the slot for a second one, which is sent two
 * messages of its own and exits, too.
 *
 * Held: at most one worker runs the slot and it is ready in at most one place; no message is
 * handled twice, out of its sender's order, or by another generation; nobody writes to a node that
 * was freed; the slot is in the free list at most once (assertions); every message is handled or
 * answered as dead (settled).
 *
 * Spin is sequentially consistent: the orders that the C gives are argued in docs/ordering.md.
 */
#ifndef BUDGET
#define BUDGET 2
#endif
#define WORKERS 2
#define MESSAGES 5
#define STUB (MESSAGES + 1)
#define NONE 0
#define DONE 1 /* actions */
#define UNLINK 2

/* ---- what senders touch ---- */
byte head = STUB; /* with `idle` one word */
bit idle = 1;
byte next[STUB + 1];
bit alive = 1;       /* with `generation` one word: identity */
bit generation = 0;

/* ---- the owner's ---- */
byte tail = STUB; /* the node before the first that is not consumed */
byte scan = STUB; /* the last node seen */
bool listed = false;
bool stub_in = true; /* the stub is in the chain */
bool content = false; /* it refuses message 2 until this is set */
bool rescanned = false;

/* ---- messages: fixed once sent ---- */
bit to[STUB + 1];   /* the generation it was sent to */
bit fatal[STUB + 1]; /* its handler exits */

/* ---- the scheduler and the free list ---- */
chan ready = [2] of { bit };
chan free_list = [2] of { bit };

/* ---- ghosts: what is checked ---- */
bit consumed[STUB + 1];
bit freed[STUB + 1];
byte running, settled, last_first, last_second;

inline schedule() {
    atomic {
        assert(len(ready) == 0); /* ready in at most one place */
        ready!0
    }
}

inline push(m) {
    d_step { prev = head; won = idle; head = m; idle = 0 } /* exchange */
    d_step { assert(!freed[prev]); next[prev] = m }        /* link */
    if
#ifdef BUG_NO_SCHEDULE
    :: won -> skip
#else
    :: won -> schedule()
#endif
    :: else
    fi;
    d_step { prev = 0; won = 0 }
}

proctype Sender(byte first; byte last; bit target) {
    byte m = first;
    byte prev;
    bit won;
    /* the second generation's pid is known when it was spawned */
    (!target || (generation == target));
    do
    :: m <= last ->
        if
        :: alive && generation == target -> push(m) /* from here on the pid may be stale */
        :: else -> settled++                        /* answered as dead */
        fi;
        m++
    :: else -> break
    od
}

/* The tail passes on to `n`: what it was goes. */
inline advance(n) {
    if
    :: tail == STUB -> stub_in = false
    :: else -> assert(!freed[tail]); freed[tail] = 1
    fi;
    tail = n;
    scan = n
}

inline handle(m) {
    assert(to[m] == generation);
    assert(!consumed[m]);
#ifndef SLOTS
    if
    :: m == 2
    :: m == 1 || m == 3 -> assert(m > last_first); last_first = m
    :: else -> assert(m > last_second); last_second = m; content = true
    fi;
#endif
    settled++;
    used++
}

#ifdef SLOTS
#define REFUSED(m) false
#else
#define REFUSED(m) (m == 2 && !content)
#endif
#ifdef BUG_NO_GENERATION
#define STALE(m) (!alive)
#else
#define STALE(m) (!alive || to[m] != generation)
#endif

/* The next node is `n`: what becomes of it is `action`. */
inline look() {
    d_step {
        assert(n != STUB); /* it is the first node or in no chain */
        if
        :: consumed[n] ->
            if
            :: scan == tail -> advance(n)
            :: else -> scan = n
            fi;
            action = DONE
        :: !consumed[n] && STALE(n) -> settled++; action = UNLINK
        :: !consumed[n] && !STALE(n) && REFUSED(n) -> scan = n; action = DONE
        :: else ->
            handle(n);
            if
            :: scan == tail -> advance(n); consumed[n] = 1; action = DONE
            :: else -> action = UNLINK
            fi;
            if
            :: fatal[n] -> alive = 0
            :: else
            fi
        fi
    }
}

/* Takes `n`, which follows `scan`, out of the chain; or leaves it there, consumed. */
inline unlink() {
    after = next[n]; /* load */
    if
    :: after == NONE ->
#ifndef BUG_WITHDRAW_LATE
        next[scan] = NONE;
#endif
        d_step { /* CAS */
            done = (head == n);
            assert(!idle);
#ifdef BUG_WITHDRAW_BLIND
            done = true;
#endif
            if
            :: done -> head = scan
            :: else
            fi
        }
        if
#ifdef BUG_WITHDRAW_LATE
        :: done -> next[scan] = NONE
#else
        :: done
#endif
        :: else ->
            next[scan] = n;
            after = next[n] /* load: a producer may be in the gap behind n */
        fi
    :: else
    fi;
    d_step {
        if
        :: done || after != NONE ->
            if
            :: after != NONE -> next[scan] = after
            :: else
            fi;
            assert(!freed[n]);
            freed[n] = 1
        :: else ->
            consumed[n] = 1;
            if
            :: scan == tail -> advance(n)
            :: else -> scan = n
            fi
        fi;
        after = 0;
        done = 0
    }
}

/* What was refused may be welcome now: from the start again. */
inline rescan() {
    d_step {
        if
        :: content && !rescanned -> rescanned = true; scan = tail
        :: else
        fi
    }
}

/* The owner's fields are written before the right is given up, and put back when it was not. */
inline give_up() {
    d_step {
        n = scan;
        mark = tail;
        swap = (tail == scan && scan != STUB);
        became = (swap -> STUB : scan);
        if
        :: swap -> next[STUB] = NONE; assert(!stub_in)
#ifdef BUG_STUB_RESET
        :: n == STUB -> next[STUB] = NONE
#endif
        :: else
        fi;
        relist = !alive && !listed;
#ifndef BUG_OWNER_AFTER_IDLE
        if
        :: swap -> tail = STUB; scan = STUB; stub_in = true
        :: else
        fi;
#endif
        if
        :: relist -> listed = true
        :: else
        fi
    }
    d_step {
        done = (head == n);
#ifdef BUG_BLIND_IDLE
        done = true;
#endif
        if
        :: done -> head = became; idle = 1; running--
        :: else
        fi
    }
#ifdef BUG_OWNER_AFTER_IDLE
    d_step {
        if
        :: done && swap -> tail = STUB; scan = STUB; stub_in = true
        :: else
        fi
    }
#endif
    if
    :: done ->
        if
        :: swap -> d_step { assert(!freed[n]); freed[n] = 1 }
        :: else
        fi;
        if
        :: relist -> atomic { assert(len(free_list) == 0); free_list!0 }
        :: else
        fi
    :: else -> /* a producer stands between exchange and link: others first, no spinning */
        d_step {
            tail = mark;
            scan = n;
            if
            :: swap -> stub_in = false
            :: else
            fi;
            if
            :: relist -> listed = false
            :: else
            fi;
            running--
        }
#ifndef BUG_GAP_FORGOTTEN
        schedule()
#endif
    fi
    d_step { n = 0; mark = 0; became = 0; done = 0; relist = 0; swap = 0 }
}

active [WORKERS] proctype Worker() {
    byte n, after, prev, mark, became, used, action;
    bool done, relist, swap;
end:
    do
    :: atomic { ready?_ -> running++; assert(running == 1) }
        used = 0;
        do
        :: used == BUDGET -> running--; schedule(); break
        :: else ->
            n = next[scan]; /* load */
            if
            :: n != NONE ->
                look();
                if
                :: action == UNLINK -> unlink()
                :: else
                fi;
                rescan();
                d_step { n = 0; action = 0 }
            :: else -> give_up(); break
            fi
        od;
        used = 0
    od
}

#ifdef SLOTS
proctype Spawner() {
    bool done;
    do
    :: free_list?_ ->
#ifdef BUG_CLAIM_BY_STORE
        (idle); /* looked at, not claimed */
        d_step { head = STUB; idle = 0; done = 1 }
#else
        d_step {
            done = (head == STUB && idle);
            if
            :: done -> idle = 0
            :: else
            fi
        }
#endif
        if
        :: done -> break
        :: else -> free_list!0 /* a stale push owns it: its drain will make it idle again */
        fi
    od;
    atomic { assert(running == 0); listed = false; generation = 1 }
    alive = 1;
    schedule() /* its init */
}
#endif

init {
    atomic {
#ifdef SLOTS
        fatal[1] = 1;
        to[4] = 1;
        to[5] = 1;
        fatal[5] = 1;
        run Sender(1, 2, 0);
        run Sender(3, 3, 0);
        run Sender(4, 5, 1);
        run Spawner()
#else
        run Sender(1, 3, 0);
        run Sender(4, 5, 0)
#endif
    }
}

ltl settled { <> (settled == MESSAGES) }
