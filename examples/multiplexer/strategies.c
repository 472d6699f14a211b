/*
 * FIFO, LIFO, stealing: the order in which tasks go on, how many messages a second, how long one
 * waits, how often a worker took another one's work.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/multiplexer/multiplexer.h"

#define TASKS 8
#define PLAYERS 64
#define BALLS 256
#define SAMPLES 4096 /* of each player */
#define SAMPLE_EVERY 4

TP_MESSAGE(ball, TP_FIELD(u32, hops), TP_FIELD(i64, sent))
TP_MESSAGE(landed)

/* ---- who goes on first ---- */

struct order {
    char text[TASKS + 1];
    int count;
    struct entrant {
        struct order *order;
        tp_pid main;
        char name;
    } entrants[TASKS];
};

static void entrant_body(tp_actor *self, void *arg) {
    struct entrant *entrant = arg;
    entrant->order->text[entrant->order->count++] = entrant->name; /* one worker: no race */
    tp_send(self, entrant->main, landed);
}

static void order_body(tp_actor *self, void *arg) {
    struct order *order = arg;
    landed msg;
    for (int i = 0; i < TASKS; i++) {
        order->entrants[i] = (struct entrant){order, tp_self(self), (char)('1' + i)};
        tp_spawn_body(self, entrant_body, &order->entrants[i], NULL);
    }
    for (int i = 0; i < TASKS; i++) tp_receive(self, TP_FOREVER, &msg, landed);
}

/* ---- balls thrown from player to player ---- */

struct game;

struct player {
    struct game *game;
    uint64_t random;
    uint32_t seen;
    uint32_t count;
    int64_t waits[SAMPLES];
};

struct game {
    int64_t hops; /* of each ball */
    uint64_t seed;
    tp_pid main;
    tp_pid pids[PLAYERS];
    struct player players[PLAYERS];
    int64_t waits[PLAYERS * SAMPLES];
    tp_duration took;
    tp_counters counters;
};

static void player_body(tp_actor *self, void *arg) {
    struct player *player = arg;
    ball got;
    while (tp_receive(self, TP_FOREVER, &got, ball) == TP_OK) {
        tp_time now = tp_now(self);
        if (player->seen++ % SAMPLE_EVERY == 0 && player->count < SAMPLES)
            player->waits[player->count++] = now - got.sent;
        tp_pid to = player->game->pids[story_random(&player->random) % PLAYERS];
        if (got.hops == 0) tp_send(self, player->game->main, landed);
        else tp_send(self, to, ball, .hops = got.hops - 1, .sent = now);
    }
}

static void game_body(tp_actor *self, void *arg) {
    struct game *game = arg;
    landed msg;
    game->main = tp_self(self);
    for (int i = 0; i < PLAYERS; i++) {
        game->players[i].game = game;
        game->players[i].random = game->seed + (uint64_t)i;
        game->pids[i] = tp_spawn_body(self, player_body, &game->players[i], NULL);
    }
    tp_time start = tp_now(self);
    for (int i = 0; i < BALLS; i++)
        tp_send(self, game->pids[i % PLAYERS], ball, .hops = (uint32_t)game->hops, .sent = start);
    for (int i = 0; i < BALLS; i++) tp_receive(self, TP_FOREVER, &msg, landed);
    game->took = tp_now(self) - start;
    tp_runtime_counters(tp_self_runtime(self), &game->counters);
}

/* ---- side by side ---- */

static const struct named {
    tp_strategy strategy;
    const char *name;
    const char *order; /* of eight tasks on one worker */
} strategies[] = {{TP_STRATEGY_FIFO, "FIFO", "12345678"},
                  {TP_STRATEGY_LIFO, "LIFO", "87654321"},
                  {TP_STRATEGY_STEAL, "stealing", "18765432"}}; /* first slices */

static void show(struct story *story, const struct named *named, int64_t hops, double figures[2]) {
    struct order order = {.count = 0};
    struct game *game = calloc(1, sizeof *game);
    size_t count = 0;
    story_check(story, game != NULL, "%s: memory", named->name);
    if (game == NULL) return;
    tp_options one = {.workers = 1, .stuck_after = TP_FOREVER, .strategy = named->strategy};
    tp_options all = {.strategy = named->strategy};
    game->seed = story->seed;
    game->hops = hops / BALLS;
    bool ok = story_run(&one, order_body, &order) && story_run(&all, game_body, game);
    for (int i = 0; i < PLAYERS; i++) {
        memcpy(&game->waits[count], game->players[i].waits,
               game->players[i].count * sizeof(int64_t));
        count += game->players[i].count;
    }
    double rate = (double)(game->hops * BALLS) / ((double)game->took / 1e9);
    double p50 = (double)story_quantile(game->waits, count, 0.5) / 1e3;
    double p99 = (double)story_quantile(game->waits, count, 0.99) / 1e3;
    printf("  %-9s order %s  %5.2f M messages/s  wait p50 %6.1f us, p99 %7.1f us  %" PRIu64
           " steals\n",
           named->name, order.text, rate / 1e6, p50, p99, game->counters.steals);
    story_check(story, ok, "%s: every ball lands", named->name);
    story_check(story, strcmp(order.text, named->order) == 0, "%s: order %s", named->name,
                named->order);
    story_figure(story, rate, "messages/s", "%s: throughput", named->name);
    story_figure(story, p50, "us", "%s: wait p50", named->name);
    story_figure(story, p99, "us", "%s: wait p99", named->name);
    story_figure(story, (double)game->counters.steals, "steals", "%s: steals", named->name);
    figures[0] = rate / 1e6;
    figures[1] = p99;
    free(game);
}

void show_strategies(struct story *story, int64_t hops) {
    static const char *const labels[] = {"FIFO", "LIFO", "stealing"};
    double figures[3][2] = {{0}}, rates[3], waits[3];
    printf("\nStrategies: %d balls, %d players\n", BALLS, PLAYERS);
    for (int i = 0; i < 3; i++) {
        show(story, &strategies[i], hops, figures[i]);
        rates[i] = figures[i][0];
        waits[i] = figures[i][1];
    }
    struct plot_series rate = {"million messages a second", NULL, rates, 3};
    struct plot_series wait = {"wait p99, us", NULL, waits, 3};
    struct plot throughput = {"Throughput by strategy", "", "", &rate, 1, labels};
    struct plot latency = {"Waiting time by strategy", "", "", &wait, 1, labels};
    plot_bars_svg(&throughput, story->pictures, "strategies-throughput");
    plot_bars_svg(&latency, story->pictures, "strategies-wait");
}
