/*
 * See scene.h.
 */
#include "tests/unit/supervision/scene.h"

#include <string.h>

struct scene scene;

void note(char what, char letter) {
    if (scene.size + 2 >= sizeof scene.log) return;
    scene.log[scene.size++] = what;
    scene.log[scene.size++] = letter;
    scene.log[scene.size] = 0;
}

void expect_log(const char *expected) {
    char log[sizeof scene.log];
    memcpy(log, scene.log, sizeof log);
    scene.size = 0;
    scene.log[0] = 0;
    TP_ASSERT_EQ_STR(log, expected);
}

/* ---- kids ---- */

struct kid_state {
    struct kid_plan *plan;
    char letter;
    bool leaves;
};

static void kid_init(tp_actor *self, struct kid_state *state, const kid_arguments *msg) {
    struct kid_plan *plan = &scene.kids[msg->letter & 127];
    state->plan = plan;
    state->letter = (char)msg->letter;
    plan->starts++;
    (void)tp_trap_exits(self, true);
    if (plan->starting > 0) (void)tp_sleep(self, plan->starting);
    if (plan->fails > 0) {
        plan->fails--;
        note('!', state->letter);
        tp_exit(self, ABNORMAL);
    }
    if (plan->declines > 0) {
        plan->declines--;
        note('~', state->letter);
        tp_exit(self, TP_EXIT_NORMAL);
    }
    plan->pid = tp_self(self);
    plan->started = tp_now(self);
    note('+', state->letter);
}

static void kid_on_end(tp_actor *self, struct kid_state *state, const kid_end *msg) {
    state->leaves = true;
    tp_exit(self, msg->code);
}

static void kid_on_unlink(tp_actor *self, struct kid_state *state, const kid_unlink *msg) {
    (void)state;
    (void)tp_unlink(self, msg->from);
}

static void kid_terminate(tp_actor *self, struct kid_state *state, const tp_reason *reason) {
    (void)reason;
    if (state->leaves) return;
    note('-', state->letter);
    if (state->plan->stopping > 0) (void)tp_sleep(self, state->plan->stopping);
}

TP_BEHAVIOR(kid_behavior, "kid", struct kid_state, TP_INIT_WITH(kid_arguments, kid_init),
            TP_ON(kid_end, kid_on_end), TP_ON(kid_unlink, kid_on_unlink),
            TP_TERMINATE(kid_terminate));
const tp_behavior *const kid = &kid_behavior;

/* ---- specifications ---- */

/* A script's specifications are gone when it returns, its supervisors only later: these stay. */
static _Alignas(16) unsigned char arena[65536];
static size_t arena_used;

static void *stay(const void *from, size_t size) {
    TP_ASSERT(arena_used + size + 16 <= sizeof arena);
    void *to = arena + arena_used;
    memcpy(to, from, size);
    arena_used += (size + 15) / 16 * 16;
    return to;
}

static const tp_supervisor_spec *stay_tree(const tp_supervisor_spec *from) {
    tp_supervisor_spec *spec = stay(from, sizeof *from);
    size_t count = 0;
    if (from->children == NULL) return spec;
    while (from->children[count].id != NULL) count++;
    tp_child_spec *children = stay(from->children, (count + 1) * sizeof *children);
    for (size_t i = 0; i < count; i++) {
        tp_arguments *arguments = &children[i].arguments;
        if (arguments->type != NULL)
            arguments->value = stay(arguments->value, arguments->type->struct_size);
        if (children[i].supervisor != NULL)
            children[i].supervisor = stay_tree(children[i].supervisor);
    }
    spec->children = children;
    return spec;
}

/* ---- scripts ---- */

static void play(tp_actor *self, void *arg) {
    scene_script script = *(scene_script *)arg;
    (void)tp_trap_exits(self, true);
    script(self);
    scene.finished = true;
}

void scene_run(scene_script script, uint64_t seed) {
    scene_run_on(script, seed, 1);
}

void scene_run_on(scene_script script, uint64_t seed, unsigned workers) {
    tp_sim *sim;
    tp_sim_options options = {.seed = seed, .workers = workers, .choice = TP_SIM_UNIFORM};
    options.runtime.log_level = TP_LOG_OFF;
    memset(&scene, 0, sizeof scene);
    arena_used = 0;
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
    tp_pid player = tp_sim_spawn_body(sim, play, &script, NULL);
    TP_ASSERT(!tp_pid_is_null(player));
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT(scene.finished);
    tp_counters counters;
    tp_runtime_counters(tp_sim_runtime(sim), &counters);
    TP_ASSERT_EQ_INT(counters.spawned - counters.exited, 1); /* the probe */
    tp_sim_free(sim);
}

void settle(tp_actor *self) {
    kid_end never;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_MS(1), &never, kid_end), TP_ETIMEDOUT);
}

tp_pid start(tp_actor *self, const tp_supervisor_spec *spec) {
    tp_pid supervisor;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, stay_tree(spec), NULL), TP_OK);
    return supervisor;
}

void end_kid(tp_actor *self, char letter, int32_t code) {
    if (code == TP_EXIT_KILL) (void)tp_kill(self, scene.kids[letter & 127].pid);
    else (void)tp_send(self, scene.kids[letter & 127].pid, kid_end, .code = code);
    settle(self);
}

bool is_alive(tp_actor *self, char letter) {
    return tp_alive(tp_self_runtime(self), scene.kids[letter & 127].pid);
}

void expect_end(tp_actor *self, tp_pid supervisor, int32_t code) {
    tp_exited exited;
    TP_ASSERT_EQ_INT(tp_receive(self, TP_SECONDS(1), &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, supervisor));
    TP_ASSERT_EQ_INT(exited.code, code);
}

tp_child_status status_of(tp_actor *self, tp_pid supervisor, const char *id) {
    tp_child_info all[64];
    size_t count = 0;
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, all, 64, &count), TP_OK);
    for (size_t i = 0; i < count && i < 64; i++)
        if (tp_str_equal(all[i].id, tp_str_of(id))) return all[i].status;
    TP_ASSERT_MSG(false, "there is no child %s", id);
    return TP_CHILD_IS_STOPPED;
}

size_t children_of(tp_actor *self, tp_pid supervisor) {
    size_t count = 0;
    TP_ASSERT_EQ_INT(tp_supervisor_which_children(self, supervisor, NULL, 0, &count), TP_OK);
    return count;
}
