/*
 * The simulated network's insides: machines, streams, attempts, and the one loop that runs all.
 * One thread; every callback is made by the loop, never from within another.
 */
#ifndef TPI_LINK_SIMNET_H
#define TPI_LINK_SIMNET_H

#include <troupe/simnet.h>

#include "core/base/list.h"
#include "core/base/rng.h"
#include "core/sim/sim.h"
#include "transport/link/link.h"

struct tpi_machine {
    struct tpi_hub hub; /* as its node sees the network */
    struct tpi_list link;
    struct tp_simnet *net;
    struct tp_sim *sim; /* NULL: it is gone */
    unsigned index;
    bool paused;
    bool dead;     /* without power: nothing of it leaves or arrives */
    uint64_t rate; /* bytes a second that arrive on a stream; 0: no limit */
};

/* Bytes on their way. */
struct tpi_packet {
    struct tpi_list link;
    tp_time at; /* when they arrive */
    size_t size, taken;
    uint8_t bytes[];
};

struct tpi_end { /* of a stream */
    struct tpi_stream base;
    struct tpi_list link; /* in net->ends */
    struct tpi_machine *machine, *other;
    struct tpi_end *peer;    /* NULL: freed */
    struct tpi_list packets; /* on their way here */
    tp_time last;            /* when the last of them arrives */
    size_t flying;           /* their bytes */
    tp_time fin_at;          /* the end of what the peer sent; TP_FOREVER: not yet */
    bool started, woken, closing, told;
};

struct tpi_sim_listener {
    struct tpi_listener base;
    struct tpi_list link;
    struct tpi_machine *machine;
    tpi_link_accepted accepted;
    void *context;
};

struct tpi_sim_attempt {
    struct tpi_attempt base;
    struct tpi_list link; /* in net->attempts, or in none: over */
    struct tpi_machine *machine;
    tpi_link_connected connected;
    void *context;
    struct tpi_end *end; /* accepted there; not yet told here */
    tp_time at;          /* when something happens */
    tp_time until;       /* when it gives up */
    char url[TPI_LINK_URL_MAX];
};

/* Something that may happen now. */
struct tpi_turn {
    void (*take)(struct tp_simnet *net, void *what);
    void *what;
};

struct tp_simnet {
    struct tpi_sim_world world;
    tp_simnet_options options;
    struct tpi_rng choice, values;
    tp_time now;
    uint64_t steps, hash;
    bool failed; /* out of memory */
    bool running;
    unsigned machine_count, port;
    struct tpi_list machines, ends, listeners, attempts;
    bool *blocked; /* [from * room + to] */
    unsigned room;
    struct tpi_turn *turns;
    size_t turn_count, turn_room;
    tp_simnet_counters counters;
};

extern const struct tpi_link tpi_link_simulated;

/* The network as that simulator's node sees it. */
struct tpi_hub *tpi_simnet_hub(struct tp_simnet *net, const struct tp_sim *sim);

/* ---- for the loop (simlink.c) ---- */

/* Notes in net->turns what may happen now. */
void tpi_simlink_turns(struct tp_simnet *net);
/* The next point in time at which something may; TP_FOREVER. */
tp_time tpi_simlink_next(const struct tp_simnet *net);
/* The connection of this end is reset: what is on its way is lost. */
void tpi_simlink_reset(struct tp_simnet *net, struct tpi_end *end);

/* ---- for the streams (simnet.c) ---- */

void tpi_simnet_turn(struct tp_simnet *net, void (*take)(struct tp_simnet *, void *), void *what);
void tpi_simnet_mix(struct tp_simnet *net, uint64_t value);
/* How long something takes that is sent now. */
tp_duration tpi_simnet_delay(struct tp_simnet *net);
static inline uint64_t tpi_simnet_draw(struct tp_simnet *net, uint64_t below) {
    return tpi_rng_below(&net->choice, below);
}
static inline bool tpi_simnet_passes(const struct tp_simnet *net, const struct tpi_machine *from,
                                     const struct tpi_machine *to) {
    return !to->dead && !net->blocked[from->index * net->room + to->index];
}

#endif
