/*
 * Actors looked at from outside. Scenes run in the simulator under several seeds, and on threads.
 */
#include "tests/actor/scene.h"

#define SEEDS TP_SCALED(100)
#define MANY 700

static void everywhere(tp_body body) {
    scene_everywhere(body, SEEDS, TP_SIM_UNIFORM);
}

/* ---- what there is to look at ---- */

TP_MESSAGE(stay, TP_FIELD(pid, with))
TP_MESSAGE(grow)

struct clerk {
    uint8_t bytes[100];
};

static void on_number(tp_actor *self, struct clerk *clerk, const number *msg) {
    (void)self, (void)clerk, (void)msg;
}
/* Calls somebody who does not answer until asked to. */
static void on_stay(tp_actor *self, struct clerk *clerk, const stay *msg) {
    answer a;
    (void)clerk;
    (void)tp_call(self, msg->with, TP_FOREVER, &a, answer, ask);
}
static void on_ask(tp_actor *self, struct clerk *clerk, const ask *msg) {
    (void)clerk, (void)msg;
    tp_reply(self, answer, .n = 1);
}
TP_BEHAVIOR(clerk_behavior, "clerk", struct clerk, TP_ON(number, on_number), TP_ON(stay, on_stay),
            TP_ON(ask, on_ask));

/* All that has been sent to it has been handled. */
static void settle(tp_actor *self, tp_pid clerk) {
    answer a;
    TP_ASSERT_EQ_INT(tp_call(self, clerk, SOON, &a, answer, ask), TP_OK);
}

/* Looks until it does that; in the simulator and on threads the time comes. */
static tp_actor_info look_until(tp_actor *self, tp_pid pid, tp_doing doing) {
    tp_actor_info info;
    for (;;) {
        TP_ASSERT_EQ_INT(tp_actor_look(self, pid, SOON, &info), TP_OK);
        if (info.doing == doing) return info;
        tp_sleep(self, TP_MS(1));
    }
}

static void an_idle_actor(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid clerk = tp_spawn_with(self, &clerk_behavior, &(tp_spawn_options){.name = "front desk"});
    tp_actor_info info;
    for (int i = 0; i < 300; i++) TP_ASSERT_EQ_INT(tp_send(self, clerk, number, .n = i), TP_OK);
    settle(self, clerk);
    info = look_until(self, clerk, TP_DOING_IDLE);
    TP_ASSERT(tp_pid_equal(info.pid, clerk));
    TP_ASSERT(tp_str_equal(info.name, TP_STR("front desk")));
    TP_ASSERT(tp_str_equal(info.label, TP_STR("clerk")));
    TP_ASSERT(info.behavior == &clerk_behavior);
    TP_ASSERT_EQ_INT(info.handled, 301);
    TP_ASSERT_EQ_INT(info.mailbox, 0);
    TP_ASSERT_EQ_INT(info.mailbox_limit, 1024);
    TP_ASSERT_EQ_INT(info.state_size, sizeof(struct clerk));
    TP_ASSERT(tp_pid_is_null(info.waits_for));
    TP_ASSERT_EQ_INT(info.links + info.monitors + info.watchers, 0);
    TP_ASSERT(!info.traced && !info.isolated && !info.traps_exits);
    tp_kill(self, clerk);
}

TP_TEST(info, an_idle_actor) {
    everywhere(an_idle_actor);
}

/* A body that waits for a message while others queue up; it is linked and watched. */
static void waits_for_a_word(tp_actor *self, void *arg) {
    word heard;
    (void)arg;
    (void)tp_receive(self, TP_FOREVER, &heard, word);
}

static void relations(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid first, clerk;
    tp_trap_exits(self, true);
    clerk = tp_spawn(self, &clerk_behavior);
    first = tp_spawn_body(self, waits_for_a_word, NULL, &(tp_spawn_options){.link = true});
    TP_ASSERT(tp_monitor(self, first) != 0);
    TP_ASSERT(tp_monitor(self, clerk) != 0);
    for (int i = 0; i < 7; i++) TP_ASSERT_EQ_INT(tp_send(self, first, number, .n = i), TP_OK);
    tp_actor_info info = look_until(self, first, TP_DOING_RECEIVING);
    TP_ASSERT(info.behavior == NULL);
    TP_ASSERT_EQ_INT(info.mailbox, 7);
    TP_ASSERT_EQ_INT(info.links, 1);
    TP_ASSERT_EQ_INT(info.watchers, 1);
    TP_ASSERT(tp_pid_equal(info.parent, tp_self(self)));
    TP_ASSERT_EQ_INT(info.linked.count, 1);
    TP_ASSERT(tp_pid_equal(info.linked.items[0], tp_self(self)));
    TP_ASSERT_EQ_INT(tp_actor_look(self, tp_self(self), SOON, &info), TP_OK);
    TP_ASSERT_EQ_INT(info.links, 1);
    TP_ASSERT_EQ_INT(info.monitors, 2);
    TP_ASSERT_EQ_INT(info.monitored.count, 2);
    TP_ASSERT(info.traps_exits);
    tp_kill(self, clerk);
    tp_kill(self, first);
}

TP_TEST(info, links_monitors_and_what_waits) {
    everywhere(relations);
}

static void waiting_for_others(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid deaf = tp_spawn_body(self, waits_for_a_word, NULL, NULL);
    tp_pid clerk = tp_spawn(self, &clerk_behavior);
    TP_ASSERT_EQ_INT(tp_send(self, clerk, stay, .with = deaf), TP_OK);
    tp_actor_info info = look_until(self, clerk, TP_DOING_CALLING);
    TP_ASSERT(tp_pid_equal(info.waits_for, deaf));
    TP_ASSERT_EQ_INT(info.handled, 1);
    tp_kill(self, deaf);
    look_until(self, clerk, TP_DOING_IDLE);
    tp_kill(self, clerk);
    tp_ref watch = tp_monitor(self, clerk);
    tp_down down;
    TP_ASSERT(watch != 0);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(tp_actor_look(self, clerk, SOON, &info), TP_ENOPROC);
    TP_ASSERT_EQ_INT(info.err, TP_ENOPROC);
}

TP_TEST(info, whom_it_waits_for_and_the_dead) {
    everywhere(waiting_for_others);
}

static void all_of_them(tp_actor *self, void *arg) {
    tp_pid *seen = tp_alloc(self, MANY * 2 * sizeof *seen);
    tp_actor_info *infos = tp_alloc(self, MANY * 2 * sizeof *infos);
    uint32_t cursor = 0;
    size_t count = 0, clerks = 0, page;
    (void)arg;
    TP_ASSERT(seen != NULL && infos != NULL);
    for (int i = 0; i < MANY; i++) TP_ASSERT(!tp_pid_is_null(tp_spawn_link(self, &clerk_behavior)));
    do {
        TP_ASSERT(count + 100 <= MANY * 2);
        page = tp_actors_list(tp_self_runtime(self), &cursor, seen + count, 100);
        count += page;
    } while (page == 100);
    TP_ASSERT(count > MANY);
    TP_ASSERT_EQ_INT(tp_actors_look(self, seen, count, SOON, infos), TP_OK);
    for (size_t i = 0; i < count; i++) {
        TP_ASSERT_EQ_INT(infos[i].err, TP_OK);
        TP_ASSERT(tp_pid_equal(infos[i].pid, seen[i]));
        if (!tp_str_equal(infos[i].label, TP_STR("clerk"))) continue;
        TP_ASSERT(tp_pid_equal(infos[i].parent, tp_self(self)));
        clerks++;
    }
    TP_ASSERT_EQ_INT(clerks, MANY);
    tp_exit(self, TP_EXIT_SHUTDOWN);
}

static void all_body(tp_actor *self, void *arg) {
    tp_pid looker;
    tp_down down;
    tp_ref ref = 0;
    (void)arg;
    looker = tp_spawn_body(self, all_of_them, NULL, &(tp_spawn_options){.monitor = &ref});
    TP_ASSERT(!tp_pid_is_null(looker));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON * 3, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_SHUTDOWN);
}

TP_TEST(info, all_actors_page_by_page) {
    everywhere(all_body);
}

/* A nested supervisor links itself to its parent later: it has one all the same. */
static const tp_supervisor_spec inner = {
    .children = TP_CHILDREN({.id = "b", .behavior = &clerk_behavior, .options.name = "b"})};
static const tp_supervisor_spec tree = {
    .children = TP_CHILDREN({.id = "a", .behavior = &clerk_behavior, .options.name = "a"},
                            {.id = "inner", .supervisor = &inner})};

static void a_tree(tp_actor *self, void *arg) {
    tp_runtime *runtime = tp_self_runtime(self);
    tp_actor_info info;
    tp_pid root;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &root, &tree, NULL), TP_OK);
    TP_ASSERT_EQ_INT(tp_actor_look(self, root, SOON, &info), TP_OK);
    TP_ASSERT(tp_pid_equal(info.parent, tp_self(self)));
    TP_ASSERT_EQ_INT(tp_actor_look(self, tp_whereis(runtime, "a"), SOON, &info), TP_OK);
    TP_ASSERT(tp_pid_equal(info.parent, root));
    TP_ASSERT_EQ_INT(tp_actor_look(self, tp_whereis(runtime, "b"), SOON, &info), TP_OK);
    TP_ASSERT_EQ_INT(tp_actor_look(self, info.parent, SOON, &info), TP_OK);
    TP_ASSERT(tp_str_equal(info.label, TP_STR("supervisor")));
    TP_ASSERT(tp_pid_equal(info.parent, root));
    tp_unlink(self, root);
    tp_kill(self, root);
}

TP_TEST(info, the_parents_of_a_tree) {
    everywhere(a_tree);
}

/* ---- one that does not come back to the library ---- */

static bool let_go;

static void spins(tp_actor *self, void *arg) {
    (void)arg;
    (void)tp_register(self, "spinner");
    while (!__atomic_load_n(&let_go, __ATOMIC_SEQ_CST)) {
    }
}

static void a_busy_actor(tp_actor *self, void *arg) {
    (void)arg;
    tp_actor_info info = {0};
    __atomic_store_n(&let_go, false, __ATOMIC_SEQ_CST);
    tp_pid spinner = tp_spawn_body(self, spins, NULL, NULL);
    while (tp_pid_is_null(tp_whereis(tp_self_runtime(self), "spinner"))) tp_sleep(self, TP_MS(1));
    TP_ASSERT_EQ_INT(tp_actor_look(self, spinner, TP_MS(20), &info), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(info.doing, TP_DOING_BUSY);
    TP_ASSERT(tp_str_equal(info.name, TP_STR("spinner")));
    TP_ASSERT_EQ_INT(info.mailbox_limit, 1024);
    __atomic_store_n(&let_go, true, __ATOMIC_SEQ_CST);
}

TP_TEST(info, one_that_computes_is_busy) {
    run_everywhere(a_busy_actor, NULL);
}

/* ---- while everything happens ---- */

static void comes_and_goes(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < TP_SCALED(300); i++) {
        tp_pid clerk = tp_spawn(self, &clerk_behavior);
        for (int j = 0; j < 10; j++) (void)tp_send(self, clerk, number, .n = j);
        tp_kill(self, clerk);
        if (i % 16 == 0) tp_yield(self);
    }
}

static void in_a_storm(tp_actor *self, void *arg) {
    tp_pid pids[64];
    tp_actor_info infos[64];
    tp_ref refs[4];
    (void)arg;
    for (size_t i = 0; i < 4; i++)
        (void)tp_spawn_body(self, comes_and_goes, NULL, &(tp_spawn_options){.monitor = &refs[i]});
    for (size_t left = 4; left > 0;) {
        uint32_t cursor = 0;
        tp_down down;
        size_t count = tp_actors_list(tp_self_runtime(self), &cursor, pids, 64);
        TP_ASSERT(count > 0);
        TP_ASSERT_EQ_INT(tp_actors_look(self, pids, count, SOON, infos), TP_OK);
        for (size_t i = 0; i < count; i++)
            TP_ASSERT(infos[i].err == TP_OK || infos[i].err == TP_ENOPROC);
        if (tp_receive(self, 0, &down, tp_down) == TP_OK) left--;
    }
}

TP_TEST(info, while_actors_come_and_go) {
    everywhere(in_a_storm);
}

TP_TEST(info, every_doing_has_a_name) {
    for (int i = 0; i < TP_DOING_COUNT; i++) {
        TP_ASSERT(tp_doing_name((tp_doing)i)[0] != '?');
        for (int j = 0; j < i; j++)
            TP_ASSERT(strcmp(tp_doing_name((tp_doing)i), tp_doing_name((tp_doing)j)) != 0);
    }
    TP_ASSERT_EQ_STR(tp_doing_name(TP_DOING_COUNT), "?");
}
