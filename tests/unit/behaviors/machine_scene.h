/*
 * A machine that does what a script says, and a log of what happened: each test is a script, the
 * messages that are sent, and the log that gen_statem gives for the same.
 *
 * Every event is an `ev` with a name; the script says what its handler does. States: s1 (first),
 * s2, s3; and in: on with its parts low and high, off.
 *     post       postpone            >s2     next state           rep     repeat the state
 *     +x         insert event x      s20:x   state timeout, 20 ms, event x; also e, and n and m
 *     s-         cancel              s*:x    update               sF:x    forever
 *     reply      answer the call     up      to the parent        exit    end normally
 * The log: "x@s1 " for an event, "s1/s2 " for leaving s1 for s2, "s2\\s1 " for entering s2 from s1.
 */
#ifndef MACHINE_SCENE_H
#define MACHINE_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(ev, TP_FIELD(str, name))
TP_MESSAGE(done, TP_FIELD(str, name))

/* What the handler of an event does the first time, and (NULL: the same) every other time. */
struct line {
    const char *name, *first, *then;
};

/* A script ends with a line without a name. */
struct scene {
    const struct line *script;
    const char *init, *on_enter;
};

static struct scene scene; /* of the test that runs: the simulator has one thread */
static char story[2048];
static bool seen[64];

struct actor_data {
    int unused;
    tp_machine *machine;
};

TP_STATES(s1, s2, s3, on, off, low, high);

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...) {
    size_t used = strlen(story);
    va_list args;
    va_start(args, format);
    vsnprintf(story + used, sizeof story - used, format, args);
    va_end(args);
}

static const tp_state *state_named(const char *name) {
    const tp_state *all[] = {&s1, &s2, &s3, &on, &off, &low, &high};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0) return all[i];
    return NULL;
}

static void set_timeout(tp_machine *machine, const char *what) {
    tp_timeout_kind kind = what[0] == 's'   ? TP_TIMEOUT_STATE
                           : what[0] == 'e' ? TP_TIMEOUT_EVENT
                                            : TP_TIMEOUT_NAMED;
    char name[] = {what[0], 0};
    const char *content = strchr(what, ':');
    if (content == NULL) {
        tp_cancel_timeout(machine, kind, name);
        return;
    }
    tp_duration span = what[1] == '*'   ? TP_UPDATE
                       : what[1] == 'F' ? TP_FOREVER
                                        : TP_MS(strtol(what + 1, NULL, 10));
    ev event = {.name = tp_str_of(content + 1)};
    tp_timeout_value(machine, kind, name, span, &ev_message, &event);
}

static void act(tp_actor *self, tp_machine *machine, const char *what) {
    if (strcmp(what, "post") == 0) tp_postpone_event(machine);
    else if (strcmp(what, "rep") == 0) tp_repeat_state(machine);
    else if (strcmp(what, "up") == 0) tp_to_parent(machine);
    else if (strcmp(what, "exit") == 0) tp_exit(self, TP_EXIT_NORMAL);
    else if (strcmp(what, "reply") == 0)
        tell("%s", tp_reply(self, done, .name = tp_str_of(tp_machine_state(machine)->name)) == TP_OK
                       ? ""
                       : "(none) ");
    else if (what[0] == '>') tp_next_state(machine, state_named(what + 1));
    else if (what[0] == '+') tp_next_event(machine, ev, .name = tp_str_of(what + 1));
    else set_timeout(machine, what);
}

static void act_all(tp_actor *self, tp_machine *machine, const char *script) {
    char words[256], *rest = words;
    if (script == NULL) return;
    snprintf(words, sizeof words, "%s", script);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        act(self, machine, word);
}

static void on_ev(tp_actor *self, struct actor_data *data, const ev *msg) {
    tell("%.*s@%s ", (int)msg->name.size, msg->name.data, tp_machine_state(data->machine)->name);
    for (const struct line *line = scene.script; line->name != NULL; line++) {
        if (!tp_str_equal(msg->name, tp_str_of(line->name))) continue;
        size_t index = (size_t)(line - scene.script);
        const char *script = seen[index] && line->then != NULL ? line->then : line->first;
        seen[index] = true;
        act_all(self, data->machine, script);
        return;
    }
}
static void on_outer(tp_actor *self, struct actor_data *data, const ev *msg) {
    tell("on:");
    on_ev(self, data, msg);
}
static void entered(tp_actor *self, struct actor_data *data, const tp_state *from) {
    tell("%s\\%s ", tp_machine_state(data->machine)->name, from->name);
    act_all(self, data->machine, scene.on_enter);
}
static void on_entered(tp_actor *self, struct actor_data *data, const tp_state *from) {
    (void)self, (void)data;
    tell("on\\%s ", from->name);
}
static void left(tp_actor *self, struct actor_data *data, const tp_state *to) {
    (void)self;
    tell("%s/%s ", tp_machine_state(data->machine)->name, to->name);
}
static void on_left(tp_actor *self, struct actor_data *data, const tp_state *to) {
    (void)self, (void)data;
    tell("on/%s ", to->name);
}
static void begin(tp_actor *self, struct actor_data *data) {
    act_all(self, data->machine, scene.init);
}
static void at_end(tp_actor *self, struct actor_data *data, const tp_reason *reason) {
    (void)self;
    tell("end:%s:%d ", tp_machine_state(data->machine)->name, (int)reason->code);
}

TP_STATE(s1, struct actor_data, TP_ON(ev, on_ev), TP_ENTER(entered));
TP_STATE(s2, struct actor_data, TP_ON(ev, on_ev), TP_ENTER(entered));
TP_STATE(s3, struct actor_data, TP_ON(ev, on_ev), TP_ENTER(entered));
TP_STATE(on, struct actor_data, TP_ON(ev, on_outer), TP_ENTER(on_entered), TP_LEAVE(on_left));
TP_STATE(low, struct actor_data, TP_PARENT(on), TP_ENTER(entered), TP_LEAVE(left));
TP_STATE(high, struct actor_data, TP_ON(ev, on_ev), TP_PARENT(on), TP_ENTER(entered),
         TP_LEAVE(left));
TP_STATE(off, struct actor_data, TP_ON(ev, on_ev), TP_ENTER(entered), TP_LEAVE(left));
TP_MACHINE(scripted, "scripted", struct actor_data, s1, TP_INIT(begin), TP_TERMINATE(at_end));

static tp_sim *open_scene(struct scene with) {
    tp_sim *sim;
    tp_sim_options options = {.seed = 1, .choice = TP_SIM_FIFO};
    options.runtime.log_level = TP_LOG_OFF;
    scene = with;
    story[0] = 0;
    memset(seen, 0, sizeof seen);
    TP_ASSERT_EQ_INT(tp_sim_new(&sim, &options), TP_OK);
    return sim;
}

/* Sends the names (in one string) before the machine has begun. */
static tp_pid send_all(tp_sim *sim, const char *names) {
    char words[256], *rest = words;
    tp_pid actor = tp_sim_spawn(sim, &scripted);
    snprintf(words, sizeof words, "%s", names);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        TP_ASSERT_EQ_INT(tp_sim_send(sim, actor, ev, .name = tp_str_of(word)), TP_OK);
    return actor;
}

/* Plays it to the end: nothing is left to come. */
static void play(struct scene with, const char *names, const char *expected) {
    tp_sim *sim = open_scene(with);
    (void)send_all(sim, names);
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    char got[sizeof story];
    memcpy(got, story, sizeof got);
    tp_sim_free(sim);
    TP_ASSERT_EQ_STR(got, expected);
}

#define SCENE(...)                                                                                 \
    ((struct scene){.script = (const struct line[]){__VA_ARGS__, {NULL, NULL, NULL}}})

#endif
