/*
 * The end of an actor among three: links 0-1 and 1-2, a monitor of 0 on 2, a name of 2.
 *
 * Steps and the C they stand for (core/actor):
 *
 *   link, unlink, monitor, demonitor    tp_link and so on (signal.c): the own table changes, then
 *                                       the signal is pushed
 *   dying                               tpi_exit (exit.c), step by step, others run in between:
 *                                       tpi_fetch, release (the name), unpublish,
 *                                       tpi_signal_goodbye (links, then watchers)
 *   apply                               tpi_signal_apply
 *   answer_dead                         tpi_deliver_dead, by tpi_drain or by the sender itself
 *
 * Held (assertions): a down finds the name free; none comes after its demonitor, with the flush; a
 * monitor fires once; when all is quiet, who lives is linked to nobody dead, both sides of a link
 * say the same, and the monitor has fired if its actor is dead. It does become quiet (settled).
 */
mtype = { none, active_, inactive, link_, unlink_, ack, exit_, monitor_, demonitor_, down_ };

#define ACTORS 3
#define OPERATIONS 2
#define ENTRY(a, b) entry[(a) * ACTORS + (b)]
#define WAITS(a, b) outstanding[(a) * ACTORS + (b)]

chan queue[ACTORS] = [9] of { mtype, byte, byte }; /* of who receives: kind, sender, id */
mtype entry[ACTORS * ACTORS] = none;
byte outstanding[ACTORS * ACTORS];
bit alive[ACTORS] = 1; /* others find it */
bit over[ACTORS];      /* all is said: what comes now is answered as by the dead */
bit named = 1;         /* 2 has its name */
bit watched;           /* 2 has a record of the monitor */
bit armed;             /* 0 has one */
bit demonitored, made;
byte downs;
byte finished;
bit quiet;

#define NEIGHBOUR(a, b) ((a) == 1 || (b) == 1)

inline do_link(other) {
    if
    :: ENTRY(me, other) == active_
    :: else ->
        ENTRY(me, other) = active_;
        WAITS(me, other) = 0;
        queue[other]!link_(me, 0)
    fi
}

inline do_unlink(other) {
    if
    :: ENTRY(me, other) == active_ ->
        ids++;
        ENTRY(me, other) = inactive;
        WAITS(me, other) = ids;
        queue[other]!unlink_(me, ids)
    :: else
    fi
}

inline do_monitor() {
    made = 1;
    armed = 1;
    queue[2]!monitor_(me, 0)
}

inline do_demonitor() {
    if
    :: armed -> armed = 0; queue[2]!demonitor_(me, 0)
    :: else
    fi;
    demonitored = 1
}

/* As a dead actor answers. */
inline answer_dead() {
    if
    :: kind == link_ ->
#ifndef BUG_DEAD_LINK_SILENT
        queue[from]!exit_(me, 0)
#else
        skip
#endif
    :: kind == unlink_ -> queue[from]!ack(me, id)
    :: kind == monitor_ ->
#ifndef BUG_DEAD_MONITOR_RECORDED
        queue[from]!down_(me, 0)
#else
        watched = 1 /* as a live one would: nobody says goodbye any more */
#endif
    :: else
    fi
}

inline apply_alive() {
    if
    :: kind == link_ ->
        if
        :: ENTRY(me, from) == none -> ENTRY(me, from) = active_
        :: else
        fi
    :: kind == unlink_ ->
        if
        :: ENTRY(me, from) == active_ -> ENTRY(me, from) = none
        :: else
        fi;
        queue[from]!ack(me, id)
    :: kind == ack ->
        if
        :: ENTRY(me, from) == inactive && WAITS(me, from) == id ->
            ENTRY(me, from) = none;
            WAITS(me, from) = 0
        :: else
        fi
    :: kind == monitor_ -> watched = 1
    :: kind == demonitor_ -> watched = 0
    :: kind == down_ ->
#ifdef BUG_DOWN_UNASKED
        if
        :: true ->
#else
        if
        :: armed ->
#endif
            armed = 0;
            downs++;
            assert(downs == 1);
            assert(!demonitored);
            assert(!named)
        :: else
        fi
    :: kind == exit_ ->
        if
        :: ENTRY(me, from) == active_ ->
            ENTRY(me, from) = none;
            if
            :: !dying -> dying = 1
            :: true /* trapped, or dying already */
            fi
        :: else
        fi
    :: else
    fi
}

inline take() {
    queue[me]?kind(from, id);
    if
    :: over[me] -> answer_dead()
    :: else -> apply_alive()
    fi;
    kind = none;
    from = 0;
    id = 0
}

inline say_exit(other) {
    if
    :: ENTRY(me, other) == active_ -> queue[other]!exit_(me, 0)
    :: else
    fi;
    ENTRY(me, other) = none;
    WAITS(me, other) = 0
}

inline say_down() {
    if
    :: me == 2 && watched ->
        queue[0]!down_(me, 0);
        watched = 0
    :: else
    fi
}

inline release_name() {
    if
    :: me == 2 -> named = 0
    :: else
    fi
}

inline say_goodbye() {
    atomic { say_exit(0); say_exit(1); say_exit(2) };
    atomic { say_down() }
}

inline die() {
#ifdef BUG_FETCH_LAST
    release_name();
    say_goodbye();
#endif
    atomic { /* what has come hears the reason */
        do
        :: nempty(queue[me]) -> queue[me]?kind(from, id); apply_alive()
        :: empty(queue[me]) -> break
        od;
        kind = none;
        from = 0;
        id = 0
    };
#ifndef BUG_NAME_LATE
    release_name();
#endif
    alive[me] = 0;
    over[me] = 1;
#ifndef BUG_FETCH_LAST
    say_goodbye();
#endif
#ifdef BUG_NAME_LATE
    release_name();
#endif
    dying = 0;
    dead = 1
}

inline operate() {
    operations--;
    if
    :: me != 1 -> do_link(1)
    :: me == 1 -> do_link(0)
    :: me == 1 -> do_link(2)
    :: me != 1 -> do_unlink(1)
    :: me == 1 -> do_unlink(0)
    :: me == 0 && !made -> do_monitor()
    :: me == 0 && made && !demonitored -> do_demonitor()
    :: dying = 1
    :: operations = 0
    fi
}

proctype Actor(byte me) {
    mtype kind = none;
    byte from, id, ids, operations = (me == 2 -> 1 : OPERATIONS);
    bit dying, dead;
end:
    do
    :: atomic { nempty(queue[me]) && !dying -> take() }
    :: dying && !dead -> die(); atomic { finished = finished + (operations > 0); operations = 0 }
    :: atomic {
           operations > 0 && !dying && !dead -> operate();
           if
           :: operations == 0 -> finished++
           :: else
           fi
       }
    od
}

inline check_pair(a, b) {
    assert(ENTRY(a, b) != inactive && ENTRY(b, a) != inactive);
    assert(ENTRY(a, b) == ENTRY(b, a));
    assert(!(ENTRY(a, b) == active_ && over[b]))
}

#define IDLE(a) empty(queue[a])

proctype Observer() {
    atomic {
        finished == ACTORS && IDLE(0) && IDLE(1) && IDLE(2) && alive[0] == !over[0] &&
            alive[1] == !over[1] && alive[2] == !over[2] && Actor[1]:dying == 0 &&
            Actor[2]:dying == 0 && Actor[3]:dying == 0 ->
        check_pair(0, 1);
        check_pair(1, 2);
        assert(!(made && !demonitored && alive[0] && over[2]) || downs == 1);
        assert(!alive[0] || alive[2] == 0 || downs == 0);
        quiet = 1
    }
}

init {
    atomic {
        run Actor(0);
        run Actor(1);
        run Actor(2);
        run Observer()
    }
}

ltl settled { <> quiet }
