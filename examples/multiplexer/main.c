/*
 * multiplexer: from a queue of tasks that await each other to a scheduler.
 */
#include "examples/multiplexer/multiplexer.h"

int main(int argc, char **argv) {
    static struct story story;
    int64_t chain = 1000000, calls = 20000, hops = 1000000, items = 1000000;
    const struct story_option options[] = {
        {"chain", &chain, "actors that await each other by deferred replies"},
        {"calls", &calls, "actors that await each other by blocking calls"},
        {"hops", &hops, "messages for each strategy"},
        {"items", &items, "items in each of the eight arrays"},
        {0}};
    story_begin(&story, "multiplexer", argc, argv, options);
    show_steps(&story);
    story_progress(&story, "chains");
    show_chains(&story, chain, calls);
    story_progress(&story, "strategies");
    show_strategies(&story, hops);
    story_progress(&story, "sum");
    show_sum(&story, items);
    return story_end(&story);
}
