/*
 * The parts of the program.
 */
#ifndef EXAMPLES_FUTURES_FUTURES_H
#define EXAMPLES_FUTURES_FUTURES_H

#include <troupe/isolate.h>
#include <troupe/troupe.h>

#include "examples/common/story.h"

#if defined(__SANITIZE_THREAD__)
#define NO_PROCESSES 1 /* ThreadSanitizer does not follow a process that copies itself */
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_PROCESSES 1
#endif
#endif

#define TEXT_MAX 200
#define NAME_MAX_OF_HELM 64 /* 63 characters and the end */

/* ---- runs ---- */

/* What every run of a part is given. */
struct stage {
    struct story *story;
    tp_zygote *zygote; /* NULL: no isolated workers */
};

/* A runtime of its own with `body` in it, to the body's end; checks that it ends, and that neither
 * a process nor a descriptor is left of it. */
void stage_run(const struct stage *stage, const char *name, tp_body body, void *arg);
int64_t now_us(void);

/* ---- what is held (held.c) ---- */

struct held {
    int64_t processes;   /* children of this process, zombies too */
    int64_t descriptors; /* open */
    int64_t actors;      /* alive: groups of tasks, tasks, ports, isolated ones */
};

/* Reads /proc and the runtime's counters; without a runtime there are no actors. */
struct held held_now(tp_runtime *runtime);
bool held_more(const struct held *now, const struct held *before);
/* What is held when the first use of everything is over: what ends has ended, and what the runtime
 * opened for itself is open. */
struct held held_after_warm_up(tp_actor *self, const struct held *before);
/* Checks that no more is held than before: ends are waited for, twenty seconds at most. */
bool held_check(tp_actor *self, struct story *story, const struct held *before, const char *name);

/* ---- the parts ---- */

/* Serves five pages until a signal. */
int serve_pages(unsigned port);
/* The tutorial: five URLs, five workers. */
void show_pages(const struct stage *stage);
/* Work on threads and in processes behind one interface, and all that may happen to it. */
void show_places(const struct stage *stage, int64_t primes_below);

/* What the job is. */
struct job_options {
    const char *helm; /* the program; "": the stand-in beside this one */
    const char *spaces;
    int64_t releases;
    int64_t namespaces;
    int64_t limit;     /* at once in all */
    int64_t per_space; /* at once in a namespace */
    int64_t timeout_ms;
    int64_t dry;
};
/* The job with the stand-in: one by one, then concurrently; then its failures. */
void show_job(const struct stage *stage, const struct job_options *options);
/* Cancelled, killed, first error, no such program: nothing is left. */
void show_failures(const struct stage *stage, const struct job_options *options);
/* The job with a real helm: every release of the namespaces that are named. */
void run_job(const struct stage *stage, const struct job_options *options);

#endif
