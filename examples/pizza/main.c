/*
 * pizza: one service, four servers. With --model it serves; without it shows and measures all four.
 */
#include <stdio.h>
#include <string.h>

#include "examples/common/child.h"
#include "examples/pizza/pizza.h"

static const struct {
    const char *name;
    int (*serve)(const struct service *service);
} models[] = {{"threads", serve_threads},
              {"busy", serve_busy},
              {"reactor", serve_reactor},
              {"actors", serve_actors}};

static int serve(const char *model, const struct service *service) {
    descriptors_raise();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (strcmp(models[i].name, model) == 0) return models[i].serve(service);
    fprintf(stderr, "pizza: '%s' is no model: threads, busy, reactor, actors\n", model);
    return 2;
}

int main(int argc, char **argv) {
    static struct story story;
    const char *model = "";
    int64_t port = 12345, connections = 10000, ms = 1000, orders = 20000;
    struct service service = {.silence_ms = SILENCE_MS, .kitchen = 1};
    const struct story_option options[] = {
        {"port", &port, "to serve on; 0: any"},
        {"silence-ms", &service.silence_ms, "that end a request"},
        {"workers", &service.workers, "threads of the reactor or the actors; 0: one, one a CPU"},
        {"kitchen", &service.kitchen, "actors: 0 accepts orders without it"},
        {"kill-every", &service.kill_every, "actors: the cook dies in every so-manieth order"},
        {"connections", &connections, "at once, in the show"},
        {"ms", &ms, "of load, a model and round"},
        {"orders", &orders, "of the kitchen's evening"},
        {0}};
    const struct story_word words[] = {{"model", &model, "threads, busy, reactor, actors"}, {0}};
    story_begin_words(&story, "pizza", argc, argv, options, words);
    if (port > UINT16_MAX || connections < 1 || service.silence_ms < 1) {
        fprintf(stderr, "pizza: a port is below 65536, the other numbers at least 1\n");
        return 2;
    }
    service.port = (uint16_t)port;
    if (model[0] != '\0') return serve(model, &service);
    show_conversations(&story);
    show_rush(&story);
    show_kitchen(&story, orders);
    show_load(&story, connections, ms);
    show_threads(&story, connections, ms);
    return story_end(&story);
}
