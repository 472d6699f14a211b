/*
 * The storm: one actor that hurts the leaves at the given rate, from a seed, and keeps the books.
 *
 * A leaf that was hurt is left alone until its next incarnation says that it serves. That one comes
 * in any case: if the leaf ended for another reason before (its group was restarted), then for that
 * reason.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/stress/stress.h"

#define PLENTY TP_SECONDS(20)
#define SAMPLE_EVERY TP_MS(100)
#define SHOW_EVERY TP_MS(250)
#define BURST_MAX 256
#define BRITTLE_EVERY 256 /* hurts */
#define HANGS_MAX 4       /* at once */
#define TRIES 8           /* to find a leaf that is not hurt already */

struct storm {
    struct stress *stress;
    struct stress_result *result;
    uint64_t random;
    tp_time start;
    tp_time next_hurt, next_sample, next_show;
    uint64_t done; /* hurts, the skipped ones too */
    uint64_t hurting;
    uint32_t hangs;
    tp_pid root, load, medic;
    tp_ref *watches; /* on the supervisors that must not end */
    bool stopping, loaded, show;
};

static void broken(struct stress_result *result, const char *what) {
    if (result->broken[0] == '\0')
        (void)snprintf(result->broken, sizeof result->broken, "%s", what);
}

static struct stress_group *group_of(struct storm *storm, size_t slot) {
    if (slot == storm->stress->leaf_count)
        return &storm->stress->groups[storm->stress->group_count];
    return &storm->stress->groups[slot / (size_t)storm->stress->options->fanout];
}

static bool is_obstacle(enum stress_kind kind) {
    return kind == STRESS_HANG || kind == STRESS_SLOW || kind == STRESS_REFUSE;
}

/* Its siblings wait meanwhile. */
static bool delays(const struct storm *storm, size_t slot, enum stress_kind kind) {
    return is_obstacle(kind) || stress_is_isolated(storm->stress, slot);
}

/* ---- what is heard ---- */

static void on_dying(tp_actor *self, struct storm *storm, const stress_dying *msg) {
    struct stress_slot *slot = &storm->stress->slots[msg->slot];
    if (!slot->hurt || !tp_pid_equal(tp_sender(self), slot->pid)) return;
    slot->died = msg->at;
    if (slot->kind == STRESS_HANG)
        (void)tp_send(self, storm->medic, stress_hung, .slot = msg->slot);
}

static void count_latency(struct storm *storm, size_t at, tp_time served) {
    const struct stress_slot *slot = &storm->stress->slots[at];
    struct stress_result *result = storm->result;
    bool plain = slot->plain && group_of(storm, at)->epoch == slot->epoch;
    if (slot->died == 0) return;
    if (stress_is_isolated(storm->stress, at) && !is_obstacle(slot->kind))
        stress_histogram_add(&result->isolated, served - slot->died);
    else stress_histogram_add(plain ? &result->plain : &result->delayed, served - slot->died);
}

static void on_served(tp_actor *self, struct storm *storm, const stress_served *msg) {
    struct stress_slot *slot = &storm->stress->slots[msg->slot];
    struct stress_group *group = group_of(storm, msg->slot);
    slot->pid = tp_sender(self);
    slot->process = msg->process;
    if (slot->served++ > 0) storm->result->restarts++;
    if (!slot->hurt) return;
    count_latency(storm, msg->slot, msg->at);
    slot->hurt = false;
    storm->hurting--;
    if (delays(storm, msg->slot, slot->kind)) group->obstacles--;
    if (slot->kind == STRESS_HANG) storm->hangs--;
    if (msg->slot == storm->stress->leaf_count) storm->result->brittle_deaths++;
}

static void watch_brittle(tp_actor *self, struct storm *storm) {
    tp_pid pid = tp_whereis(tp_self_runtime(self), STRESS_BRITTLE_NAME);
    if (!tp_pid_is_null(pid)) storm->result->watched += tp_monitor(self, pid) != 0;
}

static void on_down(tp_actor *self, struct storm *storm, const tp_down *msg) {
    (void)self;
    if (storm->stopping) return;
    for (size_t i = 0; i < stress_tree_supervisors(storm->stress); i++) {
        if (storm->watches[i] != msg->ref) continue;
        storm->result->escalations_unexpected++;
        return;
    }
    storm->result->escalations_seen++;
}

/* The brittle leaf's service shows that its supervisor, a new one perhaps, can be watched. */
static void on_served_and_watch(tp_actor *self, struct storm *storm, const stress_served *msg) {
    on_served(self, storm, msg);
    uint64_t deaths = storm->result->brittle_deaths;
    if (msg->slot == storm->stress->leaf_count && deaths > 0 &&
        deaths % (STRESS_BRITTLE_INTENSITY + 1) == 0)
        watch_brittle(self, storm);
}

static void on_exited(tp_actor *self, struct storm *storm, const tp_exited *msg) {
    (void)self;
    if (tp_pid_equal(msg->from, storm->root) && !storm->stopping) {
        storm->stopping = true;
        broken(storm->result, "the root of the tree ended");
    }
    if (tp_pid_is_null(msg->from)) storm->stopping = true; /* the runtime asks */
}

static void on_loaded(tp_actor *self, struct storm *storm, const stress_loaded *msg) {
    (void)self;
    storm->result->load_sent = msg->sent;
    storm->loaded = true;
}

static void on_pong(tp_actor *self, struct storm *storm, const stress_pong *msg) {
    (void)self, (void)msg;
    storm->result->silent--;
}

TP_CASES(storm_cases, struct storm, TP_ON(stress_pong, on_pong),
         TP_ON(stress_served, on_served_and_watch), TP_ON(stress_dying, on_dying),
         TP_ON(tp_down, on_down), TP_ON(tp_exited, on_exited), TP_ON(stress_loaded, on_loaded));

/* ---- what is done ---- */

static enum stress_kind choose_kind(struct storm *storm) {
#define STRESS_KIND_SHARE(name, text, share) share,
    static const unsigned shares[] = {STRESS_KIND_MAP(STRESS_KIND_SHARE)};
#undef STRESS_KIND_SHARE
    unsigned at = (unsigned)(stress_random(&storm->random) % 1000);
    unsigned kind = 0;
    while (kind + 1 < STRESS_KIND_COUNT && at >= shares[kind]) at -= shares[kind++];
    return kind == STRESS_HANG && storm->hangs >= HANGS_MAX ? STRESS_KILL : (enum stress_kind)kind;
}

static size_t choose_slot(struct storm *storm) {
    size_t count = storm->stress->leaf_count;
    if (storm->done % BRITTLE_EVERY == BRITTLE_EVERY - 1 && !storm->stress->slots[count].hurt)
        return count;
    for (int i = 0; i < TRIES; i++) {
        size_t slot = (size_t)(stress_random(&storm->random) % count);
        if (!storm->stress->slots[slot].hurt) return slot;
    }
    return SIZE_MAX;
}

/* For the brittle one only what ends it exactly once. */
static enum stress_kind kind_for(struct storm *storm, size_t slot) {
    enum stress_kind kind = choose_kind(storm);
    if (slot == storm->stress->leaf_count && is_obstacle(kind)) return STRESS_FAIL;
    if (stress_is_isolated(storm->stress, slot) && (kind == STRESS_EXIT || kind == STRESS_KILL) &&
        stress_random(&storm->random) % 2 == 0)
        return STRESS_SIGKILL;
    return kind;
}

/* Not a process that has been reaped: its number may be somebody else's by now. Its group may have
 * been restarted; then the next incarnation says so in any case. */
static void kill_process(int64_t process) {
    siginfo_t info;
    if (waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
        (void)kill((pid_t)process, SIGKILL);
}

static void strike(tp_actor *self, const struct stress_slot *slot, uint32_t amount) {
    if (slot->kind == STRESS_KILL) (void)tp_kill(self, slot->pid);
    else if (slot->kind == STRESS_SIGKILL) kill_process(slot->process);
    else (void)tp_send(self, slot->pid, stress_hurt, .kind = slot->kind, .amount = amount);
}

static void hurt(tp_actor *self, struct storm *storm) {
    size_t at = choose_slot(storm);
    storm->done++;
    if (at == SIZE_MAX) {
        storm->result->skipped++;
        return;
    }
    struct stress_slot *slot = &storm->stress->slots[at];
    struct stress_group *group = group_of(storm, at);
    slot->kind = kind_for(storm, at);
    slot->hurt = true;
    slot->plain = group->obstacles == 0 && !delays(storm, at, slot->kind);
    slot->died = slot->kind == STRESS_KILL || slot->kind == STRESS_SIGKILL ? tp_now(self) : 0;
    if (delays(storm, at, slot->kind)) {
        group->obstacles++;
        group->epoch++;
    }
    slot->epoch = group->epoch;
    storm->hurting++;
    storm->hangs += slot->kind == STRESS_HANG;
    storm->result->hurts[slot->kind]++;
    uint32_t amount = 1 + (uint32_t)(stress_random(&storm->random) % 3);
    strike(self, slot, amount);
}

static void sample(tp_actor *self, struct storm *storm, tp_time now) {
    tp_counters counters;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    double queued = (double)counters.sent - (double)counters.handled - (double)counters.dropped -
                    (double)counters.dead_letters;
    struct stress_sample taken = {(double)(now - storm->start) / 1e9, (double)counters.memory,
                                  queued > 0 ? queued : 0};
    stress_sample_add(storm->result, &taken);
}

static void show(struct storm *storm, tp_time now) {
    double seconds = (double)(now - storm->start) / 1e9;
    const struct stress_result *result = storm->result;
    fprintf(stderr,
            "\r%6.1f s  %" PRIu64 " restarts (%.0f/s)  p50 %.1f us  p99 %.1f us  "
            "escalations %" PRIu64 "  memory %.1f MiB \x1b[K",
            seconds, result->restarts, seconds > 0 ? (double)result->restarts / seconds : 0,
            stress_quantile(&result->plain, 0.5) / 1e3, stress_quantile(&result->plain, 0.99) / 1e3,
            result->escalations_seen, result->samples[result->sample_count - 1].memory / 1048576);
    fflush(stderr);
}

static void do_what_is_due(tp_actor *self, struct storm *storm, tp_time now) {
    tp_duration interval = TP_SECONDS(1) / storm->stress->options->kill_rate;
    for (int i = 0; i < BURST_MAX && storm->next_hurt <= now; i++) {
        hurt(self, storm);
        storm->next_hurt += interval > 0 ? interval : 1;
    }
    if (storm->next_hurt <= now) storm->next_hurt = now + 1; /* it was late: no flood afterwards */
    if (storm->next_sample <= now) {
        sample(self, storm, now);
        storm->next_sample = now + SAMPLE_EVERY;
    }
    if (storm->show && storm->next_show <= now) {
        show(storm, now);
        storm->next_show = now + SHOW_EVERY;
    }
}

static void rage(tp_actor *self, struct storm *storm) {
    tp_time end = storm->start + TP_SECONDS(storm->stress->options->seconds);
    tp_time now = storm->start;
    storm->next_hurt = storm->next_sample = storm->next_show = now;
    while (now < end && !storm->stopping) {
        do_what_is_due(self, storm, now);
        tp_duration wait =
            (storm->next_hurt < storm->next_sample ? storm->next_hurt : storm->next_sample) - now;
        (void)tp_receive_cases(self, wait > 0 ? wait : 0, storm, storm_cases);
        now = tp_now(self);
    }
    storm->result->span = now - storm->start;
    if (storm->show) fprintf(stderr, "\r\x1b[K");
}

/* ---- before and after ---- */

static bool start(tp_actor *self, struct storm *storm) {
    tp_reason reason;
    tp_spawn_options linked = {.link = true};
    struct stress *stress = storm->stress;
    size_t supervisors = stress_tree_supervisors(stress);
    storm->watches = tp_alloc(self, supervisors * sizeof *storm->watches);
    if (storm->watches == NULL) return false;
    if (tp_supervisor_start(self, &storm->root, stress_tree_root(stress), &reason) != TP_OK)
        return false;
    for (size_t i = 0; i < supervisors; i++)
        storm->watches[i] =
            tp_monitor(self, tp_whereis(tp_self_runtime(self), stress_supervisor_name(stress, i)));
    storm->result->watched += supervisors;
    watch_brittle(self, storm);
    for (size_t up = 0; up <= stress->leaf_count;) { /* all leaves have said that they serve */
        if (tp_receive_cases(self, PLENTY, storm, storm_cases) != TP_OK) return false;
        for (up = 0; up <= stress->leaf_count && stress->slots[up].served > 0;) up++;
    }
    storm->load = tp_spawn_body(self, stress_load_body, stress, &linked);
    storm->medic = tp_spawn_body(self, stress_medic_body, stress, &linked);
    return !tp_pid_is_null(storm->load) && !tp_pid_is_null(storm->medic);
}

/* Everything hurt gets its time to come up again; then each leaf is asked. */
static void calm_down(tp_actor *self, struct storm *storm) {
    struct stress *stress = storm->stress;
    (void)tp_send(self, storm->load, stress_quit);
    while ((storm->hurting > 0 || !storm->loaded) && !storm->stopping)
        if (tp_receive_cases(self, PLENTY, storm, storm_cases) != TP_OK) break;
    while (tp_receive_cases(self, TP_MS(20), storm, storm_cases) == TP_OK) {
    }
    storm->result->not_restarted = storm->hurting;
    storm->result->silent = stress->leaf_count + 1;
    for (size_t i = 0; i <= stress->leaf_count; i++)
        (void)tp_send_name(self, stress_leaf_name(stress, i), stress_ping);
    while (storm->result->silent > 0 && !storm->stopping)
        if (tp_receive_cases(self, PLENTY, storm, storm_cases) != TP_OK) break;
    while (tp_receive_cases(self, 0, storm, storm_cases) == TP_OK) {
    }
}

static void stop(tp_actor *self, struct storm *storm) {
    tp_down down;
    storm->stopping = true;
    tp_unlink(self, storm->medic);
    tp_kill(self, storm->medic);
    tp_ref ref = tp_monitor(self, storm->root);
    tp_send_exit(self, storm->root, TP_EXIT_SHUTDOWN);
    for (down.ref = 0; down.ref != ref;)
        if (tp_receive(self, PLENTY, &down, tp_down) != TP_OK) {
            broken(storm->result, "the tree does not stop");
            return;
        }
    storm->result->ended = true;
}

void stress_storm_body(tp_actor *self, void *arg) {
    struct stress *stress = arg;
    struct storm storm = {.stress = stress, .result = stress->result};
    storm.random = stress->options->seed;
    storm.show = !stress->options->sim && isatty(STDERR_FILENO) != 0;
    stress->storm = tp_self(self);
    stress_tree_tell(stress, stress->storm);
    (void)tp_trap_exits(self, true);
    if (!start(self, &storm)) {
        broken(storm.result, "the tree does not start");
        return;
    }
    storm.start = tp_now(self);
    rage(self, &storm);
    calm_down(self, &storm);
    storm.result->escalations_expected =
        storm.result->brittle_deaths / (STRESS_BRITTLE_INTENSITY + 1);
    stop(self, &storm);
}
