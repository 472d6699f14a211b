/*
 * Bounded mailboxes: a sender that went over a receiver's limit waits for room, and is always let
 * go.
 *
 * Steps and the C they stand for (core/actor/wait.c unless said otherwise):
 *
 *   count           tp_actor.enqueued - consumed (core/actor/send.c); here exact and without
 *                   batches
 *   send            the message is counted, then pushed (core/actor/mailbox.h); over the limit the
 *                   sender suspends
 *   suspend         tpi_suspend_between, tpi_suspend_inside: the edge is published (begin), and if
 *                   it closes a cycle the sender goes on; else a CREDIT goes through the receiver's
 *                   own queue, behind the messages, and only signals are applied until its RESUME
 *                   has come
 *   search          find_cycle, then tpi_fetch, then confirm_cycle under tp_runtime.wait_lock. A
 *                   call that closes a cycle with suspensions in it lets the suspended go on: a
 *                   RESUME for whatever they wait for
 *   apply           tpi_fetch (core/actor/run.c); a CREDIT is answered at once or kept:
 *                   tpi_credit_asked; a RESUME counts if the sender still waits for it, or is for
 *                   whatever: tpi_credit_granted
 *   take            a message is handled; at the low mark all who wait are released:
 *                   tpi_credit_check
 *   release_all     tpi_credit_release_all: when it waits with nothing acceptable (tpi_wait,
 *                   settle), when it dies
 *   the dead        tpi_drain answers what was pushed before, tpi_deliver_dead what comes after
 *
 * Three scenes. By default actors 1 and 2 send to actor 0, which takes nothing before it has a
 * `go`, which actor 2 sends last; actor 0 may die at any time. -DMUTUAL: 0 and 1 send to each other
 * before either takes anything. -DCALLS: 0 sends to 1, which calls 0 meanwhile, with a deadline
 * that may pass.
 *
 * Held: every sender gets to the end of its program (ended_all), so none stays suspended; every
 * call ends, too.
 */
#define LIMIT 1
#define LOW 0
#define EACH 2 /* plain messages a sender; one more in the cycles */
#define SENDERS 2
#if defined(MUTUAL) || defined(CALLS)
#define ACTORS 2
#else
#define ACTORS 3
#endif
#define ANY 0 /* a RESUME for whatever the sender waits for */

mtype = { plain, go, credit, resume, request, reply };

chan queue[ACTORS] = [10] of { mtype, byte, byte }; /* kind, from, reference */
byte count[ACTORS];
bit alive[ACTORS];
byte edge[ACTORS];      /* whom it waits for, plus 1; 0: nobody */
bit edge_is_call[ACTORS]; /* in the same word */
bit lock;
byte ended;

/* The owner's. */
byte waiting_for[ACTORS]; /* the reference of its CREDIT; 0: none */
bit suspended[ACTORS];
byte waiters[ACTORS]; /* a bit an actor */
byte reference_of[ACTORS * ACTORS]; /* of the CREDITs kept: [me * ACTORS + sender] */
byte fetched[ACTORS]; /* plain ones neither handled nor refused */
byte refused[ACTORS];
bit welcome[ACTORS]; /* plain ones are accepted now */
bit requested[ACTORS];
bit answered[ACTORS];

#define BIT(w) (1 << (w))

inline release_all() {
    do
    :: atomic {
        waiters[me] != 0 ->
        i = 0;
        do
        :: (waiters[me] & BIT(i)) == 0 -> i++
        :: else -> break
        od;
        waiters[me] = waiters[me] - BIT(i);
        queue[i]!resume(me, reference_of[me * ACTORS + i]);
        reference_of[me * ACTORS + i] = 0;
        i = 0
    }
    :: waiters[me] == 0 -> break
    od
}

/* One signal or message from the queue; `blocked`: the actor waits for messages and takes none of
 * those it has. */
inline apply(blocked) {
    atomic {
        queue[me]?kind(from, ref);
        if
        :: kind == plain -> fetched[me]++
        :: kind == go ->
            welcome[me] = 1;
            fetched[me] = fetched[me] + refused[me];
            count[me] = count[me] + refused[me] - 1;
            refused[me] = 0
        :: kind == resume ->
            if
            :: waiting_for[me] != 0 && (ref == ANY || ref == waiting_for[me]) ->
                waiting_for[me] = 0;
                suspended[me] = 0;
                edge[me] = 0
            :: else /* late */
            fi
        :: kind == credit ->
            if
            :: blocked -> queue[from]!resume(me, ref)
            :: count[me] <= LOW -> queue[from]!resume(me, ref)
            :: else -> waiters[me] = waiters[me] | BIT(from); reference_of[me * ACTORS + from] = ref
            fi
        :: kind == request -> requested[me] = 1
        :: kind == reply -> answered[me] = 1
        fi;
        kind = 0;
        from = 0;
        ref = 0
    }
}

/* Follows the edges from `first`; `found` if they lead to this actor; `stuck`: a suspended one on
 * the way, plus 1. */
inline walk(first) {
    d_step { at = first; i = 0; found = 0; stuck = 0 }
    do
    :: found || i == ACTORS -> break
    :: else ->
        atomic { /* load */
            if
            :: at == me -> found = 1
            :: at != me && edge[at] == 0 -> i = ACTORS
            :: else ->
                stuck = (edge_is_call[at] -> stuck : at + 1);
                at = edge[at] - 1;
                i++
            fi
        }
    od;
    atomic { at = 0; i = 0 }
}

/* The edge of this actor is published: does it close a cycle? `found` in the end: it is taken back.
 * */
inline search(to, is_call) {
    walk(to);
    if
    :: found ->
        do
        :: nempty(queue[me]) -> apply(false)
        :: empty(queue[me]) -> break
        od;
        atomic { !lock -> lock = 1 }
        walk(to);
        atomic {
            if
            :: found && (!is_call || stuck == 0) -> edge[me] = 0
            :: else
            fi;
            lock = 0
        }
#ifndef BUG_CALL_RELEASES_NONE
        if
        :: found && is_call && stuck != 0 -> queue[stuck - 1]!resume(me, ANY); found = 0
        :: else
        fi
#else
        found = found && !(is_call && stuck != 0)
#endif
    :: else
    fi;
    stuck = 0
}

inline suspend(to) {
    atomic { references++; waiting_for[me] = references }
    d_step { edge[me] = to + 1; edge_is_call[me] = 0 } /* publish */
    search(to, false);
#ifdef BUG_CYCLE_SUSPENDS
    if
    :: found -> edge[me] = to + 1; found = 0
    :: else
    fi;
#endif
    if
    :: found -> atomic { waiting_for[me] = 0; found = 0 }
#ifndef BUG_RESUME_FORGOTTEN
    :: !found && waiting_for[me] == 0 /* a RESUME came while it searched */
    :: !found && waiting_for[me] != 0 ->
#else
    :: !found ->
#endif
        suspended[me] = 1;
        if
        :: alive[to] -> queue[to]!credit(me, references) /* it may die before this arrives */
        /* the sender's own thread answers for the dead */
        :: else -> queue[me]!resume(to, references)
        fi;
        do
        :: suspended[me] -> apply(false)
        :: !suspended[me] -> break
        od
    fi
}

inline send(to, what) {
    if
    :: alive[to] ->
        d_step { count[to]++; over = count[to] > LIMIT }
        queue[to]!what(me, 0);
        if
        :: over -> over = 0; suspend(to)
        :: else
        fi
    :: else
    fi
}

inline call(to) {
    d_step { edge[me] = to + 1; edge_is_call[me] = 1 } /* publish */
    search(to, true);
    if
    :: found -> found = 0 /* all of the cycle are calls: it fails */
    :: else ->
        queue[to]!request(me, 0);
        do
        :: !answered[me] -> apply(false)
        :: answered[me] -> break
#ifdef CALLS
        :: impatient -> impatient = 0; break
#endif
        od
    fi;
    edge[me] = 0
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
        queue[me]?kind(from, ref);
        if
#ifndef BUG_DRAIN_SILENT
        :: kind == credit -> queue[from]!resume(me, ref)
#endif
        :: else
        fi;
        kind = 0;
        from = 0;
        ref = 0
    }
    od
}

inline answer() {
    d_step {
        requested[me] = 0;
        if
        :: edge[1] == me + 1 && edge_is_call[1] -> edge[1] = 0
        :: else
        fi
    }
    queue[1]!reply(me, 0)
}

/* Receives for ever. */
inline serve() {
    do
    :: nempty(queue[me]) -> apply(false)
    :: requested[me] -> answer()
    :: welcome[me] && fetched[me] > 0 -> take()
    :: empty(queue[me]) && !requested[me] && !(welcome[me] && fetched[me] > 0) ->
        refuse();
#ifndef BUG_BLOCKING_KEEPS
        release_all();
#endif
end_blocked:
        apply(true)
#if ACTORS == 3
    :: me == 0 -> die()
#endif
    od
}

proctype Actor(byte me; byte to; byte sends; bit last_go; bit calls) {
    mtype kind;
    byte from, ref, i, at, stuck, references;
    bit over, found, impatient = calls;
    do
    :: sends > 0 -> send(to, plain); sends--
    :: (sends > 0 || calls) && nempty(queue[me]) -> apply(false) /* between two handlers */
    :: calls && fetched[me] > 0 -> take()
    :: calls -> call(to); calls = 0
    :: sends == 0 && !calls -> break
    od;
    if
    :: last_go -> send(to, go)
    :: else
    fi;
    if
    :: to != me -> ended++
    :: else
    fi;
    serve()
}

init {
    atomic {
        alive[0] = 1;
        alive[1] = 1;
#if defined(MUTUAL)
        welcome[0] = 1;
        welcome[1] = 1;
        run Actor(0, 1, EACH + 1, 0, 0);
        run Actor(1, 0, EACH + 1, 0, 0)
#elif defined(CALLS)
        welcome[0] = 1;
        welcome[1] = 1;
        run Actor(0, 1, EACH + 1, 0, 0);
        run Actor(1, 0, 0, 0, 1)
#else
        alive[2] = 1;
        run Actor(0, 0, 0, 0, 0);
        run Actor(1, 0, EACH, 0, 0);
        run Actor(2, 0, EACH, 1, 0)
#endif
    }
}

ltl ended_all { <> (ended == SENDERS) }
