/*
 * What this process holds, as the system says it: so that nothing left behind is no claim.
 */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "examples/futures/futures.h"

#define ENDS TP_SECONDS(20)
#define LOOK_AGAIN TP_MS(5)
#define SWEEP_EVERY 100 /* looks */
#define AT_LEAST                                                                                   \
    2 /* actors: the one that asks, and one of the runtime's that comes with its start */

static bool is_number(const char *text) {
    return isdigit((unsigned char)*text) != 0;
}

static int64_t count_entries(const char *path) {
    int64_t count = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += is_number(entry->d_name);
    closedir(folder);
    return count;
}

/* 0: there is no such process (any more). */
static pid_t parent_of(const char *process) {
    char path[300], text[512];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", process);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    size_t used = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[used] = '\0';
    const char *after = strrchr(text, ')'); /* the name may hold anything */
    if (after == NULL || sscanf(after + 1, " %*c %d", &parent) != 1) return 0;
    return parent;
}

static int64_t count_children(void) {
    int64_t count = 0;
    DIR *folder = opendir("/proc");
    if (folder == NULL) return -1;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (is_number(entry->d_name)) count += parent_of(entry->d_name) == getpid();
    closedir(folder);
    return count;
}

struct held held_now(tp_runtime *runtime) {
    tp_counters counters = {0};
    if (runtime != NULL) tp_runtime_counters(runtime, &counters);
    return (struct held){.processes = count_children(),
                         .descriptors = count_entries("/proc/self/fd"),
                         .actors = (int64_t)counters.actors_alive};
}

bool held_more(const struct held *now, const struct held *before) {
    return now->processes > before->processes || now->descriptors > before->descriptors ||
           now->actors > before->actors;
}

/* A process that does not die within a moment of its SIGKILL is waited for when the next program is
 * started: so start one, which cannot be. */
static void sweep(tp_actor *self) {
    static const char *const argv[] = {"/no/such/program", NULL};
    tp_pid port;
    (void)tp_port_open(self, &port, &(tp_port_options){.argv = argv});
}

/* Polls until no more is held than before; false: it never was. */
static bool settle(tp_actor *self, const struct held *before, struct held *now) {
    tp_time ends = tp_now(self) + ENDS;
    *now = held_now(tp_self_runtime(self));
    for (int looks = 1; held_more(now, before) && tp_now(self) < ends; looks++) {
        if (looks % SWEEP_EVERY == 0) sweep(self);
        tp_sleep(self, LOOK_AGAIN);
        *now = held_now(tp_self_runtime(self));
    }
    return !held_more(now, before);
}

struct held held_after_warm_up(tp_actor *self, const struct held *before) {
    struct held now, ends = *before;
    ends.descriptors = INT64_MAX;
    if (ends.actors < AT_LEAST) ends.actors = AT_LEAST;
    (void)settle(self, &ends, &now);
    return now;
}

bool held_check(tp_actor *self, struct story *story, const struct held *before, const char *name) {
    struct held now;
    bool same = story_check(story, settle(self, before, &now), "%s: nothing is left", name);
    if (!same)
        printf("  processes %" PRId64 " -> %" PRId64 ", descriptors %" PRId64 " -> %" PRId64
               ", actors %" PRId64 " -> %" PRId64 "\n",
               before->processes, now.processes, before->descriptors, now.descriptors,
               before->actors, now.actors);
    return same;
}

/* ---- runs ---- */

int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void stage_run(const struct stage *stage, const char *name, tp_body body, void *arg) {
    /* crashes are part of the show: their reports would hide it */
    tp_options options = {.zygote = stage->zygote, .log_level = TP_LOG_OFF};
    struct held before = held_now(NULL);
    tp_runtime *runtime;
    tp_pid pid;
    tp_err err = tp_runtime_start(&runtime, &options);
    if (!story_check(stage->story, err == TP_OK, "%s: a runtime starts", name)) return;
    err = tp_runtime_spawn_body(runtime, &pid, body, arg, NULL);
    if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_FOREVER, NULL);
    tp_runtime_stop(runtime);
    struct held after = held_now(NULL);
    story_check(stage->story, err == TP_OK && !held_more(&after, &before),
                "%s: nothing is left of the runtime", name);
}
