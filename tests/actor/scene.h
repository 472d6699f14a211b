/*
 * A scene of actors, played in the simulator under several seeds, and on threads.
 */
#ifndef ACTOR_SCENE_H
#define ACTOR_SCENE_H

#include <troupe/sim.h>

#include "tests/actor/actor_test.h"

struct scene {
    tp_body body;
    bool ended;
};

static void scene_body(tp_actor *self, void *arg) {
    struct scene *scene = arg;
    scene->body(self, NULL);
    scene->ended = true;
}

static const char *scene_in_sim(tp_sim *sim, void *arg) {
    struct scene *scene = arg;
    scene->ended = false;
    (void)tp_sim_spawn_body(sim, scene_body, scene, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the simulation does not end";
    return scene->ended ? NULL : "the scene does not end";
}

/* With each way of choosing up to `last`. */
static void scene_everywhere(tp_body body, uint64_t seeds, tp_sim_choice last) {
    struct scene scene = {.body = body};
    for (int choice = TP_SIM_UNIFORM; choice <= (int)last; choice++) {
        tp_sim_options options = {.workers = 2, .choice = (tp_sim_choice)choice};
        uint64_t failed = 0;
        options.runtime.log_level = TP_LOG_OFF;
        tp_err err = tp_sim_seeds(1, seeds, &options, scene_in_sim, &scene, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu, choice %d", (unsigned long long)failed, choice);
    }
    run_everywhere(body, NULL);
}

#endif
