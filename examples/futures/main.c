/*
 * futures: the tutorial's five URLs; work on threads and in processes; two hundred releases to
 * uninstall.
 */
#include <stdio.h>

#include "examples/futures/futures.h"

static bool fits(const struct job_options *job, int64_t below) {
    return job->releases >= 1 && job->releases <= 100000 && job->namespaces >= 1 &&
           job->namespaces <= job->releases && job->namespaces <= 999 && job->limit >= 1 &&
           job->limit <= 1000 && job->per_space >= 1 && job->per_space <= 1000 &&
           job->timeout_ms >= 1 && job->timeout_ms <= 86400000 && below >= 3 && below <= 10000000;
}

static int show(struct story *story, const struct job_options *job, int64_t below) {
    struct stage stage = {.story = story};
#ifndef NO_PROCESSES
    if (tp_zygote_start(&stage.zygote) != TP_OK) {
        fprintf(stderr, "futures: no processes can be started\n");
        return 1;
    }
#endif
    if (job->helm[0] != '\0') {
        run_job(&stage, job);
    } else {
        show_pages(&stage);
        show_places(&stage, below);
        show_job(&stage, job);
        show_failures(&stage, job);
    }
    tp_zygote_stop(stage.zygote);
    story_check(story, held_now(NULL).processes == 0, "at the end there is no process");
    return story_end(story);
}

int main(int argc, char **argv) {
    static struct story story;
    int64_t serves = 0, port = 0, below = 100000;
    struct job_options job = {.helm = "",
                              .spaces = "",
                              .releases = 200,
                              .namespaces = 12,
                              .limit = 8,
                              .per_space = 1,
                              .timeout_ms = 1000};
    const struct story_option options[] = {
        {"releases", &job.releases, "to uninstall"},
        {"spaces", &job.namespaces, "namespaces they are in, without --helm"},
        {"limit", &job.limit, "at once in all"},
        {"per-space", &job.per_space, "at once in a namespace; with 1 in order"},
        {"timeout-ms", &job.timeout_ms, "that one may take"},
        {"dry-run", &job.dry, "1: helm only says what it would do"},
        {"primes", &below, "are counted below that"},
        {"serve", &serves, "1: serves the five pages until a signal"},
        {"port", &port, "to serve them on; 0: any"},
        {0}};
    const struct story_word words[] = {
        {"helm", &job.helm, "a real helm; needs --namespaces"},
        {"namespaces", &job.spaces, "NAME,NAME: whose releases it removes, ALL of them"},
        {0}};
    story_begin_words(&story, "futures", argc, argv, options, words);
    if (!fits(&job, below) || port > UINT16_MAX ||
        (job.helm[0] != '\0') != (job.spaces[0] != '\0')) {
        fprintf(stderr, "futures: a number is out of its range, or --helm without --namespaces\n");
        return 2;
    }
    return serves != 0 ? serve_pages((unsigned)port) : show(&story, &job, below);
}
