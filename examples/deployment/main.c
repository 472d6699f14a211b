/*
 * deployment: without --serve the show; with it a service to play with (curl it, kill -9 it).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <troupe/isolate.h>

#include "examples/common/child.h"
#include "examples/common/serve.h"
#include "examples/deployment/deployment.h"

static const char *const words[] = {[STARTED] = "started",
                                    [READY] = "ready",
                                    [UNREADY] = "not ready",
                                    [HANGS] = "hangs, is killed",
                                    [RETIRED] = "finishes what it has",
                                    [ENDED] = "ended",
                                    [DIED] = "died",
                                    [ROLLED_BACK] = "version is bad",
                                    [STEADY] = "all is as desired"};

static void serve_body(tp_actor *self, void *arg) {
    struct plan *plan = arg;
    happened event;
    plan_start(self, plan);
    child_announce((uint16_t)plan->port);
    while (tp_receive(self, TP_FOREVER, &event, happened) == TP_OK) {
        if (event.id == 0) printf("%s\n", words[event.what]);
        else if (event.process == 0)
            printf("replica %u (version %u) %s\n", event.id, event.version, words[event.what]);
        else
            printf("replica %u (version %u, process %" PRId64 ", port %u) %s\n", event.id,
                   event.version, event.process, event.port, words[event.what]);
    }
}

/* A process that has ended may wait for its parent for a moment. */
static bool is_gone(int64_t process) {
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", process);
    FILE *file = fopen(path, "re");
    if (file == NULL) return true;
    bool read = fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    fclose(file);
    return !read || state == 'Z' || state == 'X';
}

static void check_end(struct plan *plan) {
    size_t alive = 0, processes = 0;
    for (size_t i = 0; i < plan->timeline.count; i++) {
        const happened *event = &plan->timeline.events[i];
        if (event->what != READY) continue;
        processes++;
        for (int tries = 0; !is_gone(event->process) && tries < 10000; tries++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        alive += !is_gone(event->process);
    }
    story_check(plan->story, plan->done, "the show has come to its end");
    story_check(plan->story, alive == 0, "of all processes none is left");
    story_figure(plan->story, (double)processes, "", "times a replica became ready");
}

static int show(struct plan *plan, tp_zygote *zygote) {
    tp_options options = {.zygote = zygote, .log_level = TP_LOG_OFF};
    tp_run_with(&options, show_body, plan);
    tp_zygote_stop(zygote);
    check_end(plan);
    timeline_show(&plan->timeline, plan->story->pictures);
    return story_end(plan->story);
}

int main(int argc, char **argv) {
    static struct story story;
    static struct plan plan = {.story = &story,
                               .replicas = 3,
                               .clients = 8,
                               .kills = 3,
                               .period_ms = 50,
                               .timeout_ms = 1000,
                               .failures = 3,
                               .progress_ms = 3000,
                               .phase = "start"};
    int64_t serve_it = 0, port = 8080;
    tp_zygote *zygote;
    const struct story_option options[] = {
        {"serve", &serve_it, "1: serve, until a signal"},
        {"port", &port, "to serve on; 0: any"},
        {"replicas", &plan.replicas, "at least 2, at most 16"},
        {"clients", &plan.clients, "at once, in the show; at most 16"},
        {"kills", &plan.kills, "of kill -9"},
        {"period-ms", &plan.period_ms, "between probes"},
        {"timeout-ms", &plan.timeout_ms, "of a probe"},
        {"failures", &plan.failures, "of liveness, one after the other: it hangs"},
        {"progress-ms", &plan.progress_ms, "for a new version's next replica to get ready"},
        {0}};
    story_begin(&story, "deployment", argc, argv, options);
    if (port > UINT16_MAX || plan.replicas < 2 || plan.replicas > 16 || plan.clients < 1 ||
        plan.clients > 16 || plan.period_ms < 1 || plan.timeout_ms < 1 || plan.failures < 1 ||
        plan.progress_ms < 1) {
        fprintf(stderr, "deployment: a number is out of its range; see --help\n");
        return 2;
    }
    tp_err err = tp_zygote_start(&zygote);
    if (err != TP_OK) {
        fprintf(stderr, "deployment: no process to copy replicas from: %s\n", tp_strerror(err));
        return 1;
    }
    if (serve_it == 0) return show(&plan, zygote);
    plan.port = (uint32_t)port;
    int status = serve(&(tp_options){.zygote = zygote}, serve_body, &plan);
    tp_zygote_stop(zygote);
    return status;
}
