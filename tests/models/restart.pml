/*
 * A supervisor with one permanent child: restarts, failing inits, requests to terminate it and to
 * start it again, and the order to stop, which may come at any moment: while the child's init runs,
 * and between two attempts of a failing restart.
 *
 * Steps and the C they stand for (actors/supervision):
 *
 *   start_child     tpi_start_child: spawns the child linked, waits for what its init says; other
 *                   messages stay queued
 *   on_exit         on_exited, tpi_child_ended, tpi_restart: by the pid, so that an exit of an
 *                   earlier child is nobody's
 *   restart_later   a failed restart: marked as restarting, and a message to itself
 *   on_retry        tpi_retry_next: the next of those that are marked, if any
 *   stop_child      tpi_stop_child: asks, waits a while, kills, waits; then unlinks and takes the
 *                   exit that is queued
 *   terminate       tpi_on_child_act; also the end of the supervisor
 *
 * A child is an incarnation: in init, serving, or hanging (deaf to shutdown); its init may fail
 * again and again. Restarts have no limit here.
 *
 * Held: never two children at once; none runs that was terminated, none when the supervisor is over;
 * when all is quiet and a child is wanted, it runs (assertions); the supervisor does end when it is
 * told, even if inits fail for ever and a child hangs (settled).
 */
mtype = { none, exit_, down_, started, failed, stop_, terminate_, start_, retry, shutdown_, kill_ };
mtype = { stopped, running, restarting }; /* what the supervisor thinks of its child */

#define LIVES 4 /* incarnations that come to life */

chan inbox = [8] of { mtype, byte };      /* the supervisor's: kind, incarnation */
chan orders[LIVES + 1] = [4] of { mtype }; /* a child's */
mtype status = stopped;
byte child;              /* of the child, while it runs */
byte lives;            /* so far */
byte alive;            /* incarnations that live */
bool linked[LIVES + 1], watched[LIVES + 1];
bool marked;           /* its restart is to be tried again */
bool retrying;         /* a retry is on its way */
bool wanted = true;    /* no request has terminated it */
bool over;             /* the supervisor has ended */
bool told;             /* it was told to stop */
byte requests = 2;

proctype Child(byte me) {
    if /* init */
    :: true -> linked[me] = true; inbox!started(me)
    :: atomic { true -> alive--; inbox!failed(me) }; goto gone
    fi;
    do
    :: orders[me]?shutdown_ ->
        if
        :: break
        :: true -> orders[me]?kill_; break /* it hangs */
        fi
    :: orders[me]?kill_ -> break
    :: me < LIVES -> break /* it fails; the last one lives on */
    od;
    atomic {
        alive--;
        if
        :: linked[me] -> inbox!exit_(me)
        :: else
        fi;
        if
        :: watched[me] -> inbox!down_(me); watched[me] = false
        :: else
        fi;
        linked[me] = false
    }
gone:
    skip
}

inline mark() {
    status = restarting;
    marked = true;
    if
    :: !retrying -> retrying = true; inbox!retry(0)
    :: else
    fi
}

/* `again`: a failed start is a failed restart. With every life spent an init fails at once. */
inline start_child(again) {
    if
    :: lives < LIVES ->
        atomic { lives++; alive++; assert(alive <= 1); run Child(lives) };
#ifdef BUG_STOP_IN_INIT
        if
        :: inbox??[stop_, 0] -> goto ended /* it is over at once, and the child is not known yet */
        :: inbox??started, eval(lives) -> status = running; child = lives
        :: inbox??failed, eval(lives) -> status = stopped; child = 0; failing = true
        fi
#else
        if
        :: inbox??started, eval(lives) -> status = running; child = lives
        :: inbox??failed, eval(lives) -> status = stopped; child = 0; failing = true
        fi
#endif
    :: lives == LIVES -> status = stopped; child = 0; failing = true
    fi;
    if
    :: failing && again ->
        failing = false;
#ifdef BUG_RETRY_AT_ONCE
        goto again_at_once;
#else
        mark()
#endif
    :: else -> failing = false
    fi
}

inline rest() {
    status = stopped;
    child = 0;
#ifndef BUG_STALE_RETRY
    marked = false
#endif
}

inline stop_child() {
    if
    :: status == running ->
        atomic {
            if /* a monitor of its own; of a dead one the down comes at once */
            :: linked[child] -> watched[child] = true
            :: else -> inbox!down_(child)
            fi
        };
        if
        :: nfull(orders[child]) -> orders[child]!shutdown_
        fi;
        if
        :: inbox??down_, eval(child)
#ifndef BUG_NO_KILL
        :: true -> orders[child]!kill_; inbox??down_, eval(child) /* its time is up */
#endif
        fi;
#ifndef BUG_EXIT_LEFT
        atomic {
            linked[child] = false;
            if
            :: inbox??[exit_, eval(child)] -> inbox??exit_, eval(child)
            :: else
            fi
        }
#endif
    :: else
    fi;
    rest()
}

active proctype Supervisor() {
    byte which;
    bool failing;
    start_child(false);
end:
    do
    :: inbox?exit_(which) ->
        if
#ifdef BUG_EXIT_LEFT
        :: true -> /* and nobody asks whose it is */
#else
        :: status == running && which == child ->
#endif
            rest();
again_at_once:
            start_child(true)
        :: else
        fi
    :: inbox?retry(_) ->
        retrying = false;
        if
        :: marked -> marked = false; start_child(true)
        :: else
        fi
    :: inbox?terminate_(_) -> stop_child(); wanted = false
    :: inbox?start_(_) ->
        if
        :: status == stopped -> wanted = true; start_child(false)
        :: else
        fi
    :: inbox?stop_(_) -> stop_child(); break
    :: inbox?down_(_) /* of a stop that was cut short */
    od;
ended:
    atomic { over = true; assert(alive == 0) }
}

/* Another actor's requests, and the parent. */
active proctype Outside() {
    do
    :: atomic { requests > 0 && len(inbox) < 4 -> requests--; inbox!terminate_(0) }
    :: atomic { requests > 0 && len(inbox) < 4 -> requests--; inbox!start_(0) }
    :: break
    od;
    told = true;
    inbox!stop_(0)
}

/* What the supervisor thinks is so, whenever nothing is on its way. */
active proctype Observer() {
end:
    do
    :: atomic {
           !over && empty(inbox) && Supervisor@end && !marked ->
           assert(!(status == running && alive == 0));
           assert(!(status != running && alive > 0));
           assert(wanted || alive == 0)
       }
    od
}

ltl settled { <> over }
