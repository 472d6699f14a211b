/*
 * The job: releases to remove, and what became of each.
 */
#ifndef EXAMPLES_FUTURES_JOB_H
#define EXAMPLES_FUTURES_JOB_H

#include <stddef.h>

#include "examples/futures/helm.h"

/* What a release of the stand-in does when it is removed. */
enum kind { FINE, SLOW, FAILING, CRASHING, HANGING, STUBBORN, KINDS };

struct release {
    char space[NAME_MAX_OF_HELM];
    char name[NAME_MAX_OF_HELM];
    enum kind kind;
    int64_t takes_ms;
    size_t row; /* of its namespace */
    /* what became of it */
    enum removal_end end;
    int signal;
    char text[TEXT_MAX];
    int64_t submitted;       /* its number in the order of submission */
    int64_t begun, began_us; /* how often, and when: the journal */
    int64_t took_us, ended_us;
    bool left; /* it is still listed */
};

struct job {
    struct story *story;
    const struct job_options *options;
    const char *name;
    char helm[4096];
    char store[64]; /* of the stand-in */
    struct release *releases;
    size_t count;
    uint32_t limit, per_space;
    tp_duration timeout;
    bool strict;
    int64_t began_us, ended_us;
    size_t ends[4]; /* by removal_end */
};

/* ---- the stand-in's releases (plan.c) ---- */

/* The path of the stand-in, which is beside this program. */
bool plan_helm(char *path, size_t size);
/* Releases with kinds and times that depend on the seed alone; false: no memory. */
bool plan_make(struct job *job, uint64_t seed, int64_t count, int64_t namespaces);
/* A new store, which the programs started from now on will use; call it while no runtime runs. */
bool plan_store(struct job *job);
void plan_store_remove(const struct job *job);
/* Installs all of them in the store; true: each is there. */
bool plan_install(tp_actor *self, const struct job *job);
/* Reads when each was begun, from the journal. */
bool plan_journal(struct job *job);

/* ---- the work (job.c) ---- */

/* Submits the removal of all, in their order. */
tp_pid job_submit(tp_actor *self, struct job *job, bool first_error);
/* Takes one outcome; false: it is none of the job's. */
bool job_take(tp_actor *self, struct job *job, const tp_task_outcome *outcome);

#endif
