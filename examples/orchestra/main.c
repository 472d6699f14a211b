/*
 * orchestra: twelve players play different parts together, twelve singers sing one part in unison.
 * Concurrency is a matter of the score, parallelism of how many can play at the same moment; the
 * trace of each performance shows which of them was there.
 */
#include <stdio.h>
#include <string.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "examples/common/chart.h"
#include "examples/common/story.h"
#include "examples/common/tape.h"

#define PLAYERS 12
#define BEATS 16
#define BEAT TP_MS(600)

TP_MESSAGE(beat, TP_FIELD(u32, number))
TP_MESSAGE(player_args, TP_FIELD(str, part), TP_FIELD(i64, note), TP_FIELD(pid, conductor))
TP_MESSAGE(played, TP_FIELD(str, notes))

/* A letter is a note that lasts a beat, a dot is a rest. */
static const char *const instruments[PLAYERS + 1] = {
    "flute",   "oboe",     "clarinet", "bassoon", "horn",  "trumpet", "tuba",
    "timpani", "violin 1", "violin 2", "viola",   "cello", NULL};
static const char *const parts[PLAYERS] = {
    "gfedgfedc.c.gedc", "e.d.e.d.c.c.edc.", "c.c.g.g.e.e.gec.", "c...g...c...g.c.",
    "..g...g...g...cc", "........gggggeec", "c.......c.......", "c...c...c.c.cccc",
    "cdefgfedcdefgedc", "ecdefdecgfedcbac", "g.e.c.e.g.e.c.ec", "c.g.c.g.c.g.c.gc"};
static const char *const hymn = "c.d.e.c.efg.efg.";

struct performance {
    const char *name;
    const char *const *parts;
    unsigned workers;
    bool concurrent; /* what the trace must show */
    bool parallel;
    tp_duration note; /* of a beat: all players of a worker must find room in it */
    tp_pid pids[PLAYERS];
    int finished;
    int right; /* players who played what stands in their part */
};

/* ---- the players ---- */

struct player {
    char part[BEATS + 1];
    char notes[BEATS + 1]; /* played so far */
    tp_duration note;
    tp_pid conductor;
};

static void player_init(tp_actor *self, struct player *player, const player_args *args) {
    if (args->part.size != BEATS) tp_fail(self, "a part of %zu beats", args->part.size);
    memcpy(player->part, args->part.data, BEATS);
    player->note = args->note;
    player->conductor = args->conductor;
}

static void on_beat(tp_actor *self, struct player *player, const beat *msg) {
    if (msg->number >= BEATS) tp_fail(self, "beat %u", msg->number);
    char note = player->part[msg->number];
    if (note != '.') tp_work(self, player->note);
    player->notes[strlen(player->notes)] = note;
    if (msg->number + 1 == BEATS)
        tp_send(self, player->conductor, played, .notes = {player->notes, BEATS});
}

TP_BEHAVIOR(player_behavior, "player", struct player, TP_INIT_WITH(player_args, player_init),
            TP_ON(beat, on_beat));

/* ---- the conductor ---- */

static int index_of(const struct performance *performance, tp_pid pid) {
    for (int i = 0; i < PLAYERS; i++)
        if (tp_pid_equal(performance->pids[i], pid)) return i;
    return -1;
}

static void conductor_body(tp_actor *self, void *arg) {
    struct performance *performance = arg;
    played msg;
    for (int i = 0; i < PLAYERS; i++) {
        tp_spawn_options seat = {.workers = UINT64_C(1) << ((unsigned)i % performance->workers)};
        performance->pids[i] = tp_spawn_with(self, &player_behavior, &seat, player_args,
                                             .part = {performance->parts[i], BEATS},
                                             .note = performance->note, .conductor = tp_self(self));
    }
    for (uint32_t number = 0; number < BEATS; number++) {
        tp_broadcast(self, performance->pids, PLAYERS, beat, .number = number);
        tp_sleep(self, BEAT);
    }
    while (performance->finished < PLAYERS && tp_receive(self, TP_FOREVER, &msg, played) == TP_OK) {
        int player = index_of(performance, tp_sender(self));
        performance->finished++;
        if (player >= 0 && msg.notes.size == BEATS &&
            memcmp(msg.notes.data, performance->parts[player], BEATS) == 0)
            performance->right++;
    }
}

/* ---- what the trace shows ---- */

static bool same_player(const struct tape_span *a, const struct tape_span *b) {
    return tp_pid_equal(a->actor, b->actor);
}

/* The time before the first beat: the clock does not begin at zero. */
static tp_time begin_of(const struct tape *tape) {
    return tape->span_count > 0 ? tape->spans[0].from : 0;
}

/* How many players sound at this moment. */
static int sounding(const struct tape *tape, tp_time at) {
    int count = 0;
    for (size_t i = 0; i < tape->span_count; i++)
        if (tape->spans[i].from <= at && at < tape->spans[i].to) count++;
    return count;
}

/* In unison: at every moment all of them, or nobody. */
static bool in_unison(const struct tape *tape) {
    for (size_t i = 0; i < tape->span_count; i++)
        if (sounding(tape, tape->spans[i].from) != PLAYERS ||
            sounding(tape, tape->spans[i].to - 1) != PLAYERS)
            return false;
    return tape->span_count > 0;
}

/* Every note sounds within its beat: for each player and beat, as long as it should. */
static bool on_time(const struct performance *performance, const struct tape *tape) {
    for (int player = 0; player < PLAYERS; player++)
        for (int number = 0; number < BEATS; number++) {
            tp_time from = begin_of(tape) + number * BEAT, to = from + BEAT;
            tp_duration heard = 0, due = 0;
            if (performance->parts[player][number] != '.') due = performance->note;
            for (size_t i = 0; i < tape->span_count; i++) {
                const struct tape_span *span = &tape->spans[i];
                tp_time start = span->from > from ? span->from : from;
                tp_time end = span->to < to ? span->to : to;
                if (tp_pid_equal(span->actor, performance->pids[player]) && end > start)
                    heard += end - start;
            }
            if (heard != due) return false;
        }
    return true;
}

/* ---- the picture ---- */

/* Short notes need room: half of the piece is enough then. */
static int shown_beats(const struct performance *performance) {
    return performance->workers == 1 ? BEATS / 2 : BEATS;
}

static size_t bars_of(const struct performance *performance, const struct tape *tape,
                      struct gantt_bar *bars, size_t room) {
    size_t count = 0;
    for (size_t i = 0; i < tape->span_count; i++) {
        const struct tape_span *span = &tape->spans[i];
        int player = index_of(performance, span->actor);
        tp_time from = span->from - begin_of(tape), to = span->to - begin_of(tape);
        if (to > shown_beats(performance) * BEAT) to = shown_beats(performance) * BEAT;
        for (tp_time at = from; at < to && count < room;) { /* a beat is a note of its own */
            tp_time end = (at / BEAT + 1) * BEAT < to ? (at / BEAT + 1) * BEAT : to;
            char note = performance->parts[player][at / BEAT];
            bars[count++] =
                (struct gantt_bar){player, (note - 'a') % 8, note, (double)at / (double)BEAT,
                                   (double)end / (double)BEAT};
            at = end;
        }
    }
    return count;
}

static void draw(const struct story *story, const struct performance *performance,
                 const struct tape *tape, const char *file) {
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", NULL};
    static struct gantt_bar bars[PLAYERS * BEATS * 2];
    char title[128];
    size_t count = bars_of(performance, tape, bars, sizeof bars / sizeof bars[0]);
    snprintf(title, sizeof title, "%s, %u at a time", performance->name, performance->workers);
    struct gantt gantt = {title,
                          "beats",
                          instruments,
                          keys,
                          NULL,
                          bars,
                          count,
                          shown_beats(performance),
                          .cell = performance->workers == 1 ? 1.0 / PLAYERS : 1.0 / 6,
                          .tick = 2};
    gantt_print(&gantt);
    gantt_svg(&gantt, story->pictures, file);
}

/* ---- a performance ---- */

static void perform(struct story *story, struct performance *performance, const char *file) {
    tp_sim *sim;
    struct tape tape = TAPE_NEW;
    tp_sim_options options = {.seed = story->seed, .workers = performance->workers};
    performance->note = BEAT * performance->workers / PLAYERS;
    if (!story_check(story, tp_sim_new(&sim, &options) == TP_OK, "%s: memory", file)) return;
    tp_sim_trace(sim, tape_hook, &tape);
    tp_sim_spawn_body(sim, conductor_body, performance, NULL);
    bool ok = tp_sim_run(sim) == TP_OK;
    tp_sim_free(sim);
    if (story_check(story, tape_read(&tape) && ok, "%s: it ends", file)) {
        draw(story, performance, &tape, file);
        story_check(story, performance->right == PLAYERS, "%s: each plays the own part", file);
        story_check(story, on_time(performance, &tape), "%s: every note in its beat", file);
        story_check(story,
                    tape_interleaves(&tape, same_player) == performance->concurrent &&
                        tape_overlaps(&tape, 0) == performance->parallel,
                    "%s: %s%s%s", file, performance->concurrent ? "concurrent" : "",
                    performance->concurrent && performance->parallel ? " and " : "",
                    performance->parallel ? "parallel" : "");
        if (performance->parts[0] == hymn)
            story_check(story, in_unison(&tape), "%s: in unison", file);
        story_figure(story, (double)tape.span_count, "spans", "%s: notes held", file);
    }
    tape_free(&tape);
}

/* Different parts: no two players play the same. */
static bool all_different(void) {
    for (int i = 0; i < PLAYERS; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(parts[i], parts[j]) == 0) return false;
    return true;
}

int main(int argc, char **argv) {
    static struct story story;
    const char *chorus_parts[PLAYERS];
    const struct story_option options[] = {{0}};
    story_begin(&story, "orchestra", argc, argv, options);
    for (int i = 0; i < PLAYERS; i++) chorus_parts[i] = hymn;
    struct performance alone = {"Orchestra: different parts", parts, 1, .concurrent = true};
    struct performance desks = {"Orchestra: different parts", parts, 4, .concurrent = true,
                                .parallel = true};
    struct performance chorus = {"Chorus: one part in unison", chorus_parts, PLAYERS,
                                 .parallel = true};
    story_check(&story, all_different(), "the orchestra's parts differ");
    perform(&story, &alone, "orchestra-1");
    perform(&story, &desks, "orchestra-4");
    perform(&story, &chorus, "chorus");
    return story_end(&story);
}
