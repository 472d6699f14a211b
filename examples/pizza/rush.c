/*
 * The kitchen's promise, tried in virtual time: guests order, cooks die by their own hand and are
 * killed at random moments; in the end every accepted order stands in the book, once.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "examples/pizza/kitchen.h"
#include "examples/pizza/pizza.h"

#define GUESTS 40
#define PATIENCE TP_SECONDS(3600)

struct rush {
    int64_t orders; /* of each guest */
    uint64_t accepted, pizzas;
    uint64_t killed;
    int64_t present; /* guests that still order */
    kitchen_sums sums;
    bool looked;
};

static void guest_body(tp_actor *self, void *arg) {
    struct rush *rush = arg;
    order_accepted msg;
    for (int64_t i = 0; i < rush->orders; i++) {
        uint64_t pizzas = tp_random(self) % 100;
        kitchen_order(self, pizzas);
        if (tp_receive(self, PATIENCE, &msg, order_accepted) != TP_OK) break;
        rush->accepted++;
        rush->pizzas += pizzas;
    }
    rush->present--;
}

/* Kills whoever cooks, at any moment. */
static void vandal_body(tp_actor *self, void *arg) {
    struct rush *rush = arg;
    while (rush->present > 0) {
        tp_sleep(self, TP_US((int64_t)(tp_random(self) % 2000)));
        tp_pid cook = tp_whereis(tp_self_runtime(self), "cook");
        if (!tp_pid_is_null(cook) && tp_kill(self, cook) == TP_OK) rush->killed++;
    }
}

static void evening(tp_actor *self, void *arg) {
    struct rush *rush = arg;
    if (!kitchen_open(self, 17, TP_US(20), false)) return;
    rush->present = GUESTS;
    for (int i = 0; i < GUESTS; i++) tp_spawn_body(self, guest_body, rush, NULL);
    tp_spawn_body(self, vandal_body, rush, NULL);
    while (rush->present > 0) tp_sleep(self, TP_MS(10));
    tp_pid book = tp_whereis(tp_self_runtime(self), "book");
    rush->looked = tp_call(self, book, PATIENCE, &rush->sums, kitchen_sums, kitchen_look) == TP_OK;
}

static bool run(struct rush *rush, uint64_t seed) {
    tp_sim *sim;
    tp_sim_options options = {
        .seed = seed, .workers = 3, .steps_max = 1u << 30, .runtime = {.log_level = TP_LOG_OFF}};
    if (tp_sim_new(&sim, &options) != TP_OK) return false;
    tp_sim_spawn_body(sim, evening, rush, NULL);
    tp_err err = tp_sim_advance(sim, TP_SECONDS(3600));
    tp_sim_free(sim);
    return err == TP_OK && rush->looked;
}

void show_kitchen(struct story *story, int64_t orders) {
    struct rush rush = {.orders = orders / GUESTS > 0 ? orders / GUESTS : 1};
    uint64_t wanted = (uint64_t)rush.orders * GUESTS;
    printf("\nthe kitchen, whose cooks die over their work\n");
    story_check(story, run(&rush, story->seed), "kitchen: the evening ends");
    printf("  %" PRIu64 " orders accepted, %" PRIu64 " in the book, %" PRIu64
           " were told twice; %" PRIu64 " cooks, %" PRIu64 " killed from outside\n",
           rush.accepted, rush.sums.orders, rush.sums.again, rush.sums.cooks, rush.killed);
    story_check(story, rush.accepted == wanted, "kitchen: every order is accepted");
    story_check(story, rush.sums.orders == wanted, "kitchen: no order is lost or doubled");
    story_check(story, rush.sums.pizzas == rush.pizzas, "kitchen: every pizza is in the book");
    story_check(story, rush.sums.cooks > 1, "kitchen: cooks died");
    story_figure(story, (double)rush.sums.cooks, "", "kitchen: cooks");
    story_figure(story, (double)rush.sums.again, "", "kitchen: orders the book was told twice");
}
