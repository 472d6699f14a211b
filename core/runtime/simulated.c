/*
 * A simulated runtime's life: made with the simulator's driver, stopped under virtual time.
 */
#include <stdlib.h>
#include <string.h>

#include "core/runtime/runtime.h"
#include "core/sim/seeds.h"
#include "core/sim/sim.h"

tp_err tp_sim_new(tp_sim **out, const tp_sim_options *options) {
    if (out == NULL) return TP_EINVAL;
    tp_sim *sim = malloc(sizeof *sim);
    if (sim == NULL) return TP_ENOMEM;
    tp_runtime *runtime = NULL;
    struct tpi_sim *engine = &sim->engine;
    tp_err err = tpi_sim_init(engine, options);
    if (err == TP_OK && engine->options.runtime.max_actors == 0)
        engine->options.runtime.max_actors = 1u << 20;
    /* a choice after every message shows more orders than one after a hundred */
    if (err == TP_OK && engine->options.runtime.message_budget == 0)
        engine->options.runtime.message_budget = 1;
    if (err == TP_OK)
        err = tpi_runtime_new(&runtime, &engine->options.runtime, &engine->driver, engine);
    if (err == TP_OK) {
        tpi_sim_attach(engine, runtime);
        err = tp_inbox_open(runtime, &engine->probe);
    }
    if (err == TP_OK) {
        *out = sim;
        return TP_OK;
    }
    if (runtime != NULL) tpi_runtime_free(runtime);
    tpi_sim_fini(engine);
    free(sim);
    return err;
}

#define STOP_STEPS 1000000u /* what actors that go on for ever get before they are killed */

/* In a world the others' time passes too: no longer than somebody lives. The probe does. */
static void shut_down_in_world(struct tpi_sim *sim, unsigned stage, tp_time until) {
    uint64_t stays = stage == 1 ? 1 : 0;
    while (tpi_runtime_alive(sim->runtime) > stays && sim->now < until &&
           sim->world->run(sim->world, sim->now + TP_MS(1)) == TP_OK) {
    }
}

static void shut_down(struct tpi_sim *sim, unsigned stage, tp_duration grace) {
    tpi_runtime_shutdown(sim->runtime, stage);
    sim->options.steps_max = sim->steps + STOP_STEPS;
    if (sim->world != NULL) shut_down_in_world(sim, stage, sim->now + grace);
    else (void)tpi_sim_run_until(sim, sim->now + grace);
}

void tpi_sim_kill(struct tpi_sim *sim) {
    struct tpi_sim_world *world = sim->world;
    sim->world = NULL;
    sim->failed = false;
    for (unsigned i = 0; i < 100 && tpi_runtime_alive(sim->runtime) > 0; i++) {
        tpi_runtime_shutdown(sim->runtime, 2);
        sim->options.steps_max = sim->steps + STOP_STEPS;
        (void)tpi_sim_settle(sim);
    }
    sim->world = world;
}

/* Asks, then kills, as tp_runtime_stop does; blocked actors end in virtual time. The probe is an
 * inbox, which takes the asking as a message, so it goes with the killing. */
static void stop(struct tpi_sim *sim) {
    tp_runtime *runtime = sim->runtime;
    sim->failed = false;
    shut_down(sim, 1, runtime->options.shutdown_grace);
    for (unsigned i = 0; i < 100 && tpi_runtime_alive(runtime) > 0; i++)
        shut_down(sim, 2, TP_SECONDS(1)); /* again for those that were born meanwhile */
    TPI_ASSERT(tpi_runtime_alive(runtime) == 0);
}

void tp_sim_free(tp_sim *sim) {
    if (sim == NULL) return;
    struct tpi_sim *engine = &sim->engine;
    stop(engine);
    tp_inbox_close(engine->probe);
    tpi_runtime_free(engine->runtime);
    if (engine->world != NULL) engine->world->leave(engine->world, engine);
    tpi_sim_fini(engine);
    free(sim);
}

struct scenario {
    const tp_sim_options *options;
    const char *(*run)(tp_sim *, void *);
    void *arg;
};

static const char *run_seed(uint64_t seed, void *context) {
    const struct scenario *scenario = context;
    tp_sim_options own = scenario->options != NULL ? *scenario->options : (tp_sim_options){0};
    tp_sim *made;
    own.seed = seed;
    if (tp_sim_new(&made, &own) != TP_OK) return "the simulator could not be made";
    const char *wrong = scenario->run(made, scenario->arg);
    tp_sim_free(made);
    return wrong;
}

tp_err tp_sim_seeds(uint64_t from, uint64_t to, const tp_sim_options *options,
                    const char *(*scenario)(tp_sim *, void *arg), void *arg, uint64_t *failed) {
    struct scenario all = {options, scenario, arg};
    return scenario == NULL ? TP_EINVAL : tpi_seeds_run(from, to, run_seed, &all, failed);
}
