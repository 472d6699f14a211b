/*
 * Random trees, random ends, random requests, against a model of OTP's algorithm that is written
 * apart from the supervisor: plain arrays, one step after the other, a list of all restarts.
 */
#include "tests/unit/supervision/scene.h"

#include <stdio.h>
#include <string.h>

#ifdef __SANITIZE_THREAD__
#define SEEDS 50 /* one thread: nothing to find but patience */
#else
#define SEEDS 2500
#endif
#define STEPS 25
#define LETTERS 8

/* ---- the model ---- */

struct model_kid {
    char letter;
    tp_restart restart;
    bool significant;
    tp_child_status status;
};
static struct {
    tp_supervisor_strategy strategy;
    tp_auto_shutdown when;
    uint32_t intensity;
    int64_t period; /* seconds */
    struct model_kid kids[LETTERS];
    size_t count;
    int64_t restarts[1024]; /* every one, in seconds */
    size_t restart_count;
    bool over;
    int fails[128], declines[128];
    char log[1024];
    size_t log_size;
} model;

static void model_note(char what, char letter) {
    TP_ASSERT(model.log_size + 2 < sizeof model.log);
    model.log[model.log_size++] = what;
    model.log[model.log_size++] = letter;
    model.log[model.log_size] = 0;
}

static size_t model_find(char letter) {
    for (size_t i = 0; i < model.count; i++)
        if (model.kids[i].letter == letter) return i;
    return LETTERS;
}

static void model_remove(size_t at) {
    memmove(&model.kids[at], &model.kids[at + 1], (model.count - at - 1) * sizeof model.kids[0]);
    model.count--;
}

/* False: its init fails. */
static bool model_start(struct model_kid *of) {
    int letter = of->letter & 127;
    of->status = TP_CHILD_IS_STOPPED;
    if (model.fails[letter] > 0) {
        model.fails[letter]--;
        model_note('!', of->letter);
        return false;
    }
    if (model.declines[letter] > 0) {
        model.declines[letter]--;
        model_note('~', of->letter);
        return true;
    }
    of->status = TP_CHILD_IS_RUNNING;
    model_note('+', of->letter);
    return true;
}

static void model_stop(struct model_kid *of) {
    if (of->status == TP_CHILD_IS_RUNNING) model_note('-', of->letter);
    of->status = TP_CHILD_IS_STOPPED;
}

static void model_end(void) {
    for (size_t i = model.count; i-- > 0;) model_stop(&model.kids[i]);
    model.over = true;
}

static bool model_admits(int64_t now) {
    size_t counted = 1; /* this one */
    for (size_t i = 0; i < model.restart_count; i++)
        counted += model.restarts[i] >= now - model.period;
    model.restarts[model.restart_count++] = now;
    return counted <= model.intensity;
}

/* One attempt from `letter` on; the letter of the one that did not start, 0: none. */
static char model_attempt(char letter) {
    size_t at = model_find(letter);
    if (model.strategy == TP_ONE_FOR_ONE) return model_start(&model.kids[at]) ? 0 : letter;
    size_t first = model.strategy == TP_ONE_FOR_ALL ? 0 : at;
    for (size_t i = model.count; i-- > first;) {
        bool goes = model.kids[i].restart == TP_TEMPORARY && model.kids[i].letter != letter;
        model_stop(&model.kids[i]);
        if (goes) model_remove(i);
    }
    first = model.strategy == TP_ONE_FOR_ALL ? 0 : model_find(letter);
    for (size_t i = first; i < model.count; i++)
        if (!model_start(&model.kids[i])) return model.kids[i].letter;
    return 0;
}

static void model_restart(char letter, int64_t now) {
    while (letter != 0) {
        if (!model_admits(now)) {
            model.kids[model_find(letter)].status = TP_CHILD_IS_STOPPED;
            model_end();
            return;
        }
        letter = model_attempt(letter);
    }
}

static void model_ended(char letter, int32_t code, int64_t now) {
    size_t at = model_find(letter);
    struct model_kid *of = &model.kids[at];
    bool ordinary = code == TP_EXIT_NORMAL || code == TP_EXIT_SHUTDOWN;
    bool significant = of->significant;
    of->status = TP_CHILD_IS_STOPPED;
    if (of->restart == TP_PERMANENT || (of->restart == TP_TRANSIENT && !ordinary)) {
        model_restart(letter, now);
        return;
    }
    if (of->restart == TP_TEMPORARY) model_remove(at);
    if (!significant || model.when == TP_AUTO_SHUTDOWN_NEVER) return;
    bool others = false;
    for (size_t i = 0; i < model.count; i++)
        others |= model.kids[i].significant && model.kids[i].status == TP_CHILD_IS_RUNNING;
    if (model.when == TP_AUTO_SHUTDOWN_ANY || !others) model_end();
}

static tp_child_result model_terminate(char letter) {
    size_t at = model_find(letter);
    if (at == LETTERS) return TP_CHILD_NOT_FOUND;
    model_stop(&model.kids[at]);
    if (model.kids[at].restart == TP_TEMPORARY) model_remove(at);
    return TP_CHILD_OK;
}

static tp_child_result model_idle(char letter) {
    size_t at = model_find(letter);
    if (at == LETTERS) return TP_CHILD_NOT_FOUND;
    return model.kids[at].status == TP_CHILD_IS_RUNNING ? TP_CHILD_RUNNING : TP_CHILD_OK;
}

static tp_child_result model_add(struct model_kid new) {
    size_t at = model_find(new.letter);
    if (at != LETTERS)
        return model.kids[at].status == TP_CHILD_IS_RUNNING ? TP_CHILD_ALREADY_STARTED
                                                            : TP_CHILD_ALREADY_PRESENT;
    if (!model_start(&new)) return TP_CHILD_START_FAILED;
    if (new.status == TP_CHILD_IS_RUNNING || new.restart != TP_TEMPORARY)
        model.kids[model.count++] = new;
    return TP_CHILD_OK;
}

/* ---- the real one beside it ---- */

static const char *const names[LETTERS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static const char *failure; /* what differed, of this seed */
static char failure_text[1400];

static uint64_t draw(tp_actor *self, uint64_t below) {
    return tp_random(self) % below;
}

static struct model_kid draw_kid(tp_actor *self, size_t at) {
    struct model_kid of = {.letter = names[at][0], .restart = (tp_restart)draw(self, 3)};
    of.significant =
        of.restart != TP_PERMANENT && model.when != TP_AUTO_SHUTDOWN_NEVER && draw(self, 4) == 0;
    return of;
}

static tp_child_spec spec_of(const struct model_kid *of, const kid_arguments *arguments) {
    return (tp_child_spec){.id = names[of->letter - 'a'],
                           .behavior = kid,
                           .arguments = {&kid_arguments_message, arguments},
                           .restart = of->restart,
                           .significant = of->significant};
}

static void plan_trouble(tp_actor *self, char letter) {
    int fails = (int)draw(self, 3) + 1, declines = draw(self, 4) == 0;
    scene.kids[letter & 127].fails = model.fails[letter & 127] = fails;
    scene.kids[letter & 127].declines = model.declines[letter & 127] = declines;
}

static void end_one(tp_actor *self, char letter) {
    static const int32_t codes[] = {TP_EXIT_NORMAL, TP_EXIT_SHUTDOWN, ABNORMAL, TP_EXIT_KILL};
    int32_t code = codes[draw(self, 4)];
    size_t at = model_find(letter);
    if (at == LETTERS || model.kids[at].status != TP_CHILD_IS_RUNNING) return;
    model_ended(letter, code, tp_now(self) / TP_SECONDS(1));
    end_kid(self, letter, code);
}

static bool same_result(tp_actor *self, tp_pid supervisor, char letter) {
    const char *id = names[letter - 'a'];
    tp_child_result expected = model_idle(letter);
    size_t at = model_find(letter);
    switch (draw(self, 4)) {
    case 0:
        expected = model_terminate(letter);
        return tp_supervisor_terminate_child(self, supervisor, id) == expected;
    case 1:
        if (expected == TP_CHILD_OK && !model_start(&model.kids[at]))
            expected = TP_CHILD_START_FAILED;
        return tp_supervisor_restart_child(self, supervisor, id, NULL) == expected;
    case 2:
        if (expected == TP_CHILD_OK) model_remove(at);
        return tp_supervisor_delete_child(self, supervisor, id) == expected;
    default: {
        struct model_kid new = draw_kid(self, (size_t)(letter - 'a'));
        kid_arguments arguments = {.letter = (uint8_t)letter};
        tp_child_spec spec = spec_of(&new, &arguments);
        expected = model_add(new);
        return tp_supervisor_start_child(self, supervisor, &spec, NULL) == expected;
    }
    }
}

static const char *compare(tp_actor *self, tp_pid supervisor) {
    tp_child_info all[LETTERS];
    size_t count;
    if (strcmp(scene.log, model.log) != 0) return "other events";
    if (tp_alive(tp_self_runtime(self), supervisor) == model.over) return "ended, or not";
    if (model.over) return NULL;
    if (tp_supervisor_which_children(self, supervisor, all, LETTERS, &count) != TP_OK)
        return "no answer";
    if (count != model.count) return "another number of children";
    for (size_t i = 0; i < count; i++)
        if (all[i].id.data[0] != model.kids[i].letter || all[i].status != model.kids[i].status)
            return "other children";
    return NULL;
}

static bool step(tp_actor *self, tp_pid supervisor) {
    char letter = names[draw(self, LETTERS)][0];
    bool same = true;
    scene.size = model.log_size = 0;
    scene.log[0] = model.log[0] = 0;
    switch (draw(self, 6)) {
    case 0: plan_trouble(self, letter); break;
    case 1: same = same_result(self, supervisor, letter); break;
    case 2: TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(draw(self, 4000))), TP_OK); break;
    default: end_one(self, letter); break;
    }
    failure = same ? compare(self, supervisor) : "another result";
    return failure == NULL && !model.over;
}

static void draw_model(tp_actor *self) {
    memset(&model, 0, sizeof model);
    model.strategy = (tp_supervisor_strategy)draw(self, 3);
    model.when = (tp_auto_shutdown)draw(self, 3);
    model.intensity = (uint32_t)draw(self, 8) + 1;
    model.period = (int64_t)draw(self, 6) + 1;
    model.count = draw(self, LETTERS);
    for (size_t i = 0; i < model.count; i++) model.kids[i] = draw_kid(self, i);
}

static void play(tp_actor *self, void *arg) {
    tp_child_spec specs[LETTERS + 1] = {{.id = NULL}};
    kid_arguments arguments[LETTERS];
    tp_pid supervisor;
    (void)arg;
    (void)tp_trap_exits(self, true);
    draw_model(self);
    for (size_t i = 0; i < model.count; i++) {
        arguments[i].letter = (uint8_t)model.kids[i].letter;
        specs[i] = spec_of(&model.kids[i], &arguments[i]);
        (void)model_start(&model.kids[i]);
    }
    tp_supervisor_spec spec = {.strategy = model.strategy,
                               .intensity = model.intensity,
                               .period = TP_SECONDS(model.period),
                               .auto_shutdown = model.when,
                               .children = specs};
    if (tp_supervisor_start(self, &supervisor, &spec, NULL) != TP_OK) failure = "no start";
    else failure = compare(self, supervisor);
    for (int i = 0; failure == NULL && i < STEPS; i++)
        if (!step(self, supervisor)) break;
    (void)tp_send_exit(self, supervisor, TP_EXIT_SHUTDOWN);
    expect_end(self, supervisor, TP_EXIT_SHUTDOWN); /* before what it was made of is gone */
    scene.finished = true;
}

static const char *scenario(tp_sim *sim, void *arg) {
    (void)arg;
    memset(&scene, 0, sizeof scene);
    failure = NULL;
    (void)tp_sim_spawn_body(sim, play, NULL, NULL);
    if (tp_sim_run(sim) != TP_OK) return "the run did not end";
    if (!scene.finished) return "the script did not end";
    if (failure == NULL) return NULL;
    (void)snprintf(failure_text, sizeof failure_text, "%s: is %.600s, expected %.600s", failure,
                   scene.log, model.log);
    return failure_text;
}

TP_TEST(model, random_trees_do_as_otp_s_algorithm_says) {
    for (int choice = TP_SIM_UNIFORM; choice <= TP_SIM_PCT; choice++) {
        tp_sim_options options = {.workers = 2, .choice = (tp_sim_choice)choice};
        uint64_t failed = 0;
        options.runtime.log_level = TP_LOG_OFF;
        tp_err err = tp_sim_seeds(1, SEEDS, &options, scenario, NULL, &failed);
        TP_ASSERT_MSG(err == TP_OK, "seed %llu", (unsigned long long)failed);
    }
}
