/*
 * The progress reporter.
 */
#include "actors/bank/progress.h"

#include <stdio.h>
#include <troupe/call.h>
#include <troupe/timer.h>

#define WIDTH 40
#define REDRAW_AFTER TP_MS(50)

struct progress {
    uint64_t total;
    uint64_t count;
    tp_time drawn;
    bool draw;
    char label[24];
};

static void on_start(tp_actor *self, struct progress *progress, const bank_progress_start *start) {
    (void)self;
    progress->total = start->total > 0 ? start->total : 1;
    progress->draw = start->draw;
    snprintf(progress->label, sizeof progress->label, "%.*s", (int)start->label.size,
             start->label.data);
}

static void bar_draw(const struct progress *progress) {
    uint64_t count = progress->count < progress->total ? progress->count : progress->total;
    uint64_t filled = count * WIDTH / progress->total;
    char bar[WIDTH + 1];
    for (uint64_t i = 0; i < WIDTH; i++) bar[i] = i < filled ? '#' : '.';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3u%%", progress->label, bar,
            (unsigned)(count * 100 / progress->total));
    fflush(stderr);
}

static void on_step(tp_actor *self, struct progress *progress, const bank_step *msg) {
    progress->count += msg->count;
    if (!progress->draw) return;
    tp_time now = tp_now(self);
    if (progress->drawn != 0 && now - progress->drawn < REDRAW_AFTER) return;
    progress->drawn = now;
    bar_draw(progress);
}

static void on_end(tp_actor *self, struct progress *progress, const bank_progress_end *msg) {
    (void)msg;
    if (progress->drawn != 0) fprintf(stderr, "\r\033[K");
    progress->drawn = 0;
    tp_reply(self, bank_step, .count = progress->count);
}

TP_BEHAVIOR(progress_behavior, "bank.progress", struct progress,
            TP_INIT_WITH(bank_progress_start, on_start), TP_ON(bank_step, on_step),
            TP_ON(bank_progress_end, on_end));

const tp_behavior *const bank_progress = &progress_behavior;
