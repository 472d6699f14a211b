/*
 * The releases of the stand-in: which there are, how their removal goes, where they are kept.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examples/futures/job.h"

#define INSTALLS 4 /* at once */

static const char *const words[KINDS] = {"done", "done", "fail", "crash", "hang", "stubborn"};

bool plan_helm(char *path, size_t size) {
    ssize_t used = readlink("/proc/self/exe", path, size - 1);
    if (used <= 0) return false;
    path[used] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL) return false;
    size_t left = size - (size_t)(slash - path) - 1;
    int more = snprintf(slash + 1, left, "helm-stand-in");
    return more > 0 && (size_t)more < left;
}

/* At least one of each kind, if there are as many; most are fine. */
static enum kind kind_of(size_t at, size_t count) {
    static const struct {
        enum kind kind;
        size_t share; /* one in so many */
    } shares[] = {{SLOW, 10}, {FAILING, 25}, {CRASHING, 100}, {HANGING, 50}, {STUBBORN, 100}};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t some = count / shares[i].share + 1;
        if (at < some) return shares[i].kind;
        at -= some;
    }
    return FINE;
}

static void shuffle(struct release *releases, size_t count, uint64_t *random) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)(story_random(random) % i);
        enum kind kind = releases[i - 1].kind;
        releases[i - 1].kind = releases[j].kind;
        releases[j].kind = kind;
    }
}

bool plan_make(struct job *job, uint64_t seed, int64_t count, int64_t namespaces) {
    uint64_t random = seed;
    job->count = (size_t)count;
    job->releases = calloc(job->count, sizeof *job->releases);
    if (job->releases == NULL) return false;
    for (size_t i = 0; i < job->count; i++) job->releases[i].kind = kind_of(i, job->count);
    shuffle(job->releases, job->count, &random);
    for (size_t i = 0; i < job->count; i++) {
        struct release *release = &job->releases[i];
        int64_t slow = release->kind == SLOW ? 60 : 0;
        release->row = i % (size_t)namespaces;
        release->takes_ms = 5 + slow + (int64_t)(story_random(&random) % 15);
        snprintf(release->space, sizeof release->space, "team-%02zu", release->row + 1);
        snprintf(release->name, sizeof release->name, "app-%03zu", i + 1);
    }
    return true;
}

/* ---- the store ---- */

bool plan_store(struct job *job) {
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || strlen(folder) > sizeof job->store - 24) folder = "/tmp";
    snprintf(job->store, sizeof job->store, "%s/troupe-futures-XXXXXX", folder);
    return mkdtemp(job->store) != NULL && setenv("HELM_STAND_IN", job->store, 1) == 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at) {
    (void)status, (void)type, (void)at;
    return remove(path);
}

void plan_store_remove(const struct job *job) {
    if (nftw(job->store, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0) perror(job->store);
}

bool plan_install(tp_actor *self, const struct job *job) {
    tp_task task;
    tp_task_outcome outcome;
    removed done;
    size_t good = 0;
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = INSTALLS});
    for (size_t i = 0; i < job->count; i++) {
        const struct release *release = &job->releases[i];
        char set[TEXT_MAX];
        snprintf(set, sizeof set, "takes=%" PRId64 ",then=%s", release->takes_ms,
                 words[release->kind]);
        removal in = {.helm = tp_str_of(job->helm),
                      .space = tp_str_of(release->space),
                      .name = tp_str_of(release->name),
                      .set = tp_str_of(set),
                      .timeout = TP_FOREVER};
        (void)tp_task_submit_value(self, &task, group, NULL, remove_task, &in);
    }
    while (tp_task_next(self, group, TP_FOREVER, &outcome) == TP_OK)
        good +=
            tp_task_await(self, outcome.task, 0, &done, removed) == TP_OK && done.end == REMOVED;
    (void)tp_tasks_close(self, group);
    return good == job->count;
}

/* ---- the journal ---- */

static struct release *find(const struct job *job, const char *space, const char *name) {
    for (size_t i = 0; i < job->count; i++) {
        struct release *release = &job->releases[i];
        if (strcmp(release->name, name) == 0 && strcmp(release->space, space) == 0) return release;
    }
    return NULL;
}

bool plan_journal(struct job *job) {
    char path[128], what[8], space[64], name[64];
    int64_t at;
    bool good = true;
    snprintf(path, sizeof path, "%s/journal", job->store);
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    while (fscanf(file, "%7s %63s %63s %" SCNd64, what, space, name, &at) == 4) {
        struct release *release = find(job, space, name);
        good = good && release != NULL;
        if (release == NULL || strcmp(what, "begin") != 0) continue;
        release->begun++;
        release->began_us = at;
    }
    fclose(file);
    return good;
}
