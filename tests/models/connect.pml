/*
 * Two nodes connect to each other, at the same time too: in the end both have the same connection,
 * and what was up is lost only where the network lost it.
 *
 * Steps and the C they stand for (transport/node/conn.c unless said otherwise):
 *
 *   begin           tpi_joins_tick (join.c): an address is tried where nobody is connected and the
 *                   attempt before it is over
 *   offer, answer   the first two messages of the handshake: with the answer the initiator knows
 *   hello           whom it has reached, and judges; with the hello the responder does (judge)
 *   welcome, refuse the verdict; then each side installs the connection (install)
 *   rank            tpi_hello.connection, the number of the attempt: of two attempts of one node
 *                   here only which is later
 *   keeps           tpi_wire_keeps (transport/wire/wire.c): of two directions that of the greater
 *                   id stays; here node 1 has it
 *   fin             the stream's end, behind all that was written: closed, tpi_conn_end
 *   cut             the network resets a connection: what is on its way is lost, and each side
 *                   hears of it in its own time
 *
 * Each attempt of a join has one of two slots, as the other side may not yet have heard the end of
 * the one before. -DSECOND: node 0 knows two addresses of node 1, and tries both.
 *
 * Held: from some time on both have the same connection (settled); without a cut no connection is
 * ever lost or replaced (assert in set_conn).
 */
#ifndef CUTS
#define CUTS 1
#endif
#ifdef SECOND
#define JOINS 3
#else
#define JOINS 2
#endif
#define SLOTS (2 * JOINS)

mtype = { offer, answer, hello, welcome, refuse, fin };

chan to_i[SLOTS] = [4] of { mtype };
chan to_r[SLOTS] = [4] of { mtype };

#define OFF 0    /* no such end */
#define SHAKES 1 /* in the handshake */
#define JUDGED 2 /* the initiator's: it has sent its hello, and waits */
#define UP 3
byte ini[SLOTS]; /* the states of both ends */
byte res[SLOTS];
bit later[SLOTS];  /* than the other slot of its node's that is in use */
bit begun[JOINS];
byte conn[2]; /* the slot it has, plus 1; 0: not connected */
byte cuts;

#define OWNER(s) ((s) / 2 == 1 -> 1 : 0) /* the initiator */
#define SAME_OWNER(s, t) (OWNER(s) == OWNER(t))

inline set_conn(n, value) {
    assert(conn[n] == 0 || cuts > 0);
    conn[n] = value
}

/* An end closes: the other hears of it behind what was written. */
inline close_i(s) {
    to_r[s]!fin;
    ini[s] = OFF;
    begun[(s) / 2] = 0
}
inline close_r(s) {
    to_i[s]!fin;
    res[s] = OFF
}

/* The end of slot s at node n is up; `mine`: n began it. */
inline install(n, s, mine) {
    if
    :: conn[n] == 0 -> found = 0
    :: else ->
        old = conn[n] - 1;
#ifdef BUG_BOTH_STAY
        found = 0;
#else
        /* two directions were both accepted: both sides keep the same one */
        found = ((OWNER(old) == n) != mine && mine != (n == 1));
#endif
        if
        :: !found ->
            set_conn(n, 0);
            if
            :: OWNER(old) == n -> close_i(old)
            :: else -> close_r(old)
            fi
        :: else
        fi
    fi;
    if
    :: found && mine -> close_i(s)
    :: found && !mine -> close_r(s)
    :: else ->
        set_conn(n, s + 1);
        if
        :: mine -> ini[s] = UP
        :: else -> res[s] = UP
        fi
    fi;
    old = 0;
    found = 0
}

/* Another attempt of the same node's waits for its verdict: found. */
inline another(n, s) {
    found = 0;
    i = 0;
    do
    :: i == SLOTS -> break
    :: else ->
        if
        :: i != s && OWNER(i) == n && ini[i] == JUDGED -> found = 1
        :: else
        fi;
        i++
    od;
    i = 0
}

/* The initiator's end of a slot; node n. */
proctype initiator(byte s) {
    byte n = OWNER(s), old, i;
    bit found;
    mtype m;
    do
    :: atomic {
        ini[s] == OFF && res[s] == OFF && empty(to_i[s]) && empty(to_r[s]) && conn[n] == 0 &&
            !begun[s / 2] ->
        begun[s / 2] = 1;
        ini[s] = SHAKES;
        i = 0;
        do
        :: i == SLOTS -> break
        :: else ->
            if
            :: SAME_OWNER(i, s) -> later[i] = (i == s)
            :: else
            fi;
            i++
        od;
        i = 0;
        to_r[s]!offer
    }
    :: atomic {
        to_i[s]?m;
        if
        :: ini[s] == OFF /* nobody listens any more */
        :: ini[s] != OFF && m == answer ->
            another(n, s);
#ifdef BUG_SECOND
            found = 0;
#endif
            if
            :: conn[n] != 0 || found -> close_i(s) /* duplicate; simultaneous */
            :: else ->
                ini[s] = JUDGED;
                to_r[s]!hello
            fi;
            found = 0
        :: ini[s] != OFF && m == welcome -> install(n, s, 1)
        :: ini[s] != OFF && m == refuse -> close_i(s)
        :: ini[s] != OFF && m == fin ->
            if
            :: conn[n] == s + 1 -> set_conn(n, 0)
            :: else
            fi;
            ini[s] = OFF;
            begun[s / 2] = 0
        fi;
        m = 0
    }
    od
}

/* Whether node n takes what comes over slot s: found. */
inline judge(n, s) {
    if
    :: conn[n] != 0 ->
        old = conn[n] - 1;
        /* a later attempt of the same node: it has lost the one before, and we have not heard */
        found = (OWNER(old) != n && later[s]);
        old = 0
    :: else ->
        another(n, s);
#ifdef BUG_NOBODY_STAYS
        found = !found;
#endif
#ifdef BUG_BOTH_STAY
        found = 1;
#endif
#if !defined(BUG_NOBODY_STAYS) && !defined(BUG_BOTH_STAY)
        found = (!found || OWNER(s) == 1);
#endif
    fi
}

proctype responder(byte s) {
    byte n = 1 - OWNER(s), old, i;
    bit found;
    mtype m;
    do
    :: atomic {
        to_r[s]?m;
        if
        :: m == offer ->
            res[s] = SHAKES;
            to_i[s]!answer
        :: m == hello && res[s] != OFF ->
            judge(n, s);
            if
            :: found ->
                to_i[s]!welcome;
                found = 0;
                install(n, s, 0)
            :: else -> to_i[s]!refuse
            fi
        :: m == hello && res[s] == OFF /* nobody listens any more */
        :: m == fin ->
            if
            :: conn[n] == s + 1 -> set_conn(n, 0)
            :: else
            fi;
            res[s] = OFF
        fi;
        m = 0;
        found = 0
    }
    od
}

/* A connection is reset, whether it is up or still in its handshake. */
active proctype network() {
    byte s;
    do
    :: atomic {
        cuts < CUTS ->
        s = 0;
        do
        :: s < SLOTS - 1 -> s++
        :: break
        od;
        if
        :: ini[s] != OFF ->
            cuts++;
            do
            :: nempty(to_i[s]) -> to_i[s]?_
            :: empty(to_i[s]) -> break
            od;
            do
            :: nempty(to_r[s]) -> to_r[s]?_
            :: empty(to_r[s]) -> break
            od;
            to_i[s]!fin;
            to_r[s]!fin
        :: else
        fi;
        s = 0
    }
    :: break
    od
}

init {
    byte s;
    atomic {
        do
        :: s < SLOTS ->
            run initiator(s);
            run responder(s);
            s++
        :: else -> break
        od
    }
}

ltl settled { <>[] (conn[0] != 0 && conn[0] == conn[1]) }
