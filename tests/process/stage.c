/* See stage.h. */
#include "tests/process/stage.h"

static void quiet(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

void run_isolated(tp_body body) {
    static const unsigned workers[] = {1, 3};
    int before = open_descriptors();
    tp_zygote *zygote;
    TP_ASSERT_EQ_INT(tp_zygote_start(&zygote), TP_OK);
    for (size_t i = 0; i < 2; i++) {
        tp_options options = {.workers = workers[i], .zygote = zygote, .log_hook = quiet};
        int meanwhile = open_descriptors();
        TP_ASSERT_EQ_INT(tp_run_with(&options, body, NULL), 0);
        TP_ASSERT_EQ_INT(open_descriptors(), meanwhile);
    }
    tp_zygote_stop(zygote);
    TP_ASSERT(!has_child());
    TP_ASSERT_EQ_INT(open_descriptors(), before);
}
