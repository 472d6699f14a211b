/*
 * A simulated network: whole clusters of unmodified nodes on one thread, from a seed, under virtual
 * time. Each simulator on it (<troupe/sim.h>) is a machine with a clock like everybody's; a node
 * that is started on it (<troupe/node.h>) reaches the others at whatever address they listen at.
 *
 * Bytes are delayed and cut anywhere, connections are reset, machines are cut off, stopped, slow,
 * or lose their power. As with TCP, what arrives on one connection arrives in order or not at all;
 * connections overtake each other. The same seed gives the same run, to the same trace hash.
 *
 *     tp_simnet *net;
 *     tp_sim *a, *b;
 *     tp_simnet_new(&net, &(tp_simnet_options){.seed = 7});
 *     tp_simnet_add(net, &(tp_sim_options){.runtime.node_name = "a@test"}, &a);
 *     tp_simnet_add(net, &(tp_sim_options){.runtime.node_name = "b@test"}, &b);
 *     tp_node_start(tp_sim_runtime(a), &plain, &node_a);              and so for b
 *     tp_node_listen(node_a, "tcp://127.0.0.1:4000", NULL, 0);
 *     tp_node_join(node_b, "tcp://127.0.0.1:4000");
 *     tp_simnet_advance(net, TP_SECONDS(1));
 *     tp_simnet_block(net, a, b, true);                      the cable is cut, in one direction
 *
 * All calls are from the thread that made it. Link with libtroupe-net.
 */
#ifndef TROUPE_SIMNET_H
#define TROUPE_SIMNET_H

#include <troupe/sim.h>

TP_EXTERN_BEGIN

/* A network and the simulators on it. */
typedef struct tp_simnet tp_simnet;

/* Zero in a field means its default. */
typedef struct tp_simnet_options {
    uint64_t seed;
    tp_duration delay_min; /* of what is sent; default 20 us */
    tp_duration delay_max; /* default 500 us; one write of sixteen takes up to ten times that */
    size_t buffer;         /* bytes that a connection holds before its writer waits; 256 KiB */
    uint32_t resets;       /* one write in so many resets its connection; default: none does */
    uint64_t steps_max;    /* a run longer than this fails with TP_ETIMEDOUT; default 10,000,000 */
} tp_simnet_options;

/* What has happened; each is a sum. */
typedef struct tp_simnet_counters {
    uint64_t connections; /* made */
    uint64_t refused;     /* attempts that failed */
    uint64_t writes;      /* on their way */
    uint64_t bytes;       /* that arrived */
    uint64_t lost;        /* bytes that were on their way when their connection ended */
    uint64_t resets;      /* connections that ended by tp_simnet_cut, `resets` or a power cut */
} tp_simnet_counters;

/* A network. TP_EINVAL (delays), TP_ENOMEM. */
TP_API tp_err tp_simnet_new(tp_simnet **out, const tp_simnet_options *options);
/* Cuts the power of every simulator that is left, and frees everything. */
TP_API void tp_simnet_free(tp_simnet *net);
/*
 * A simulator on the network, as of tp_sim_new; its seed comes from the network's. It belongs to
 * the network. tp_sim_advance of one moves the time of all; tp_sim_run is TP_ENOTSUP, as nodes
 * never end to look after each other. tp_sim_free stops it in order, in a second of virtual time
 * or so. TP_EINVAL, TP_ENOMEM.
 */
TP_API tp_err tp_simnet_add(tp_simnet *net, const tp_sim_options *options, tp_sim **out);
/* Runs everything that happens within the next `span` of virtual time, which then has passed.
 * TP_ETIMEDOUT: steps_max; TP_ENOMEM. */
TP_API tp_err tp_simnet_advance(tp_simnet *net, tp_duration span);

/* From now on nothing passes from one to the other, until it may again: what is on its way waits,
 * connections stay, new attempts fail after a while. One direction. */
TP_API void tp_simnet_block(tp_simnet *net, const tp_sim *from, const tp_sim *to, bool blocked);
/* Everything passes again. */
TP_API void tp_simnet_heal(tp_simnet *net);
/* Resets all connections between the two; each side hears of it after its own delay. */
TP_API void tp_simnet_cut(tp_simnet *net, const tp_sim *a, const tp_sim *b);
/* Stops the machine where it is (SIGSTOP), or lets it go on. */
TP_API void tp_simnet_pause(tp_simnet *net, const tp_sim *sim, bool paused);
/* From now on so many bytes a second pass to that machine, on each connection; 0: no limit. */
TP_API void tp_simnet_slow(tp_simnet *net, const tp_sim *sim, uint64_t bytes_per_second);
/* Cuts the power: nothing more is sent, its actors are gone, the simulator is freed. Others hear of
 * it by resets, or with `silent` not at all. */
TP_API void tp_simnet_crash(tp_simnet *net, tp_sim *sim, bool silent);

/* The virtual time since the start, in nanoseconds. */
TP_API tp_time tp_simnet_now(const tp_simnet *net);
/* A random number of the run, for the test's own choices. */
TP_API uint64_t tp_simnet_random(tp_simnet *net);
/* A hash of everything that happened on the network and, so far, on the simulators that are on it,
 * in order. */
TP_API uint64_t tp_simnet_trace_hash(const tp_simnet *net);
/* Fills *out. */
TP_API void tp_simnet_counters_get(const tp_simnet *net, tp_simnet_counters *out);

/* As tp_sim_seeds, with a fresh network for each seed. */
TP_API tp_err tp_simnet_seeds(uint64_t from, uint64_t to, const tp_simnet_options *options,
                              const char *(*scenario)(tp_simnet *net, void *arg), void *arg,
                              uint64_t *failed);

TP_EXTERN_END

#endif
