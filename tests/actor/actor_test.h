/*
 * What the tests of actors share: messages, and a run of a main actor on one, two and eight
 * workers.
 */
#ifndef ACTOR_TEST_H
#define ACTOR_TEST_H

#include <stdio.h>
#include <string.h>

#include <troupe/troupe.h>

#include "tests/support/test.h"

TP_MESSAGE(number, TP_FIELD(i64, n))
TP_MESSAGE(word, TP_FIELD(str, text))
TP_MESSAGE(ask)
TP_MESSAGE(answer, TP_FIELD(i64, n))
TP_MESSAGE(tell, TP_FIELD(pid, who), TP_FIELD(i64, n))

#define SOON TP_SECONDS(20) /* far more than anything here takes */

static void quiet(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

/* Runs a body as the main actor with 1, 2 and 8 workers; it must end well. */
__attribute__((unused)) static void run_everywhere(tp_body body, void *arg) {
    static const unsigned workers[] = {1, 2, 8};
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        tp_options options = {.workers = workers[i], .max_actors = 1u << 20, .log_hook = quiet};
        TP_ASSERT_EQ_INT(tp_run_with(&options, body, arg), 0);
    }
}

#endif
