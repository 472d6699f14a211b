/*
 * The simulated network's loop, its machines, and what a test does to them.
 *
 * At every moment all that may happen is gathered (a slice of an actor on some machine, bytes that
 * arrive, bytes that can be sent, a node's look at its connections, ...) and one of it is chosen.
 * When nothing may, time moves to the next point at which something will.
 */
#include "transport/link/simnet.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/sim/seeds.h"

#define STEPS_MAX 10000000u
#define DELAY_MIN TP_US(20)
#define DELAY_MAX TP_US(500)
#define BUFFER ((size_t)256 << 10)
#define MACHINES_FIRST 8u

/* ---- for the streams ---- */

void tpi_simnet_turn(struct tp_simnet *net, void (*take)(struct tp_simnet *, void *), void *what) {
    if (net->turn_count == net->turn_room) {
        size_t room = net->turn_room == 0 ? 64 : net->turn_room * 2;
        struct tpi_turn *turns = realloc(net->turns, room * sizeof *turns);
        if (turns == NULL) {
            net->failed = true;
            return;
        }
        net->turns = turns;
        net->turn_room = room;
    }
    net->turns[net->turn_count++] = (struct tpi_turn){take, what};
}

void tpi_simnet_mix(struct tp_simnet *net, uint64_t value) {
    net->hash = tpi_hash_pair(net->hash, value);
    net->hash = tpi_hash_pair(net->hash, (uint64_t)net->now);
}

tp_duration tpi_simnet_delay(struct tp_simnet *net) {
    uint64_t span = (uint64_t)(net->options.delay_max - net->options.delay_min);
    tp_duration delay = net->options.delay_min + (tp_duration)tpi_simnet_draw(net, span + 1);
    return tpi_simnet_draw(net, 16) == 0 ? delay * (tp_duration)(1 + tpi_simnet_draw(net, 10))
                                         : delay;
}

/* ---- the loop ---- */

static void take_slice(struct tp_simnet *net, void *what) {
    struct tpi_machine *machine = what;
    (void)net;
    (void)tpi_sim_step(&machine->sim->engine);
}

static void take_look(struct tp_simnet *net, void *what) {
    struct tpi_machine *machine = what;
    (void)net;
    machine->hub.poked = false;
    machine->hub.look_at = machine->hub.look(machine->hub.look_context);
}

static bool runs(const struct tpi_machine *machine) {
    return machine->sim != NULL && !machine->paused;
}

static void gather(struct tp_simnet *net) {
    struct tpi_list *link, *spare;
    net->turn_count = 0;
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (!runs(machine)) continue;
        struct tpi_hub *hub = &machine->hub;
        if (tpi_sim_is_ready(&machine->sim->engine)) tpi_simnet_turn(net, take_slice, machine);
        if (hub->look != NULL && (hub->poked || hub->look_at <= net->now))
            tpi_simnet_turn(net, take_look, machine);
    }
    tpi_simlink_turns(net);
}

/* One thing that may happen does. */
static bool step(struct tp_simnet *net) {
    gather(net);
    if (net->turn_count == 0) return false;
    struct tpi_turn turn = net->turns[tpi_simnet_draw(net, net->turn_count)];
    net->steps++;
    turn.take(net, turn.what);
    return true;
}

static tp_time next_event(const struct tp_simnet *net) {
    struct tpi_list *link, *spare;
    tp_time next = tpi_simlink_next(net);
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (!runs(machine)) continue;
        tp_time at = tpi_sim_next(&machine->sim->engine);
        if (at < next) next = at;
        if (machine->hub.look != NULL && machine->hub.look_at < next) next = machine->hub.look_at;
    }
    return next;
}

static void set_time(struct tp_simnet *net, tp_time now) {
    struct tpi_list *link, *spare;
    if (now > net->now) net->now = now;
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (runs(machine)) tpi_sim_set_time(&machine->sim->engine, net->now);
    }
}

static bool has_failed(const struct tp_simnet *net) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (machine->sim != NULL && machine->sim->engine.failed) return true;
    }
    return net->failed;
}

static tp_err settle(struct tp_simnet *net) {
    while (step(net)) {
        if (net->steps > net->options.steps_max) return TP_ETIMEDOUT;
        if (net->steps % 64 == 0 && has_failed(net)) return TP_ENOMEM;
    }
    return has_failed(net) ? TP_ENOMEM : TP_OK;
}

static tp_err run_until(struct tpi_sim_world *world, tp_time until) {
    struct tp_simnet *net = TPI_CONTAINER_OF(world, struct tp_simnet, world);
    if (until == TP_FOREVER || net->running) return TP_ENOTSUP; /* from within a callback */
    net->running = true;
    tp_err err = settle(net);
    while (err == TP_OK) {
        tp_time next = next_event(net);
        if (next > until) break;
        set_time(net, next);
        err = settle(net);
    }
    if (err == TP_OK) set_time(net, until);
    net->running = false;
    return err;
}

/* What a thread that waits for its node does: lets the world go on, to the next thing to come. Who
 * waits may poke the service each time: time has to pass. */
static void pass(struct tpi_hub *hub, tp_duration most) {
    struct tp_simnet *net = TPI_CONTAINER_OF(hub, struct tpi_machine, hub)->net;
    (void)run_until(&net->world, net->now);
    tp_time next = next_event(net), until = net->now + most;
    (void)run_until(&net->world, next < until ? next : until);
}

/* ---- machines ---- */

static void leave(struct tpi_sim_world *world, struct tpi_sim *sim) {
    struct tp_simnet *net = TPI_CONTAINER_OF(world, struct tp_simnet, world);
    struct tpi_list *link, *spare;
    tpi_simnet_mix(net, sim->hash);
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (machine->sim != NULL && &machine->sim->engine == sim) machine->sim = NULL;
    }
}

static bool make_room(struct tp_simnet *net) {
    if (net->machine_count < net->room) return true;
    unsigned room = net->room == 0 ? MACHINES_FIRST : net->room * 2;
    bool *blocked = calloc((size_t)room * room, sizeof *blocked);
    if (blocked == NULL) return false;
    for (unsigned from = 0; from < net->room; from++)
        memcpy(&blocked[from * room], &net->blocked[from * net->room], net->room);
    free(net->blocked);
    net->blocked = blocked;
    net->room = room;
    return true;
}

tp_err tp_simnet_add(tp_simnet *net, const tp_sim_options *options, tp_sim **out) {
    if (net == NULL || out == NULL) return TP_EINVAL;
    tp_sim_options own = options != NULL ? *options : (tp_sim_options){0};
    struct tpi_machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL || !make_room(net)) {
        free(machine);
        return TP_ENOMEM;
    }
    own.seed = tpi_rng_next(&net->choice);
    tp_err err = tp_sim_new(&machine->sim, &own);
    if (err != TP_OK) {
        free(machine);
        return err;
    }
    machine->net = net;
    machine->index = net->machine_count++;
    machine->hub = (struct tpi_hub){.every = &tpi_link_simulated, .pass = pass};
    tpi_list_init(&machine->link);
    tpi_list_push_back(&net->machines, &machine->link);
    tpi_sim_join(&machine->sim->engine, &net->world, net->now, &machine->hub);
    *out = machine->sim;
    return TP_OK;
}

static struct tpi_machine *machine_of(tp_simnet *net, const tp_sim *sim) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (sim != NULL && machine->sim == sim) return machine;
    }
    return NULL;
}

struct tpi_hub *tpi_simnet_hub(tp_simnet *net, const tp_sim *sim) {
    struct tpi_machine *machine = machine_of(net, sim);
    return machine == NULL ? NULL : &machine->hub;
}

/* ---- what a test does ---- */

void tp_simnet_block(tp_simnet *net, const tp_sim *from, const tp_sim *to, bool blocked) {
    struct tpi_machine *a = machine_of(net, from), *b = machine_of(net, to);
    if (a != NULL && b != NULL) net->blocked[a->index * net->room + b->index] = blocked;
}

void tp_simnet_heal(tp_simnet *net) {
    memset(net->blocked, 0, (size_t)net->room * net->room * sizeof *net->blocked);
}

static void reset_between(tp_simnet *net, const struct tpi_machine *a,
                          const struct tpi_machine *b) {
    struct tpi_list *link, *spare;
    TPI_LIST_EACH(&net->ends, link, spare) {
        struct tpi_end *end = TPI_CONTAINER_OF(link, struct tpi_end, link);
        if (end->machine == a && (b == NULL || end->other == b)) tpi_simlink_reset(net, end);
    }
}

void tp_simnet_cut(tp_simnet *net, const tp_sim *a, const tp_sim *b) {
    struct tpi_machine *first = machine_of(net, a), *second = machine_of(net, b);
    if (first != NULL && second != NULL) reset_between(net, first, second);
}

void tp_simnet_pause(tp_simnet *net, const tp_sim *sim, bool paused) {
    struct tpi_machine *machine = machine_of(net, sim);
    if (machine == NULL) return;
    machine->paused = paused;
    if (!paused) tpi_sim_set_time(&machine->sim->engine, net->now);
}

void tp_simnet_slow(tp_simnet *net, const tp_sim *sim, uint64_t bytes_per_second) {
    struct tpi_machine *machine = machine_of(net, sim);
    if (machine != NULL) machine->rate = bytes_per_second;
}

void tp_simnet_crash(tp_simnet *net, tp_sim *sim, bool silent) {
    struct tpi_machine *machine = machine_of(net, sim);
    struct tpi_list *link, *spare;
    if (machine == NULL) return;
    if (!silent) reset_between(net, machine, NULL);
    machine->dead = true;
    machine->paused = true; /* no step, no look */
    tpi_sim_kill(&sim->engine);
    machine->paused = false;
    tpi_sim_set_time(&sim->engine, net->now);
    TPI_LIST_EACH(&net->ends, link, spare) { /* its own ends close, so that its node can go */
        struct tpi_end *end = TPI_CONTAINER_OF(link, struct tpi_end, link);
        if (end->machine == machine) end->closing = true;
    }
    tp_sim_free(sim);
}

tp_err tp_simnet_advance(tp_simnet *net, tp_duration span) {
    if (span < 0 || span > TP_FOREVER / 2) return TP_EINVAL;
    return run_until(&net->world, net->now + span);
}

tp_time tp_simnet_now(const tp_simnet *net) {
    return net->now;
}

uint64_t tp_simnet_random(tp_simnet *net) {
    return tpi_rng_next(&net->values);
}

uint64_t tp_simnet_trace_hash(const tp_simnet *net) {
    struct tpi_list *link, *spare;
    uint64_t hash = net->hash;
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (machine->sim != NULL) hash = tpi_hash_pair(hash, machine->sim->engine.hash);
    }
    return hash;
}

void tp_simnet_counters_get(const tp_simnet *net, tp_simnet_counters *out) {
    *out = net->counters;
}

/* ---- life ---- */

static tp_err complete(tp_simnet_options *options) {
    if (options->delay_max == 0 && options->delay_min < DELAY_MAX) options->delay_max = DELAY_MAX;
    if (options->delay_max == 0) options->delay_max = options->delay_min;
    if (options->delay_min == 0 && options->delay_max > DELAY_MIN) options->delay_min = DELAY_MIN;
    if (options->buffer == 0) options->buffer = BUFFER;
    if (options->steps_max == 0) options->steps_max = STEPS_MAX;
    bool good = options->delay_min >= 0 && options->delay_min <= options->delay_max &&
                options->delay_max <= TP_SECONDS(3600);
    return good ? TP_OK : TP_EINVAL;
}

tp_err tp_simnet_new(tp_simnet **out, const tp_simnet_options *options) {
    if (out == NULL) return TP_EINVAL;
    tp_simnet_options own = options != NULL ? *options : (tp_simnet_options){0};
    tp_err err = complete(&own);
    if (err != TP_OK) return err;
    tp_simnet *net = calloc(1, sizeof *net);
    if (net == NULL || !make_room(net)) {
        free(net);
        return TP_ENOMEM;
    }
    net->options = own;
    net->world = (struct tpi_sim_world){run_until, leave};
    net->now = TP_SECONDS(1); /* as a simulator's start */
    tpi_rng_seed(&net->choice, own.seed);
    tpi_rng_seed(&net->values, ~own.seed);
    tpi_list_init(&net->machines);
    tpi_list_init(&net->ends);
    tpi_list_init(&net->listeners);
    tpi_list_init(&net->attempts);
    *out = net;
    return TP_OK;
}

void tp_simnet_free(tp_simnet *net) {
    struct tpi_list *link, *spare;
    if (net == NULL) return;
    net->failed = false;
    net->options.steps_max = UINT64_MAX; /* whatever went wrong, this comes to an end */
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        machine->paused = true; /* one after the other goes, without the rest noticing */
    }
    TPI_LIST_EACH(&net->machines, link, spare) {
        struct tpi_machine *machine = TPI_CONTAINER_OF(link, struct tpi_machine, link);
        if (machine->sim != NULL) tp_simnet_crash(net, machine->sim, true);
    }
    TPI_ASSERT(tpi_list_empty(&net->ends) && tpi_list_empty(&net->attempts));
    TPI_ASSERT(tpi_list_empty(&net->listeners));
    while ((link = tpi_list_pop_front(&net->machines)) != NULL)
        free(TPI_CONTAINER_OF(link, struct tpi_machine, link));
    free(net->turns);
    free(net->blocked);
    free(net);
}

struct scenario {
    const tp_simnet_options *options;
    const char *(*run)(tp_simnet *, void *);
    void *arg;
};

static const char *run_seed(uint64_t seed, void *context) {
    const struct scenario *scenario = context;
    tp_simnet_options own = scenario->options != NULL ? *scenario->options : (tp_simnet_options){0};
    tp_simnet *made;
    own.seed = seed;
    if (tp_simnet_new(&made, &own) != TP_OK) return "the network could not be made";
    const char *wrong = scenario->run(made, scenario->arg);
    tp_simnet_free(made);
    return wrong;
}

tp_err tp_simnet_seeds(uint64_t from, uint64_t to, const tp_simnet_options *options,
                       const char *(*scenario)(tp_simnet *, void *arg), void *arg,
                       uint64_t *failed) {
    struct scenario all = {options, scenario, arg};
    return scenario == NULL ? TP_EINVAL : tpi_seeds_run(from, to, run_seed, &all, failed);
}
