/*
 * Crash reports as messages, dead letters, and a fault that ends one actor instead of the program.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

/* ---- a reader of pictures that trusts its input too much ---- */

TP_MESSAGE(measure, TP_FIELD(bin, picture))
TP_MESSAGE(size, TP_FIELD(i32, lines), TP_FIELD(i32, columns))

struct reader {
    int pictures;
};

static void on_measure(tp_actor *self, struct reader *reader, const measure *msg) {
    const uint8_t *bytes = msg->picture.data;
    reader->pictures++;
    int pixels = bytes[0], columns = bytes[1];
    if (columns == 0 && !tp_contains_faults(tp_self_runtime(self)))
        tp_exit(self, TP_EXIT_FAULT); /* under a sanitizer the next line would end the program */
    if (columns == 0) abort();        /* what a careless check does */
    tp_reply(self, size, .lines = pixels / columns, .columns = columns);
}

TP_BEHAVIOR(reader_behavior, "reader", struct reader, TP_ON(measure, on_measure));

TP_MESSAGE(late)

/* ---- one bad picture among good ones ---- */

static bool measure_one(tp_actor *self, tp_pid reader, uint8_t pixels, uint8_t columns) {
    uint8_t picture[2] = {pixels, columns};
    size got;
    tp_err err = tp_call(self, reader, PLENTY, &got, size, measure, .picture = {picture, 2});
    if (err == TP_OK) printf("%" PRId32 " lines of %" PRId32 "\n", got.lines, got.columns);
    else printf("no answer: %s\n", tp_err_name(err));
    return err == TP_OK;
}

static void main_actor(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    tp_crash_report report;
    tp_dead_letter letter;
    (void)arg;
    tp_crash_subscribe(self);
    tp_spawn_options options = {.contain = true, .monitor = &ref};
    tp_pid reader = tp_spawn_with(self, &reader_behavior, &options);
    measure_one(self, reader, 12, 4);
    measure_one(self, reader, 12, 0);
    if (tp_receive(self, PLENTY, &report, tp_crash_report) == TP_OK)
        printf("%.*s crashed (%s) while it handled %.*s\n", (int)report.behavior.size,
               report.behavior.data, tp_exit_code_name(report.code), (int)report.message.size,
               report.message.data);
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK)
        printf("its monitor hears: %s\n", tp_exit_code_name(down.code));

    tp_dead_letter_subscribe(self);
    tp_send(self, reader, late); /* nobody is there */
    if (tp_receive(self, PLENTY, &letter, tp_dead_letter) == TP_OK)
        printf("dead letter: %.*s\n", (int)letter.text.size, letter.text.data);

    reader = tp_spawn_with(self, &reader_behavior, &options); /* what a supervisor does */
    measure_one(self, reader, 12, 3);
}

int main(void) {
    tp_options quiet = {.log_level = TP_LOG_OFF};
    return tp_run_with(&quiet, main_actor, NULL);
}
