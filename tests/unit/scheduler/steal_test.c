/*
 * What a thief does with what it stole: keeps what it works on, gives back what only talks with the
 * worker it came from. Two workers without threads, under a clock of the test's own.
 */
#include "core/scheduler/scheduler.h"

#include <string.h>

#include "tests/support/test.h"

#define WORKERS 2u
#define READY 40u

struct scene {
    tp_time now;
    struct tpi_driver driver;
    struct tpi_memory *memory;
    struct tpi_scheduler *scheduler;
    struct tpi_worker *victim, *thief;
    struct tpi_runnable runnables[READY];
};

static tp_time scene_now(void *context) {
    return ((struct scene *)context)->now;
}
static void scene_run(struct tpi_worker *worker, struct tpi_runnable *runnable) {
    (void)worker, (void)runnable;
}
static const struct tpi_runnable_ops scene_ops = {.run = scene_run};

/* READY runnables stand at the victim; the thief has stolen half of them. */
static void open_scene(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    scene->now = TP_SECONDS(1);
    scene->driver = tpi_driver_production;
    scene->driver.context = scene;
    scene->driver.now = scene_now;
    TP_ASSERT_EQ_INT(tpi_memory_new(&scene->memory, NULL, tpi_scheduler_places(WORKERS, 0)), TP_OK);
    struct tpi_scheduler_options options = {
        .driver = &scene->driver,
        .ops = &scene_ops,
        .memory = scene->memory,
        .workers = WORKERS,
        .stack_size = (size_t)64 << 10,
        .watch = {.stuck_after = TP_FOREVER, .report_after = TP_FOREVER},
    };
    TP_ASSERT_EQ_INT(tpi_scheduler_new(&scene->scheduler, &options), TP_OK);
    scene->victim = scene->scheduler->workers[0];
    scene->thief = scene->scheduler->workers[1];
    for (unsigned i = 0; i < READY; i++)
        TP_ASSERT(tpi_deque_push(&scene->victim->queue, &scene->runnables[i].node));
    TP_ASSERT(tpi_worker_steal(scene->thief));
}
static void close_scene(struct scene *scene) {
    tpi_scheduler_free(scene->scheduler);
    tpi_memory_free(scene->memory);
}

/* Blocks of the victim's come to the thief's actors, which give them back. */
static void talk(struct scene *scene, unsigned messages) {
    for (unsigned i = 0; i < messages; i++) {
        void *block = tpi_pool_take(scene->victim->pool, 2);
        TP_ASSERT(block != NULL);
        tpi_pool_give(scene->thief->pool, block, 2, scene->victim->pool->index);
    }
}

static unsigned at_thief(const struct scene *scene) {
    /* relaxed: one thread */
    bool next = atomic_load_explicit(&scene->thief->next, memory_order_relaxed) != NULL;
    return tpi_deque_length(&scene->thief->queue) + next;
}

/* The thief looks at what it stole after so long, and so many messages. */
static void open_and_reconsider(struct scene *scene, tp_duration busy, unsigned messages) {
    open_scene(scene);
    TP_ASSERT_EQ_INT(at_thief(scene), READY / 2);
    scene->now += busy;
    talk(scene, messages);
    tpi_worker_reconsider(scene->thief);
}

TP_TEST(steal, what_only_talks_goes_back_to_where_it_came_from) {
    struct scene scene;
    /* 100 ns each: all it did was to wait for cache lines */
    open_and_reconsider(&scene, TP_US(100), 1000);
    TP_ASSERT_EQ_INT(at_thief(&scene), 0);
    TP_ASSERT_EQ_INT(tpi_inject_length(&scene.victim->inbound), READY / 2);
    TP_ASSERT_EQ_INT(scene.thief->stole_at, 0);
    TP_ASSERT(scene.thief->backoff > 0);
    /* and it leaves the other alone for a while */
    TP_ASSERT(!tpi_worker_steal(scene.thief));
    close_scene(&scene);
}

TP_TEST(steal, what_went_back_can_be_stolen_again) {
    struct scene scene;
    open_and_reconsider(&scene, TP_US(100), 1000);
    /* the victim runs one of all, as long as it likes: the others stand in its queue meanwhile */
    TP_ASSERT(tpi_worker_pick(scene.victim) != NULL);
    if (tpi_deque_length(&scene.victim->queue) < READY - 1)
        TP_ASSERT(tpi_worker_pick(scene.victim) != NULL); /* it looks every second time */
    TP_ASSERT_EQ_INT(tpi_inject_length(&scene.victim->inbound), 0);
    scene.thief->may_steal = true; /* it has slept */
    TP_ASSERT(tpi_worker_steal(scene.thief));
    TP_ASSERT(at_thief(&scene) > READY / 2 - 2);
    close_scene(&scene);
}

TP_TEST(steal, what_computes_stays) {
    struct scene scene;
    open_and_reconsider(&scene, TP_MS(1), 1000); /* a microsecond each: more than the way takes */
    TP_ASSERT_EQ_INT(at_thief(&scene), READY / 2);
    TP_ASSERT_EQ_INT(tpi_inject_length(&scene.victim->inbound), 0);
    close_scene(&scene);
}

TP_TEST(steal, blocks_of_others_are_no_talk) {
    struct scene scene;
    open_scene(&scene);
    scene.now += TP_US(100);
    /* of what other nodes send, say */
    struct tpi_pool *third = tpi_memory_pool(scene.memory, WORKERS);
    for (unsigned i = 0; i < 1000; i++) {
        void *block = tpi_pool_take(third, 2);
        TP_ASSERT(block != NULL);
        tpi_pool_give(scene.thief->pool, block, 2, third->index);
    }
    tpi_worker_reconsider(scene.thief);
    TP_ASSERT_EQ_INT(at_thief(&scene), READY / 2);
    close_scene(&scene);
}

TP_TEST(steal, a_few_messages_are_not_judged) {
    struct scene scene;
    open_and_reconsider(&scene, TP_US(5), 100);
    TP_ASSERT_EQ_INT(at_thief(&scene), READY / 2);
    close_scene(&scene);
}
