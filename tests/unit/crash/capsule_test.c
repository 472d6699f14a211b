/*
 * Crash capsules: what an actor was given is written when it crashes, and replayed it ends in the
 * same way; damaged files are refused.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <troupe/sim.h>
#include <troupe/troupe.h>

#include "core/crash/capsule.h"
#include "tests/support/faults.h"
#include "tests/support/test.h"

#define SOON TP_SECONDS(20)
#define PATH_SIZE 600

TP_MESSAGE(bet, TP_FIELD(i64, stake), TP_FIELD(str, on))
TP_MESSAGE(leave, TP_FIELD(i32, how))
TP_MESSAGE(ask_bank, TP_FIELD(i64, n))
TP_MESSAGE(bank_says, TP_FIELD(i64, n), TP_FIELD(str, text))
TP_MESSAGE(tick, TP_FIELD(i64, n))
TP_MESSAGE(table, TP_FIELD(pid, bank), TP_FIELD(i64, start))

enum { FAILS, FAULTS, ASSERTS, LEAVES_BADLY, ENDS_WELL };

/* ---- a gambler, whose reason says all that it was ever given ---- */

struct gambler {
    tp_pid bank;
    uint64_t hash;
    tp_ref timer;
};

static void mix(struct gambler *gambler, uint64_t value) {
    gambler->hash = (gambler->hash ^ value) * 0x100000001b3u;
}
static void mix_pid(struct gambler *gambler, tp_pid pid) {
    mix(gambler, pid.node ^ ((uint64_t)pid.slot << 32 | pid.generation));
}

static void nothing(tp_actor *self, void *arg) {
    (void)self, (void)arg;
}

static void gambler_init(tp_actor *self, struct gambler *gambler, const table *msg) {
    gambler->bank = msg->bank;
    gambler->hash = (uint64_t)msg->start;
    mix(gambler, tp_random(self));
    mix_pid(gambler, tp_self(self));
    (void)tp_trap_exits(self, true);
}
static void ask_the_bank(tp_actor *self, struct gambler *gambler, int64_t n) {
    bank_says said;
    tp_err err = tp_call(self, gambler->bank, TP_MS(n % 3 == 0 ? 1 : 500), &said, bank_says,
                         ask_bank, .n = n);
    mix(gambler, (uint64_t)err);
    if (err != TP_OK) return;
    mix(gambler, (uint64_t)said.n);
    for (size_t i = 0; i < said.text.size; i++) mix(gambler, (unsigned char)said.text.data[i]);
}
static void on_bet(tp_actor *self, struct gambler *gambler, const bet *msg) {
    mix(gambler, (uint64_t)msg->stake + msg->on.size);
    mix_pid(gambler, tp_sender(self));
    mix(gambler, tp_random(self));
    mix(gambler, (uint64_t)tp_now(self));
    switch (msg->stake % 5) {
    case 0: ask_the_bank(self, gambler, msg->stake); break;
    case 1:
        gambler->timer = tp_send_after(self, TP_MS(1), tp_self(self), tick, .n = msg->stake);
        mix(gambler, gambler->timer);
        break;
    case 2: mix(gambler, tp_cancel_timer(self, gambler->timer)); break;
    case 3: mix_pid(gambler, tp_spawn_body(self, nothing, NULL, &tp_spawn_linked)); break;
    default: tp_set_timeout(self, TP_US(10)); break;
    }
}
static void on_tick(tp_actor *self, struct gambler *gambler, const tick *msg) {
    (void)self;
    mix(gambler, (uint64_t)msg->n * 7);
}
static void on_exited(tp_actor *self, struct gambler *gambler, const tp_exited *msg) {
    (void)self;
    mix_pid(gambler, msg->from);
}
static void on_quiet(tp_actor *self, struct gambler *gambler) {
    (void)self;
    mix(gambler, 99);
}
static void on_leave(tp_actor *self, struct gambler *gambler, const leave *msg) {
    switch (msg->how) {
    case FAILS: tp_fail(self, "left with %016" PRIx64, gambler->hash);
    case FAULTS: fault_now(FAULT_NULL_WRITE); break;
    case ASSERTS: fault_now(FAULT_ABORT); break; /* what assert does in the end */
    case LEAVES_BADLY: tp_exit(self, TP_EXIT_USER + 7);
    default: tp_exit(self, TP_EXIT_NORMAL);
    }
}
TP_BEHAVIOR(gambler_behavior, "gambler", struct gambler, TP_INIT_WITH(table, gambler_init),
            TP_ON(bet, on_bet), TP_ON(leave, on_leave), TP_ON(tick, on_tick),
            TP_ON(tp_exited, on_exited), TP_TIMEOUT(on_quiet));

struct bank {
    int64_t asked;
};
static void on_ask(tp_actor *self, struct bank *bank, const ask_bank *msg) {
    if (bank->asked++ % 4 == 3) return; /* no answer */
    if (bank->asked % 5 == 4) tp_sleep(self, TP_MS(2));
    tp_reply(self, bank_says, .n = msg->n * bank->asked, .text = TP_STR("as you like"));
}
TP_BEHAVIOR(bank_behavior, "bank", struct bank, TP_ON(ask_bank, on_ask));

/* ---- a run that leaves a capsule ---- */

static char folder[] = "/tmp/troupe-capsule-XXXXXX";
static struct {
    char path[PATH_SIZE], report[8192], json[16384];
    int crashes;
} seen;

static void note(void *context, const tp_log_entry *entry) {
    (void)context;
    if (entry->report == NULL || strstr(entry->report, "behaviour body") != NULL) return;
    seen.crashes++;
    snprintf(seen.report, sizeof seen.report, "%s", entry->report);
    snprintf(seen.json, sizeof seen.json, "%s", entry->json == NULL ? "" : entry->json);
    const char *at = strstr(entry->report, "\n  capsule ");
    seen.path[0] = 0;
    if (at != NULL)
        snprintf(seen.path, sizeof seen.path, "%.*s", (int)strcspn(at + 11, "\n"), at + 11);
}

static void make_folder(void) {
    if (strstr(folder, "XXXXXX") != NULL) TP_ASSERT(mkdtemp(folder) != NULL);
    memset(&seen, 0, sizeof seen);
}

static int files_left(bool remove_them) {
    char path[PATH_SIZE];
    int count = 0;
    DIR *open_folder = opendir(folder);
    struct dirent *entry;
    while (open_folder != NULL && (entry = readdir(open_folder)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        count++;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (remove_them) unlink(path);
    }
    if (open_folder != NULL) closedir(open_folder);
    return count;
}

static void end_folder(void) {
    (void)files_left(true);
    rmdir(folder);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
}

struct game {
    int bets;
    uint32_t capsule;
    int32_t how;
    bool contain;
    bool ended;
};

static void play(tp_actor *self, void *arg) {
    struct game *game = arg;
    tp_ref ref;
    tp_down down;
    tp_spawn_options options = {
        .monitor = &ref, .capsule = game->capsule, .contain = game->contain, .name = "lucky/one"};
    tp_pid bank = tp_spawn(self, &bank_behavior);
    tp_pid gambler =
        tp_spawn_with(self, &gambler_behavior, &options, table, .bank = bank, .start = 17);
    TP_ASSERT(!tp_pid_is_null(gambler));
    for (int i = 0; i < game->bets; i++) {
        tp_send(self, gambler, bet, .stake = (int64_t)(tp_random(self) % 1000),
                .on = TP_STR("red"));
        if (i % 3 == 0) tp_sleep(self, TP_US(50));
        if (i % 7 == 0) tp_sleep(self, TP_MS(3));
    }
    tp_send(self, gambler, leave, .how = game->how);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    tp_kill(self, bank);
    game->ended = true;
}

static tp_options noting(void) {
    return (tp_options){.workers = 2,
                        .log_hook = note,
                        .log_level = TP_LOG_ERROR,
                        .capsule_directory = folder,
                        .fault_limit = 1000};
}

static void run_game(struct game *game) {
    tp_options options = noting();
    TP_ASSERT_EQ_INT(tp_run_with(&options, play, game), 0);
    TP_ASSERT(game->ended);
}

/* ---- replaying it ---- */

static char said[8192];

static void must_not_run(tp_actor *self, void *arg) {
    (void)self, (void)arg;
    TP_ASSERT_MSG(false, "the program itself ran");
}

/* The status; what it says on standard error is in `said`. */
static int replay(const char *path) {
    tp_options options = noting();
    char out[] = "/tmp/troupe-replay-XXXXXX";
    int file = mkstemp(out), before = dup(STDERR_FILENO);
    TP_ASSERT(file >= 0 && before >= 0);
    unlink(out);
    fflush(stderr);
    dup2(file, STDERR_FILENO);
    setenv("TROUPE_REPLAY", path, 1);
    int status = tp_run_with(&options, must_not_run, NULL);
    unsetenv("TROUPE_REPLAY");
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    ssize_t size = pread(file, said, sizeof said - 1, 0);
    said[size < 0 ? 0 : size] = 0;
    close(file);
    return status;
}

#define SAYS(part) TP_ASSERT_MSG(strstr(said, part) != NULL, "no `%s` in: %s", part, said)

static void expect_same_end(const char *reason) {
    char path[PATH_SIZE];
    memcpy(path, seen.path, sizeof path);
    TP_ASSERT_MSG(path[0] != 0, "no capsule in: %s", seen.report);
    int status = replay(path);
    TP_ASSERT_MSG(status == 0, "status %d: %s", status, said);
    SAYS("it ended as recorded");
    SAYS(reason);
}

TP_TEST(capsule, a_failure_is_replayed_to_the_last_bit) {
    make_folder();
    for (int i = 0; i < 10; i++) {
        struct game game = {.bets = 20 * i, .capsule = 4096, .how = FAILS};
        run_game(&game);
        expect_same_end("failed (6): left with ");
    }
    end_folder();
}

static const char *game_in_sim(tp_sim *sim, void *arg) {
    struct game *game = arg;
    game->ended = false;
    (void)tp_sim_spawn_body(sim, play, game, NULL);
    if (tp_sim_run(sim) != TP_OK || !game->ended) return "the game does not end";
    if (seen.path[0] == 0) return "there is no capsule";
    char path[PATH_SIZE];
    memcpy(path, seen.path, sizeof path);
    int status = replay(path);
    unlink(path);
    if (status != 0) return said;
    return NULL;
}
TP_TEST(capsule, a_failure_is_replayed_under_many_seeds) {
    struct game game = {.bets = 40, .capsule = 4096, .how = FAILS};
    tp_sim_options options = {.workers = 2, .runtime = noting()};
    uint64_t failed = 0;
    make_folder();
    tp_err err = tp_sim_seeds(1, TP_SCALED(60), &options, game_in_sim, &game, &failed);
    TP_ASSERT_MSG(err == TP_OK, "seed %llu", (unsigned long long)failed);
    end_folder();
}

TP_TEST(capsule, exits_of_its_own_are_replayed) {
    make_folder();
    struct game game = {.bets = 5, .capsule = 100, .how = LEAVES_BADLY};
    run_game(&game);
    expect_same_end("user (1007)");
    end_folder();
}

TP_TEST(capsule, contained_faults_are_replayed) {
    if (!FAULTS_ARE_OURS) TP_SKIP(FAULTS_SKIPPED);
    make_folder();
    struct game game = {.bets = 10, .capsule = 100, .how = FAULTS, .contain = true};
    run_game(&game);
    expect_same_end("fault (10): SIGSEGV");
    game.how = ASSERTS;
    run_game(&game);
    expect_same_end("fault (10): SIGABRT");
    end_folder();
}

/* ---- what is written, and when ---- */

TP_TEST(capsule, nothing_is_written_without_a_crash_or_a_capsule) {
    make_folder();
    struct game game = {.bets = 5, .capsule = 100, .how = ENDS_WELL};
    run_game(&game);
    game = (struct game){.bets = 5, .how = FAILS};
    run_game(&game);
    TP_ASSERT_EQ_INT(seen.crashes, 1);
    TP_ASSERT_EQ_INT(files_left(false), 0);
    end_folder();
}

TP_TEST(capsule, the_file_is_its_owners_and_names_actor_and_time) {
    struct stat status;
    make_folder();
    mode_t before = umask(0);
    struct game game = {.bets = 5, .capsule = 100, .how = FAILS};
    run_game(&game);
    umask(before);
    TP_ASSERT_EQ_INT(stat(seen.path, &status), 0);
    TP_ASSERT_EQ_INT(status.st_mode & 0777, 0600);
    TP_ASSERT(strstr(seen.path, "/lucky-one-") != NULL); /* no slash of the name's */
    TP_ASSERT_EQ_INT(files_left(false), 1);
    TP_ASSERT(strstr(seen.json, "\"capsule\":\"") != NULL);
    end_folder();
}

TP_TEST(capsule, a_folder_that_is_not_there_costs_the_file_alone) {
    make_folder();
    struct game game = {.bets = 5, .capsule = 100, .how = FAILS};
    tp_options options = noting();
    options.capsule_directory = "/nowhere/at/all";
    TP_ASSERT_EQ_INT(tp_run_with(&options, play, &game), 0);
    TP_ASSERT(game.ended && seen.crashes == 1 && seen.path[0] == 0);
    end_folder();
}

TP_TEST(capsule, what_is_lost_is_said) {
    make_folder();
    struct game game = {.bets = 50, .capsule = 4, .how = LEAVES_BADLY};
    run_game(&game);
    int status = replay(seen.path); /* however it ends: its reason does not say what it was given */
    TP_ASSERT_MSG(status == 0 || status == 1, "status %d: %s", status, said);
    SAYS("inputs are lost");
    end_folder();
}

static void spawns_badly(tp_actor *self, void *arg) {
    tp_spawn_options options = {.capsule = 10};
    (void)arg;
    TP_ASSERT(tp_pid_is_null(tp_spawn_body(self, nothing, NULL, &options)));
    TP_ASSERT_EQ_INT(tp_error(self), TP_ENOTSUP);
    options.capsule = 65537;
    TP_ASSERT(tp_pid_is_null(tp_spawn_with(self, &bank_behavior, &options)));
    TP_ASSERT_EQ_INT(tp_error(self), TP_EINVAL);
}
TP_TEST(capsule, bodies_and_huge_ones_are_refused) {
    tp_options options = noting();
    TP_ASSERT_EQ_INT(tp_run_with(&options, spawns_badly, NULL), 0);
}

/* ---- ended by others ---- */

static void killed_by_a_friend(tp_actor *self, void *arg) {
    struct game *game = arg;
    tp_ref ref;
    tp_down down;
    tp_spawn_options options = {.monitor = &ref, .capsule = 100};
    tp_pid bank = tp_spawn_with(self, &bank_behavior, &options);
    bank_says reply;
    TP_ASSERT_EQ_INT(tp_call(self, bank, SOON, &reply, bank_says, ask_bank, .n = 3), TP_OK);
    tp_send_exit(self, bank, TP_EXIT_USER + 1);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    game->ended = true;
}
TP_TEST(capsule, an_end_by_a_signal_is_replayed) {
    struct game game = {0};
    tp_options options = noting();
    make_folder();
    TP_ASSERT_EQ_INT(tp_run_with(&options, killed_by_a_friend, &game), 0);
    TP_ASSERT(game.ended);
    expect_same_end("user (1001)");
    end_folder();
}

/* ---- going another way ---- */

static int hidden; /* no input: a replay cannot know it */
struct fickle {
    int n;
};
static void on_fickle(tp_actor *self, struct fickle *fickle, const tick *msg) {
    (void)fickle;
    if (hidden == 1) (void)tp_random(self);
    if (hidden == 2) return;
    if (hidden == 3) tp_fail(self, "other words");
    (void)tp_now(self);
    if (msg->n == 2) tp_fail(self, "tick");
}
TP_BEHAVIOR(fickle_behavior, "fickle", struct fickle, TP_ON(tick, on_fickle));
static void ticks(tp_actor *self, void *arg) {
    tp_ref ref;
    tp_down down;
    (void)arg;
    tp_pid fickle =
        tp_spawn_with(self, &fickle_behavior, TP_OPTIONS(.monitor = &ref, .capsule = 10));
    tp_send(self, fickle, tick, .n = 1);
    tp_send(self, fickle, tick, .n = 2);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
}
TP_TEST(capsule, a_replay_that_goes_another_way_says_so) {
    tp_options options = noting();
    char path[PATH_SIZE];
    make_folder();
    TP_ASSERT_EQ_INT(tp_run_with(&options, ticks, NULL), 0);
    memcpy(path, seen.path, sizeof path);
    TP_ASSERT_EQ_INT(replay(path), 0);
    hidden = 1;
    TP_ASSERT_EQ_INT(replay(path), 1);
    SAYS("it asks for a random number, where the capsule has a reading of the clock");
    hidden = 2;
    TP_ASSERT_EQ_INT(replay(path), 1);
    SAYS("ended before all of its inputs were asked for");
    hidden = 3;
    TP_ASSERT_EQ_INT(replay(path), 1);
    SAYS("ended otherwise: failed (6): other words");
    hidden = 0;
    end_folder();
}

/* ---- damaged files ---- */

static uint8_t *load(const char *path, size_t *size) {
    void *bytes = NULL;
    TP_ASSERT_EQ_INT(tpi_file_read(path, 1 << 20, &bytes, size), TP_OK);
    return bytes;
}

static void store(const char *path, const uint8_t *bytes, size_t size) {
    unlink(path);
    TP_ASSERT_EQ_INT(tpi_file_create(path, bytes, size), TP_OK);
}

/* In memory of exactly its size, so that a sanitizer sees a read beyond it. */
static bool opens(const uint8_t *bytes, size_t size) {
    struct tpi_capsule_file file;
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    TP_ASSERT(exact != NULL);
    if (size > 0) memcpy(exact, bytes, size);
    const char *wrong = tpi_capsule_open(&file, exact, size);
    if (wrong == NULL) tpi_capsule_close(&file);
    free(exact);
    return wrong == NULL;
}

TP_TEST(capsule, truncated_files_are_refused_at_every_byte) {
    size_t size;
    make_folder();
    struct game game = {.bets = 12, .capsule = 100, .how = FAILS};
    run_game(&game);
    uint8_t *bytes = load(seen.path, &size);
    TP_ASSERT(opens(bytes, size));
    for (size_t i = 0; i < size; i++) TP_ASSERT_MSG(!opens(bytes, i), "opens with %zu bytes", i);
    store(seen.path, bytes, size / 2);
    TP_ASSERT_EQ_INT(replay(seen.path), 2);
    SAYS("refused: ");
    free(bytes);
    end_folder();
}

TP_TEST(capsule, changed_files_are_refused_or_go_another_way) {
    size_t size;
    uint64_t random = 88172645463325252u;
    make_folder();
    struct game game = {.bets = 12, .capsule = 100, .how = FAILS};
    run_game(&game);
    char path[PATH_SIZE];
    memcpy(path, seen.path, sizeof path);
    uint8_t *bytes = load(path, &size);
    int opened = 0, replays = (int)TP_SCALED(150);
    for (int i = 0; i < 20000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t at = (size_t)(random >> 8) % size;
        uint8_t before = bytes[at];
        bytes[at] = (uint8_t)random;
        if (opens(bytes, size) && opened++ < replays && bytes[at] != before) {
            store(path, bytes, size);
            int status = replay(path);
            TP_ASSERT_MSG(status >= 0 && status <= 2, "status %d", status);
        }
        bytes[at] = before;
    }
    TP_ASSERT(opened > replays); /* not all is refused at once: it did reach the replay */
    free(bytes);
    end_folder();
}

TP_TEST(capsule, what_is_no_capsule_is_refused) {
    char path[PATH_SIZE];
    make_folder();
    TP_ASSERT_EQ_INT(replay("/nowhere/at/all"), 2);
    SAYS("refused: no such");
    TP_ASSERT_EQ_INT(replay("/dev/zero"), 2);
    TP_ASSERT_EQ_INT(replay(folder), 2);
    snprintf(path, sizeof path, "%s/text", folder);
    store(path, (const uint8_t *)"hello", 5);
    TP_ASSERT_EQ_INT(replay(path), 2);
    SAYS("it is no capsule");
    struct game game = {.bets = 1, .capsule = 10, .how = FAILS};
    run_game(&game);
    size_t size;
    uint8_t *bytes = load(seen.path, &size);
    uint8_t *name = memmem(bytes, size, "gambler", 7);
    TP_ASSERT(name != NULL);
    name[0] = 'r';
    store(path, bytes, size);
    free(bytes);
    TP_ASSERT_EQ_INT(replay(path), 2);
    SAYS("this program has no behaviour \"rambler\"");
    end_folder();
}

/* ---- the report ---- */

static void fails_thrice(tp_actor *self, void *arg) {
    static const tp_child_spec children[] = {
        {.id = "f", .behavior = &fickle_behavior, .options = {.name = "fickle", .capsule = 10}},
        {0}};
    static const tp_supervisor_spec spec = {.children = children, .intensity = 10};
    tp_pid supervisor;
    (void)arg;
    TP_ASSERT_EQ_INT(tp_supervisor_start(self, &supervisor, &spec, NULL), TP_OK);
    for (int i = 0; i < 3; i++) {
        tp_pid child = tp_whereis(tp_self_runtime(self), "fickle");
        tp_send(self, child, tick, .n = 1);
        tp_send(self, child, tick, .n = 2);
        while (tp_pid_equal(child, tp_whereis(tp_self_runtime(self), "fickle")) ||
               tp_pid_is_null(tp_whereis(tp_self_runtime(self), "fickle")))
            tp_sleep(self, TP_MS(1));
    }
}
TP_TEST(capsule, reports_tell_of_restarts_and_last_messages) {
    tp_options options = noting();
    make_folder();
    TP_ASSERT_EQ_INT(tp_run_with(&options, fails_thrice, NULL), 0);
    TP_ASSERT_EQ_INT(seen.crashes, 3);
    TP_ASSERT_MSG(strstr(seen.report, "restarted 2 times, the last ones ") != NULL, "%s",
                  seen.report);
    TP_ASSERT_MSG(strstr(seen.report, "last messages: tick{n=2}") != NULL, "%s", seen.report);
    TP_ASSERT_MSG(strstr(seen.report, "tick{n=1}") != NULL, "%s", seen.report);
    TP_ASSERT_MSG(strstr(seen.json, "\"restarts\":2,\"restart_ages\":[") != NULL, "%s", seen.json);
    TP_ASSERT_MSG(strstr(seen.json, "\"last\":[\"tick{n=2}\"") != NULL, "%s", seen.json);
    end_folder();
}
