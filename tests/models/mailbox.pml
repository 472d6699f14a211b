/*
 * The mailbox of one slot: who may run an actor, and how a slot changes its occupant.
 *
 * Steps and the C they stand for (core/actor/mailbox.h unless said otherwise); each step here is one atomic
 * operation there, or touches only what its owner may touch:
 *
 *   Sender: find       tpi_find (core/actor/actor.h): load of `identity`
 *           exchange   exchange of `head` by the node; the IDLE bit of the old word gives the right to run
 *           link       store of `next` in the old last node; before it a consumer sees a gap
 *           schedule   tpi_worker_schedule, tpi_scheduler_schedule (core/scheduler/worker.c)
 *   Worker: load       load of `next` of the last node seen
 *           settle     the node is handled, refused (selective receive, postpone), or answered as dead
 *           idle       CAS of `head` from the last node to stub|IDLE, or to last|IDLE while refused nodes stand
 *           requeue    tpi_worker_requeue: budget used up, or the CAS met a gap
 *   Spawner: claim     CAS of `head` from stub|IDLE to stub (tpi_slot_take, core/actor/slots.c)
 *
 * The run queue is one channel here and workers wait on it: that no wake-up is lost there is parking.pml's matter.
 *
 * Two scenes: by default two senders race for an actor that lives, takes 2 messages a slice, and refuses
 * message 1 until it has one from the second sender. With -DSLOTS the first occupant exits while both still send to it,
 * a spawner takes the slot for a second one, which is sent two messages of its own and exits, too.
 *
 * Held: at most one worker runs the slot and it is ready in at most one place; no message is handled twice, out
 * of its sender's order, or by another generation; nobody writes to a node that was freed; the slot is in the
 * free list at most once (assertions); every message is handled or answered as dead (settled).
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
bool content = false; /* it refuses message 1 until this is set */

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
    (!target || (generation == target)); /* the second generation's pid is known when it was spawned */
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

/* Frees what stands before the first node that is not consumed. */
inline advance() {
    do
    :: tail != scan && next[tail] != NONE && consumed[next[tail]] ->
        if
        :: tail != STUB -> assert(!freed[tail]); freed[tail] = 1
        :: else
        fi;
        tail = next[tail]
    :: else -> break
    od
}

inline handle(m) {
    assert(to[m] == generation);
    assert(!consumed[m]);
#ifndef SLOTS
    if
    :: m == 1
    :: m == 2 || m == 3 -> assert(m > last_first); last_first = m
    :: else -> assert(m > last_second); last_second = m; content = true
    fi;
#endif
    consumed[m] = 1;
    settled++;
    used++
}

#ifdef SLOTS
#define REFUSED(m) false
#else
#define REFUSED(m) (m == 1 && !content)
#endif
#ifdef BUG_NO_GENERATION
#define STALE(m) (!alive)
#else
#define STALE(m) (!alive || to[m] != generation)
#endif

/* The next node is `n`. */
inline settle() {
    d_step {
        scan = n;
        if
        :: consumed[n]
        :: else ->
            if
            :: STALE(n) -> consumed[n] = 1; settled++
            :: else ->
                if
                :: REFUSED(n)
                :: else ->
                    was = content;
                    handle(n);
                    if
                    :: fatal[n] -> alive = 0
                    :: else
                    fi;
                    if
                    :: content != was -> advance(); scan = tail /* what was refused may be welcome now */
                    :: else
                    fi;
                    was = 0
                fi
            fi
        fi;
        advance();
        n = 0
    }
}

/* The owner's fields are written before the right is given up, and put back when it was not. */
inline give_up() {
    d_step {
        n = scan;
        mark = tail;
        became = (tail == scan -> STUB : scan);
        if
        :: became == STUB && n != STUB -> next[STUB] = NONE
#ifdef BUG_STUB_RESET
        :: n == STUB -> next[STUB] = NONE
#endif
        :: else
        fi;
        relist = !alive && !listed;
#ifndef BUG_OWNER_AFTER_IDLE
        if
        :: became == STUB -> tail = STUB; scan = STUB
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
        :: done && became == STUB -> tail = STUB; scan = STUB
        :: else
        fi
    }
#endif
    if
    :: done ->
        if
        :: n != STUB && became == STUB -> d_step { assert(!freed[n]); freed[n] = 1 }
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
            :: relist -> listed = false
            :: else
            fi;
            running--
        }
#ifndef BUG_GAP_FORGOTTEN
        schedule()
#endif
    fi
    d_step { n = 0; mark = 0; became = 0; done = 0; relist = 0 }
}

active [WORKERS] proctype Worker() {
    byte n, mark, became, used;
    bool done, relist, was;
end:
    do
    :: atomic { ready?_ -> running++; assert(running == 1) }
        used = 0;
        do
        :: used == BUDGET -> running--; schedule(); break
        :: else ->
            n = next[scan]; /* load */
            if
            :: n != NONE -> settle()
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
