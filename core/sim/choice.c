/*
 * Which actor runs next, and on which virtual worker: uniformly, by random priorities with changes
 * (PCT), or in order.
 */
#include "core/sim/sim.h"

#include <stdlib.h>

#define PCT_STEPS 1000u /* change points lie within the first so many steps */
#define PCT_DEFAULT 3u

tp_err tpi_sim_choice_init(struct tpi_sim *sim) {
    if (sim->options.choice != TP_SIM_PCT) return TP_OK;
    unsigned count = sim->options.change_points;
    if (count == 0) count = sim->options.change_points = PCT_DEFAULT;
    sim->change_points = calloc(count, sizeof *sim->change_points);
    if (sim->change_points == NULL) return TP_ENOMEM;
    for (unsigned i = 0; i < count; i++)
        sim->change_points[i] = 1 + tpi_rng_below(&sim->choice, PCT_STEPS);
    sim->lowest = count + 1;
    return TP_OK;
}

static bool may_run_on(const struct tpi_sim *sim, const struct tpi_runnable *runnable,
                       unsigned worker) {
    if (sim->occupied[worker].runnable != NULL) return false;
    if (!tpi_runnable_is_pinned(runnable)) return true;
    const tp_actor *actor = (const tp_actor *)(const void *)runnable;
    uint64_t mask = actor->extra != NULL ? actor->extra->workers : 0;
    return mask == 0 || (mask >> worker & 1) != 0;
}

bool tpi_sim_may_run(const struct tpi_sim *sim) {
    for (size_t i = 0; i < sim->ready_count; i++)
        for (unsigned worker = 0; worker < sim->runtime->options.workers; worker++)
            if (may_run_on(sim, sim->ready[i], worker)) return true;
    return false;
}

bool tpi_sim_place(struct tpi_sim *sim, const struct tpi_runnable *runnable, unsigned *worker) {
    unsigned count = sim->runtime->options.workers;
    unsigned start =
        sim->options.choice == TP_SIM_FIFO ? 0 : (unsigned)tpi_rng_below(&sim->choice, count);
    for (unsigned i = 0; i < count; i++) {
        *worker = (start + i) % count;
        if (may_run_on(sim, runnable, *worker)) return true;
    }
    return false;
}

static size_t choose_uniform(struct tpi_sim *sim, unsigned *worker) {
    size_t start = (size_t)tpi_rng_below(&sim->choice, sim->ready_count);
    for (size_t i = 0; i < sim->ready_count; i++) {
        size_t at = (start + i) % sim->ready_count;
        if (tpi_sim_place(sim, sim->ready[at], worker)) return at;
    }
    return SIZE_MAX;
}

static size_t choose_first(struct tpi_sim *sim, unsigned *worker) {
    for (size_t i = 0; i < sim->ready_count; i++)
        if (tpi_sim_place(sim, sim->ready[i], worker)) return i;
    return SIZE_MAX;
}

/* Random, but above those that change points hand out; the same for the life of the slot. */
static uint64_t priority_of(struct tpi_sim *sim, const struct tpi_runnable *runnable) {
    uintptr_t known = (uintptr_t)tpi_map_get(&sim->priorities, runnable->index, 0);
    if (known != 0) return known;
    uintptr_t fresh = (uintptr_t)(tpi_rng_next(&sim->choice) | (uint64_t)1 << 62);
    if (tpi_map_put(&sim->priorities, runnable->index, 0, (void *)fresh) != TP_OK)
        sim->failed = true;
    return fresh;
}

static bool at_change_point(const struct tpi_sim *sim) {
    for (unsigned i = 0; i < sim->options.change_points; i++)
        if (sim->change_points[i] == sim->steps) return true;
    return false;
}

static size_t choose_pct(struct tpi_sim *sim, unsigned *worker) {
    size_t best = SIZE_MAX;
    uint64_t highest = 0;
    for (size_t i = 0; i < sim->ready_count; i++) {
        unsigned place;
        uint64_t priority = priority_of(sim, sim->ready[i]);
        if (priority <= highest || !tpi_sim_place(sim, sim->ready[i], &place)) continue;
        best = i;
        highest = priority;
        *worker = place;
    }
    if (best != SIZE_MAX && at_change_point(sim) &&
        tpi_map_put(&sim->priorities, sim->ready[best]->index, 0,
                    (void *)(uintptr_t)--sim->lowest) != TP_OK)
        sim->failed = true;
    return best;
}

size_t tpi_sim_choose(struct tpi_sim *sim, unsigned *worker) {
    if (sim->ready_count == 0) return SIZE_MAX;
    switch (sim->options.choice) {
    case TP_SIM_PCT: return choose_pct(sim, worker);
    case TP_SIM_FIFO: return choose_first(sim, worker);
    default: return choose_uniform(sim, worker);
    }
}
