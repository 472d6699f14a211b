/*
 * Bounded mailboxes: a sender that went over a receiver's limit waits for room, and is always let go.
 *
 * Steps and the C they stand for (core/actor/wait.c unless said otherwise):
 *
 *   count           tp_actor.enqueued - consumed: pushed and neither handled nor refused (core/actor/send.c)
 *   send            the message is counted, then pushed (core/actor/mailbox.h); over the limit the sender suspends
 *   suspend         tpi_suspend_between, tpi_suspend_inside: a CREDIT goes through the receiver's own queue, behind
 *                   the messages; then only signals are applied until its RESUME has come
 *   apply           tpi_fetch (core/actor/run.c); a CREDIT is answered at once or kept: tpi_credit_asked
 *   take            a message is handled; at the low mark all who wait are released: tpi_credit_check
 *   release_all     tpi_credit_release_all: on blocking with nothing acceptable, on suspending, on dying
 *   the dead        tpi_drain answers what was pushed before, tpi_deliver_dead what comes after (core/actor)
 *
 * Two scenes. By default actors 1 and 2 send to actor 0, which takes nothing before it has a `go`, which actor
 * 2 sends last; actor 0 may die at any time. With -DMUTUAL actors 0 and 1 send to each other before either
 * takes anything, so that both suspend: a cycle of suspensions.
 *
 * Held: a RESUME comes only to who waits for it, once (assertion); every sender gets to the end of its program
 * (ended), so none stays suspended.
 */
#define LIMIT 1
#define LOW 0
#define EACH 2 /* plain messages a sender */
#ifdef MUTUAL
#define ACTORS 2
#define SENDERS 2
#else
#define ACTORS 3
#define SENDERS 2
#endif

mtype = { plain, go, credit, resume };

chan queue[ACTORS] = [8] of { mtype, byte };
byte count[ACTORS];
bit alive[ACTORS];
bit suspended[ACTORS];
byte waiters[ACTORS]; /* the owner's: a bit an actor */
byte fetched[ACTORS]; /* the owner's: plain ones neither handled nor refused */
byte refused[ACTORS];
bit welcome[ACTORS];  /* the owner's: plain ones are accepted now */
byte senders_done;

#define BIT(w) (1 << (w))

inline release_all() {
    do
    :: waiters[me] == 0 -> break
    :: else ->
        atomic {
            i = 0;
            do
            :: (waiters[me] & BIT(i)) == 0 -> i++
            :: else -> break
            od;
            waiters[me] = waiters[me] - BIT(i);
            queue[i]!resume(me);
            i = 0
        }
    od
}

/* One signal or message from the queue; `blocked`: the actor does nothing but wait. */
inline apply(blocked) {
    atomic {
        queue[me]?kind(from);
        if
        :: kind == plain -> fetched[me]++
        :: kind == go ->
            count[me]--;
            welcome[me] = 1;
            fetched[me] = fetched[me] + refused[me];
            count[me] = count[me] + refused[me];
            refused[me] = 0
        :: kind == resume -> assert(suspended[me]); suspended[me] = 0
        :: kind == credit ->
            if
#ifndef BUG_BLOCKED_KEEPS
            :: blocked -> queue[from]!resume(me)
#endif
            :: count[me] <= LOW -> queue[from]!resume(me)
            :: else -> waiters[me] = waiters[me] | BIT(from)
            fi
        fi;
        kind = 0;
        from = 0
    }
}

inline suspend(to) {
    suspended[me] = 1;
    if
    :: alive[to] -> queue[to]!credit(me) /* it may die before this arrives */
    :: else -> queue[me]!resume(to)      /* the sender's own thread answers for the dead */
    fi;
    release_all();
    do
    :: suspended[me] -> apply(true)
    :: !suspended[me] -> break
    od
}

inline send(to, what) {
    if
    :: alive[to] ->
        d_step { count[to]++; over = count[to] > LIMIT }
        queue[to]!what(me);
        if
        :: over -> suspend(to)
        :: else
        fi;
        over = 0
    :: else
    fi
}

inline take() {
    d_step { fetched[me]--; count[me]-- }
    if
    :: count[me] <= LOW -> release_all()
    :: else
    fi
}

inline refuse() {
    d_step {
        refused[me] = refused[me] + fetched[me];
        count[me] = count[me] - fetched[me];
        fetched[me] = 0
    }
}

inline die() {
    alive[me] = 0;
#ifndef BUG_DEATH_KEEPS
    release_all();
#endif
end_dead:
    do
    :: atomic {
        queue[me]?kind(from);
        if
#ifndef BUG_DRAIN_SILENT
        :: kind == credit -> queue[from]!resume(me)
#endif
        :: else
        fi;
        kind = 0;
        from = 0
    }
    od
}

/* Receives for ever. */
inline serve() {
    do
    :: nempty(queue[me]) -> apply(false)
    :: welcome[me] && fetched[me] > 0 -> take()
    :: empty(queue[me]) && !(welcome[me] && fetched[me] > 0) ->
        refuse();
#ifndef BUG_BLOCKING_KEEPS
        release_all();
#endif
end_blocked:
        apply(true)
#ifndef MUTUAL
    :: me == 0 -> die()
#endif
    od
}

proctype Actor(byte me; byte to; byte sends; bit last_go) {
    mtype kind;
    byte from, i;
    bit over;
    do
    :: sends > 0 -> send(to, plain); sends--
    :: sends > 0 && nempty(queue[me]) -> apply(false) /* between two handlers */
    :: sends == 0 -> break
    od;
    if
    :: last_go -> send(to, go)
    :: else
    fi;
    if
    :: to != me -> senders_done++
    :: else
    fi;
    serve()
}

init {
    atomic {
        alive[0] = 1;
        alive[1] = 1;
#ifdef MUTUAL
        welcome[0] = 1;
        welcome[1] = 1;
        run Actor(0, 1, EACH + 1, 0);
        run Actor(1, 0, EACH + 1, 0)
#else
        alive[2] = 1;
        run Actor(0, 0, 0, 0);
        run Actor(1, 0, EACH, 0);
        run Actor(2, 0, EACH, 1)
#endif
    }
}

ltl ended { <> (senders_done == SENDERS) }
