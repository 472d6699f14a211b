/*
 * pipeline: stages in order, steps in parallel, and what bounds are for. All in virtual time.
 */
#include "examples/pipeline/pipeline.h"

int main(int argc, char **argv) {
    static struct story story;
    int64_t commits = 100, items = 4000;
    const struct story_option options[] = {{"commits", &commits, "pipelines at once, 1 to 1000"},
                                           {"items", &items, "items through the slow stage"},
                                           {0}};
    story_begin(&story, "pipeline", argc, argv, options);
    if (commits < 1) commits = 1;
    if (commits > 1000) commits = 1000;
    show_releases(&story, commits);
    story_progress(&story, "flow");
    show_flow(&story, items);
    return story_end(&story);
}
