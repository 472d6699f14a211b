/*
 * Cycles of calls: a call that closes one fails at once; exactly one call of a cycle fails; no
 * other does.
 *
 * Steps and the C they stand for (core/actor/wait.c unless said otherwise); each is one atomic
 * operation there:
 *
 *   publish         store of tp_actor.waits, the edge: whom the caller waits for, and the id of the
 *                   call. It comes before the request is pushed, so that who answers finds the edge
 *                   to remove
 *   first walk      loads of `waits` from actor to actor; no lock. It comes after the publication:
 *                   of those that close a cycle together, the last one to publish sees all of it
 *   confirm         under tp_runtime.wait_lock: the second walk must meet the same edges with the
 *                   same ids. An edge with an id never comes back, so all of them stood at once,
 *                   between the walks. The confirmer removes its edge before it lets the lock go,
 *                   so the next one finds no cycle
 *   push            the request goes to the callee's queue (core/actor/mailbox.h)
 *   settle          tpi_wait_moved: who holds the request takes the edge away, by CAS on holder and
 *                   id, before it answers, or when it defers the request
 *   delegate        tpi_wait_moved to another holder, then the same search on behalf of the caller:
 *                   a delegation can close a cycle, too
 *   end             tpi_wait_end, by the caller: after the reply, or when its time is up
 *
 * Scenes: two actors that call each other, answer or defer (a third party answers later); -DTHREE:
 * a ring of three; -DTIMEOUTS: such a ring where two call twice and one call may run out of time;
 * -DDELEGATE: 0 calls 1, 2 calls 0, 1 may delegate what it is asked to 2.
 *
 * Held: who fails was in a cycle of calls, none of which has failed (assertion: no false alarm, and
 * one failure a cycle); every call ends (ended_all: no deadlock).
 */
#if defined(THREE) || defined(TIMEOUTS) || defined(DELEGATE)
#define ACTORS 3
#else
#define ACTORS 2
#define DEFER
#endif
#if defined(TIMEOUTS)
#define CALLS 5
#elif defined(DELEGATE)
#define CALLS 2
#elif defined(THREE)
#define CALLS 3
#else
#define CALLS 4
#endif

/* An edge in one word: 0, or the call's id and whom it waits for. */
#define EDGE(id, to) ((id)*4 + (to) + 1)
#define TO(edge) (((edge)-1) & 3)

byte edge[ACTORS];
bit lock;
chan queue[ACTORS] = [5] of { byte, byte };   /* requests: caller, id */
chan replies[ACTORS] = [5] of { byte, bit };  /* id, failed */
chan deferred = [4] of { byte, byte };
byte ended;

/* Ghosts: who waits for whom in truth (plus 1; 0: for nobody), and whose call is part of a cycle.
 * */
byte holder[ACTORS];
bit in_cycle[ACTORS];

inline ghost_free(who) {
    holder[who] = 0;
    in_cycle[who] = 0
}

/* `who` waits for `whom` from now on; marks the cycle that this closes. */
inline ghost_wait(who, whom) {
    holder[who] = whom + 1;
    in_cycle[who] = 0;
    g = whom;
    steps = 1;
    do
    :: steps < ACTORS && g != who && holder[g] != 0 -> g = holder[g] - 1; steps++
    :: else -> break
    od;
    if
    :: g == who ->
        do
        :: steps > 0 -> in_cycle[g] = 1; g = holder[g] - 1; steps--
        :: else -> break
        od
    :: else
    fi;
    g = 0;
    steps = 0
}

/* The call of `who` fails, which breaks its cycle. */
inline ghost_fail(who) {
    assert(in_cycle[who]);
    g = who;
    do
    :: in_cycle[g] -> in_cycle[g] = 0; g = holder[g] - 1
    :: else -> break
    od;
    holder[who] = 0;
    g = 0
}

/* Follows the edges from `first`; `found` if they lead to `who`. `seen` gets them, or has to be met
 * again. */
inline walk(first, who, again) {
    d_step { at = first; n = 0; found = 0 }
    do
    :: n == ACTORS -> break /* a cycle that `who` is not in */
    :: else ->
        e = edge[at]; /* load */
        if
        :: e == 0 -> break
#ifndef BUG_NO_IDS
        :: e != 0 && again && e != seen[n] -> break
#endif
        :: else ->
            d_step { seen[n] = e; at = TO(e); n++; found = (at == who) }
            if
            :: found -> break
            :: else
            fi
        fi
    od;
    atomic { at = 0; n = 0; e = 0 }
}

/* `found`: the call of `who` closed a cycle, and its edge is removed. */
inline search(who) {
    walk(who, who, false);
#ifdef BUG_NO_CONFIRM
    if
    :: found -> atomic { ghost_fail(who); edge[who] = 0 }
    :: else
    fi
#else
    if
    :: found ->
        atomic { !lock -> lock = 1 }
        walk(who, who, true);
        atomic {
            if
            :: found -> ghost_fail(who); edge[who] = 0
            :: else
            fi;
            lock = 0
        }
    :: else
    fi;
#endif
    d_step { seen[0] = 0; seen[1] = 0; seen[2] = 0 }
}

/* The holder takes away the edge of the request. */
inline settle() {
    d_step {
        if
        :: edge[caller] == EDGE(id, me) -> edge[caller] = 0; ghost_free(caller)
        :: else
        fi
    }
}

inline answer() {
#ifndef BUG_EDGE_LEFT
    settle();
#else
    d_step { ghost_free(caller) }
#endif
    replies[caller]!id(0)
}

#ifdef DELEGATE
inline delegate(to) {
    d_step {
        found = (edge[caller] == EDGE(id, me));
        if
        :: found -> edge[caller] = EDGE(id, to); ghost_wait(caller, to)
        :: else
        fi
    }
    if
    :: found ->
        queue[to]!caller(id);
#if defined(BUG_DELEGATE_UNLOCKED)
        walk(caller, caller, false);
        if
        :: found -> atomic { ghost_fail(caller); edge[caller] = 0 }
        :: else
        fi;
        atomic { seen[0] = 0; seen[1] = 0; seen[2] = 0 }
#elif !defined(BUG_DELEGATE_UNSEARCHED)
        search(caller);
#endif
#ifndef BUG_DELEGATE_UNSEARCHED
        if
        :: found -> replies[caller]!id(1)
        :: else
        fi
#endif
    :: else /* its caller has given up */
    fi;
    found = 0
}
#endif

inline serve() {
    atomic { queue[me]?caller(id) }
    if
    :: true -> answer()
#ifdef DEFER
    :: true ->
#ifndef BUG_DEFER_KEEPS_EDGE
        settle();
#else
        d_step { ghost_free(caller) }
#endif
        deferred!caller(id)
#endif
#ifdef DELEGATE
    :: me == 1 -> delegate(2)
#endif
    fi;
    d_step { caller = 0; id = 0 }
}

inline end_call() {
    atomic { ended++; edge[me] = 0; ghost_free(me); bad = 0; got = 0 }
}

inline wait() {
    do
    :: atomic { replies[me]?got(bad) -> 
        if
        :: got == mine -> end_call(); break
        :: else -> got = 0; bad = 0 /* late */
        fi
    }
#ifdef TIMEOUTS
    :: atomic { impatient -> impatient = 0; end_call(); break }
#endif
    od
}

inline call() {
    mine++;
    calls--;
#if defined(BUG_WALK_FIRST)
    walk(to, me, false);
    atomic { seen[0] = 0; seen[1] = 0; seen[2] = 0 }
    d_step { edge[me] = EDGE(mine, to); ghost_wait(me, to) }
#elif defined(BUG_PUSH_FIRST)
    atomic { queue[to]!me(mine); ghost_wait(me, to) }
    edge[me] = EDGE(mine, to);
    search(me);
#else
    d_step { edge[me] = EDGE(mine, to); ghost_wait(me, to) } /* publish */
    search(me);
#endif
    if
    :: found -> found = 0; end_call()
    :: else ->
#ifndef BUG_PUSH_FIRST
        queue[to]!me(mine);
#endif
        wait()
    fi
}

proctype Actor(byte me; byte to; byte calls; bit impatient) {
    byte caller, id, mine, got, at, n, e, g, steps;
    byte seen[3];
    bit found, bad;
end:
    do
    :: nempty(queue[me]) -> serve()
    :: calls > 0 -> call()
    od
}

#ifdef DEFER
active proctype ThirdParty() {
    byte caller, id;
end:
    do
    :: atomic { deferred?caller(id) -> replies[caller]!id(0); caller = 0; id = 0 }
    od
}
#endif

init {
    atomic {
#if defined(DELEGATE)
        run Actor(0, 1, 1, 0);
        run Actor(1, 0, 0, 0);
        run Actor(2, 0, 1, 0)
#elif defined(TIMEOUTS)
        run Actor(0, 1, 1, 0);
        run Actor(1, 2, 2, 0);
        run Actor(2, 0, 2, 1)
#elif defined(THREE)
        run Actor(0, 1, 1, 0);
        run Actor(1, 2, 1, 0);
        run Actor(2, 0, 1, 0)
#else
        run Actor(0, 1, 2, 0);
        run Actor(1, 0, 2, 0)
#endif
    }
}

ltl ended_all { <> (ended == CALLS) }
