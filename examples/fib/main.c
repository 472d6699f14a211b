/*
 * fib: one service, four servers. With --model it serves; without it shows and measures all.
 */
#include <stdio.h>
#include <string.h>

#include "examples/common/child.h"
#include "examples/fib/fib.h"

static const struct {
    const char *name;
    int (*serve)(const struct service *service);
} models[] = {{"sequential", serve_sequential},
              {"threads", serve_threads},
              {"processes", serve_processes},
              {"actors", serve_actors},
              {"isolated", serve_isolated}};

static int serve(const char *model, const struct service *service) {
    descriptors_raise();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].name, model) == 0) return models[i].serve(service);
    fprintf(stderr, "fib: '%s' is no model: sequential, threads, processes, actors, isolated\n",
            model);
    return 2;
}

int main(int argc, char **argv) {
    static struct story story;
    const char *model = "";
    int64_t port = 25000, ms = 1000, rounds = 10, number = 36, isolated = 1;
    struct service service = {.silence_ms = SILENCE_MS};
    const struct story_option options[] = {
        {"port", &port, "to serve on; 0: any"},
        {"silence-ms", &service.silence_ms, "that end a request"},
        {"workers", &service.workers, "processes, or threads of the actors; 0: one a CPU"},
        {"quiet", &service.quiet, "1: crashes are not logged"},
        {"rounds", &rounds, "of fib(30) a client"},
        {"long", &number, "a long request asks for fib of that, at most 45"},
        {"ms", &ms, "of short requests, a model and mixture"},
        {"isolated", &isolated, "0: without that model"},
        {0}};
    const struct story_word words[] = {
        {"model", &model, "sequential, threads, processes, actors, isolated"}, {0}};
    story_begin_words(&story, "fib", argc, argv, options, words);
    if (port > UINT16_MAX || service.silence_ms < 1 || rounds < 1 || number < 3 || number > 45) {
        fprintf(stderr, "fib: a port is below 65536, --long is 3 to 45, the others at least 1\n");
        return 2;
    }
    service.port = (uint16_t)port;
    if (model[0] != '\0') return serve(model, &service);
    int count = isolated != 0 ? MODELS : MODELS - 1;
    show_answers(&story, count);
    show_killed(&story, count);
    show_clients(&story, count, rounds);
    show_mixture(&story, count, number, ms);
    return story_end(&story);
}
