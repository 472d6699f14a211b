/*
 * What the tests of supervisors share: kids that do as they are told and write down what happens to
 * them, and a script that runs as an actor in the simulator.
 *
 * What is written: +a started, !a its init failed, ~a its init declined, -a was asked to stop.
 */
#ifndef TP_TESTS_SUPERVISION_SCENE_H
#define TP_TESTS_SUPERVISION_SCENE_H

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(kid_arguments, TP_FIELD(u8, letter))
TP_MESSAGE(kid_end, TP_FIELD(i32, code))
TP_MESSAGE(kid_unlink, TP_FIELD(pid, from))

#define ABNORMAL (TP_EXIT_USER + 1)

/* What is known of a kid, and what the test wants of it; by letter. */
struct kid_plan {
    tp_pid pid;
    int fails;            /* its next starts fail */
    int declines;         /* its next starts decline */
    tp_duration starting; /* its init takes so long */
    tp_duration stopping; /* its terminate takes so long */
    tp_time started;      /* last */
    int starts;
    int dies_within; /* its end when asked to stop is another: a code */
};
struct scene {
    struct kid_plan kids[128];
    char log[4096];
    size_t size;
    bool finished;
};
extern struct scene scene;
extern const tp_behavior *const kid;

#define KID(name, ...)                                                                             \
    {                                                                                              \
        .id = #name, .behavior = kid,                                                              \
        .arguments = TP_ARGUMENTS(kid_arguments, .letter = (uint8_t)(#name)[0]), __VA_ARGS__       \
    }

void note(char what, char letter);
/* Fails the test unless just this has happened since the last look. */
void expect_log(const char *expected);

typedef void (*scene_script)(tp_actor *self);
/* Runs a script, which traps exits, in a new simulator, to the end of everything. */
void scene_run(scene_script script, uint64_t seed);
/* With more workers than one: whoever works (tp_work) does not hold the others up. */
void scene_run_on(scene_script script, uint64_t seed, unsigned workers);
/* A test whose body is a script. */
#define SCENE(suite, name)                                                                         \
    static void suite##_##name##_script(tp_actor *self);                                           \
    TP_TEST(suite, name) {                                                                         \
        scene_run(suite##_##name##_script, 1);                                                     \
    }                                                                                              \
    static void suite##_##name##_script(tp_actor *self)

/* Everything that can happen without time passing has happened. */
void settle(tp_actor *self);
tp_pid start(tp_actor *self, const tp_supervisor_spec *spec);
/* The kid ends with this code; then everything settles. */
void end_kid(tp_actor *self, char letter, int32_t code);
bool is_alive(tp_actor *self, char letter);
/* The supervisor has ended with this code. */
void expect_end(tp_actor *self, tp_pid supervisor, int32_t code);
tp_child_status status_of(tp_actor *self, tp_pid supervisor, const char *id);
size_t children_of(tp_actor *self, tp_pid supervisor);

#endif
