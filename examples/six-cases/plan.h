/*
 * The six cases as the story states them, and a day played by one of them.
 */
#ifndef EXAMPLES_SIX_CASES_PLAN_H
#define EXAMPLES_SIX_CASES_PLAN_H

#include <troupe/troupe.h>

#define CASES 6
#define PAGES 60 /* the report: three hours */
#define PAGE_MINUTES 3
#define LOOKS 64 /* up from a page */
#define MERGE_MINUTES 15

/* Executors are workers: bit 0 is the client, bit 1 the assistant. */
enum { CLIENT = 1, ASSISTANT = 2 };

/* A part of the report and who may do it. */
struct part {
    uint32_t pages;
    uint64_t executor;
};

struct plan {
    const char *name;
    unsigned executors;
    bool account_interruptible; /* while in line */
    bool report_interruptible;
    bool shared;          /* both executors write on one document, merged at the end */
    struct part parts[2]; /* one after the other */
    bool concurrent;      /* what the trace must show */
    bool parallel;
    int total_minutes;
    int account_minutes[2]; /* of each executor's time, as the table says */
    int report_minutes[2];
};

extern const struct plan plans[CASES];

/* One day: what it is given, what came out. */
struct day {
    const struct plan *plan;
    tp_duration hour;
    int64_t entries[PAGES]; /* the account's year, in cents */
    int64_t account_total;
    int64_t report_total;
    bool over;
};

/* The body of the actor that starts the tasks and waits for them; `arg` is a struct day. */
void day_body(tp_actor *self, void *arg);

#endif
