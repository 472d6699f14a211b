/*
 * Links between two actors: link, unlink, unlink-ack and exit over one ordered queue in each
 * direction.
 *
 * Steps and the C they stand for (core/actor/signal.c):
 *
 *   link, unlink    tp_link, tp_unlink: the entry in tpi_extra.links changes, then the signal is
 *                   pushed
 *   die             tpi_signal_goodbye: an exit signal for every active entry
 *   apply           tpi_signal_apply, one signal from the queue (core/actor/mailbox.h)
 *   the dead        tpi_drain, tpi_deliver_dead: a link is answered by an exit `noproc`, an unlink
 *                   by its ack
 *
 * Each actor links, unlinks or dies as it likes, OPERATIONS times, at any moment between signals;
 * an exit signal that counts kills it or, trapped, becomes a message.
 *
 * Held: after unlink has returned no exit of that link counts, until one side links anew; when all
 * is quiet both tables say the same and no unlink waits for its ack (assertions); it does become
 * quiet (settled).
 */
#ifndef OPERATIONS
#define OPERATIONS 4
#endif

mtype = { none, active_, inactive, link_, unlink_, ack, exit_ };

chan queue[2] = [10] of { mtype, byte }; /* of who receives */
mtype entry[2] = none;                   /* my link table's entry for the other */
byte outstanding[2];                     /* the unlink that the inactive entry waits for */
bit alive[2] = 1;
byte finished;
bit wanted[2]; /* ghost: an exit of the link may reach me */
bit quiet;

#define OTHER (1 - me)

inline link() {
    atomic {
        if
        :: entry[me] == active_
        :: else ->
            entry[me] = active_;
            outstanding[me] = 0;
            wanted[me] = 1;
            queue[OTHER]!link_(0)
        fi
    }
}

inline unlink() {
    atomic {
        if
        :: entry[me] == active_ ->
            ids++;
            entry[me] = inactive;
            outstanding[me] = ids;
            queue[OTHER]!unlink_(ids)
        :: else
        fi;
        wanted[me] = 0
    }
}

inline die() {
    atomic {
        alive[me] = 0;
        if
        :: entry[me] == active_ -> queue[OTHER]!exit_(0)
        :: else
        fi;
        entry[me] = none;
        outstanding[me] = 0
    }
}

inline apply_exit() {
    if
    :: entry[me] == none
#ifdef BUG_INACTIVE_EXITS
    :: entry[me] == active_ || entry[me] == inactive ->
#else
    :: entry[me] == inactive
    :: entry[me] == active_ ->
#endif
        assert(wanted[me]);
        entry[me] = none;
        outstanding[me] = 0;
        wanted[me] = 0;
        if
        :: skip /* trapped */
        :: die()
        fi
    fi
}

inline apply() {
    atomic {
        queue[me]?kind(id);
        if
        :: kind == link_ ->
            if
            :: !alive[me] -> queue[OTHER]!exit_(0)
            :: alive[me] && entry[me] == none -> entry[me] = active_; wanted[me] = 1
#ifdef BUG_LINK_REVIVES
            :: alive[me] && entry[me] == inactive -> entry[me] = active_; wanted[me] = 1
#endif
            :: else
            fi
        :: kind == unlink_ ->
            if
            :: alive[me] && entry[me] == active_ -> entry[me] = none; wanted[me] = 0
            :: else
            fi;
#if defined(BUG_NO_ACK)
            skip
#elif defined(BUG_DEAD_NO_ACK)
            if
            :: alive[me] -> queue[OTHER]!ack(id)
            :: else
            fi
#else
            queue[OTHER]!ack(id)
#endif
        :: kind == ack ->
            if
#ifdef BUG_ANY_ACK
            :: alive[me] && entry[me] == inactive -> entry[me] = none; outstanding[me] = 0
#else
            :: alive[me] && entry[me] == inactive && outstanding[me] == id ->
                entry[me] = none;
                outstanding[me] = 0
#endif
            :: else
            fi
        :: kind == exit_ ->
            if
            :: alive[me] -> apply_exit()
            :: else
            fi
        fi;
        kind = none;
        id = 0
    }
}

proctype Actor(byte me) {
    mtype kind = none;
    byte id, ids, operations = OPERATIONS;
end:
    do
    :: apply()
    :: operations > 0 ->
        if
        :: !alive[me] -> operations = 0
        :: alive[me] ->
            operations--;
            if
            :: true -> link()
            :: true -> unlink()
            :: true -> die(); operations = 0
            :: operations = 0 /* no more */
            fi
        fi;
        if
        :: operations == 0 -> finished++
        :: else
        fi
    od
}

proctype Observer() {
    atomic {
        finished == 2 && empty(queue[0]) && empty(queue[1]) ->
        assert(entry[0] != inactive && entry[1] != inactive);
        assert(entry[0] == entry[1]);
        quiet = 1
    }
}

init {
    atomic {
        run Actor(0);
        run Actor(1);
        run Observer()
    }
}

ltl settled { <> quiet }
