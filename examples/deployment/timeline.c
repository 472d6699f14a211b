/*
 * What happened, in order; questions to it; pictures of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/common/chart.h"
#include "examples/deployment/deployment.h"

#define ROWS_MAX 120
#define IDS 4096

void timeline_add(struct timeline *timeline, const happened *event) {
    if (timeline->count < sizeof timeline->events / sizeof *timeline->events)
        timeline->events[timeline->count++] = *event;
}

const happened *timeline_find(const struct timeline *timeline, size_t from, int what, uint32_t id) {
    for (size_t i = from; i < timeline->count; i++) {
        const happened *event = &timeline->events[i];
        if (event->what == what && (id == 0 || event->id == id)) return event;
    }
    return NULL;
}

size_t timeline_count(const struct timeline *timeline, size_t from, int what) {
    size_t count = 0;
    for (size_t i = from; i < timeline->count; i++) count += timeline->events[i].what == what;
    return count;
}

bool timeline_had(const struct timeline *timeline, size_t from, int what, uint32_t version) {
    for (size_t i = from; i < timeline->count; i++) {
        const happened *event = &timeline->events[i];
        if (event->what == what && event->id != 0 && event->version == version) return true;
    }
    return false;
}

struct rollout timeline_rollout(const struct timeline *timeline, size_t from) {
    struct rollout rollout = {.least = REPLICAS_MAX};
    static bool ready[IDS];
    int all = 0, available = 0;
    memset(ready, 0, sizeof ready);
    for (size_t i = 0; i < timeline->count; i++) {
        const happened *event = &timeline->events[i];
        bool *is = &ready[event->id % IDS];
        switch (event->what) {
        case STARTED: all++; break;
        case ENDED:
        case DIED: all--; break;
        default: break;
        }
        if (event->what == READY) available += !*is, *is = true;
        else if (event->what != STARTED && event->id != 0) {
            bool taken = event->what == RETIRED && *is;
            available -= *is, *is = false;
            if (taken && i >= from && available < rollout.least) rollout.least = available;
        }
        if (i >= from && all > rollout.most) rollout.most = all;
    }
    return rollout;
}

/* ---- pictures ---- */

enum colour { IS_STARTING, IS_READY, IS_UNREADY, IS_FINISHING };
static const char *const keys[] = {"starting", "ready", "not ready", "finishing", NULL};
static const int colours[] = {4, 2, 6, 7}; /* yellow, green, red, grey */
static const char letters[] = ".#-~";

struct picture {
    struct gantt_bar bars[4 * ROWS_MAX + 1024];
    size_t bar_count;
    char names[ROWS_MAX][24];
    const char *rows[ROWS_MAX + 1];
    uint32_t ids[ROWS_MAX];
    int colours[ROWS_MAX]; /* of what it is doing now; -1: nothing any more */
    double since[ROWS_MAX];
    int row_count;
};

static int row_of(struct picture *picture, const happened *event) {
    for (int i = 0; i < picture->row_count; i++)
        if (picture->ids[i] == event->id) return i;
    if (picture->row_count == ROWS_MAX) return -1;
    int row = picture->row_count++;
    snprintf(picture->names[row], sizeof picture->names[row], "%u: v%u", event->id, event->version);
    picture->rows[row] = picture->names[row];
    picture->ids[row] = event->id;
    picture->colours[row] = -1;
    return row;
}

/* Ends what a row was doing, and begins what it does now. */
static void turn_to(struct picture *picture, int row, int colour, double now) {
    int was = picture->colours[row];
    if (was >= 0 && picture->bar_count < sizeof picture->bars / sizeof *picture->bars)
        picture->bars[picture->bar_count++] =
            (struct gantt_bar){row, was, letters[was], picture->since[row], now};
    picture->colours[row] = colour;
    picture->since[row] = now;
}

static int colour_after(const struct picture *picture, int row, int what) {
    switch (what) {
    case STARTED: return IS_STARTING;
    case READY: return IS_READY;
    case UNREADY:
    case HANGS: return IS_UNREADY;
    case RETIRED: return IS_FINISHING;
    case ENDED:
    case DIED: return -1;
    default: return picture->colours[row];
    }
}

void timeline_show(const struct timeline *timeline, const char *folder) {
    static struct picture picture;
    if (timeline->count == 0) return;
    tp_time first = timeline->events[0].at;
    double end = (double)(timeline->events[timeline->count - 1].at - first) / 1e9;
    for (size_t i = 0; i < timeline->count; i++) {
        const happened *event = &timeline->events[i];
        int row = event->id == 0 ? -1 : row_of(&picture, event);
        if (row >= 0)
            turn_to(&picture, row, colour_after(&picture, row, event->what),
                    (double)(event->at - first) / 1e9);
    }
    for (int row = 0; row < picture.row_count; row++) turn_to(&picture, row, -1, end);
    double tick = end > 40 ? 10 : end > 15 ? 5 : 1;
    struct gantt gantt = {.title = "Replicas, each a process: starting ., ready #, not ready -, "
                                   "finishing ~",
                          .unit = "s",
                          .rows = picture.rows,
                          .keys = keys,
                          .colours = colours,
                          .bars = picture.bars,
                          .bar_count = picture.bar_count,
                          .end = end,
                          .cell = tick / 20,
                          .tick = tick};
    while (end / gantt.cell > 120) gantt.cell *= 2;
    printf("\n");
    gantt_print(&gantt);
    gantt.title = "Replicas, each a process of its own";
    gantt_svg(&gantt, folder, "replicas");
}
