/*
 * The actors of the tree and around it.
 */
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "tools/stress/stress.h"

#define PLENTY TP_SECONDS(20)
#define TICK TP_MS(1)
#define TICKS_A_LOOK 16 /* so often the source of load looks up where the leaves are */
#define TICK_SENDS_MAX 5000

/* ---- the leaf ---- */

struct leaf {
    struct stress *stress;
    tp_pid storm; /* not stress->storm: an isolated one's copy of that is older */
    uint32_t slot;
    uint64_t handled;
    bool deaf;
};

TP_MESSAGE_AS(never, "stress.never")

static void leaf_init(tp_actor *self, struct leaf *leaf, const stress_start *msg) {
    leaf->stress = (struct stress *)(uintptr_t)msg->stress;
    leaf->slot = msg->slot;
    leaf->storm = msg->storm;
    struct stress_slot *slot = &leaf->stress->slots[msg->slot];
    if (slot->failing > 0) {
        slot->failing--;
        tp_fail(self, "this start fails, and %u more", (unsigned)slot->failing);
    }
    tp_duration slow = slot->slow;
    slot->slow = 0;
    if (slow > 0) (void)tp_sleep(self, slow);
    (void)tp_send(self, tp_self(self), stress_hello);
}

/* The first message that this incarnation handles: it serves. */
static void on_hello(tp_actor *self, struct leaf *leaf, const stress_hello *msg) {
    (void)msg;
    (void)tp_send(self, leaf->storm, stress_served, .slot = leaf->slot, .at = tp_now(self),
                  .process = getpid());
}

static void on_load(tp_actor *self, struct leaf *leaf, const stress_load *msg) {
    (void)self, (void)msg;
    leaf->handled++;
}

static void on_ping(tp_actor *self, struct leaf *leaf, const stress_ping *msg) {
    (void)msg;
    (void)tp_send(self, tp_sender(self), stress_pong, .slot = leaf->slot);
}

/* Where faults are not contained the end is the same, by other means. A process of its own ends by
 * the fault itself; without the report, of which there would be many. */
static _Noreturn void fault(tp_actor *self, bool isolated) {
    volatile uintptr_t nowhere = 16;
    if (isolated) {
        (void)sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        *(volatile int *)nowhere = 1;
    }
    if (tp_contains_faults(tp_self_runtime(self))) *(volatile int *)nowhere = 1;
    tp_exit(self, TP_EXIT_FAULT);
}

/* Deaf, also when it is asked to stop: the time that its supervisor gives it has to pass. */
static void hang(tp_actor *self, bool isolated) {
    never nothing;
    while (isolated) (void)pause(); /* its thread as well: only a signal ends it */
    for (;;) (void)tp_receive(self, TP_FOREVER, &nothing, never);
}

static void leaf_end(tp_actor *self, struct leaf *leaf, const tp_reason *reason) {
    (void)reason;
    if (leaf->deaf) hang(self, stress_is_isolated(leaf->stress, leaf->slot));
}

static void on_hurt(tp_actor *self, struct leaf *leaf, const stress_hurt *msg) {
    struct stress_slot *slot = &leaf->stress->slots[leaf->slot];
    bool isolated = stress_is_isolated(leaf->stress, leaf->slot);
    if (msg->kind == STRESS_SLOW) slot->slow = TP_MS(msg->amount);
    if (msg->kind == STRESS_REFUSE) slot->failing = msg->amount;
    (void)tp_send(self, leaf->storm, stress_dying, .slot = leaf->slot, .at = tp_now(self));
    if (msg->kind == STRESS_HANG) {
        leaf->deaf = true;
        (void)tp_trap_exits(self, true);
        hang(self, isolated);
    }
    if (msg->kind == STRESS_FAULT) fault(self, isolated);
    if (msg->kind == STRESS_EXIT) tp_exit(self, TP_EXIT_USER + 1);
    tp_fail(self, "hurt: %s", stress_kind_name(msg->kind));
}

TP_BEHAVIOR_EXTERN(stress_leaf, "leaf", struct leaf, TP_INIT_WITH(stress_start, leaf_init),
                   TP_ON(stress_hello, on_hello), TP_ON(stress_load, on_load),
                   TP_ON(stress_ping, on_ping), TP_ON(stress_hurt, on_hurt),
                   TP_TERMINATE(leaf_end));

/* ---- the load ---- */

/* Between two looks it sends to where the leaves were: some of it to the dead. */
static void look(tp_actor *self, const struct stress *stress, tp_pid *pids) {
    for (size_t i = 0; i < stress->leaf_count; i++) {
        tp_pid pid = tp_whereis(tp_self_runtime(self), stress_leaf_name(stress, i));
        if (!tp_pid_is_null(pid)) pids[i] = pid;
    }
}

static uint64_t send_some(tp_actor *self, const struct stress *stress, const tp_pid *pids,
                          uint64_t count, uint64_t *random) {
    uint64_t sent = 0;
    for (uint64_t i = 0; i < count; i++) {
        tp_pid to = pids[stress_random(random) % stress->leaf_count];
        if (!tp_pid_is_null(to)) sent += tp_send(self, to, stress_load, .number = i) == TP_OK;
    }
    return sent;
}

void stress_load_body(tp_actor *self, void *arg) {
    const struct stress *stress = arg;
    stress_quit quit;
    uint64_t random = stress->options->seed ^ 0x10ad, sent = 0, due_before = 0;
    tp_pid *pids = tp_alloc(self, stress->leaf_count * sizeof *pids);
    tp_time start = tp_now(self);
    if (pids == NULL) tp_exit(self, TP_EXIT_NOMEM);
    for (uint64_t tick = 0; tp_receive(self, TICK, &quit, stress_quit) == TP_ETIMEDOUT; tick++) {
        double seconds = (double)(tp_now(self) - start) / 1e9;
        uint64_t due = (uint64_t)(seconds * (double)stress->options->load);
        uint64_t count = due - due_before;
        due_before = due;
        if (tick % TICKS_A_LOOK == 0) look(self, stress, pids);
        if (count > TICK_SENDS_MAX) count = TICK_SENDS_MAX; /* it was late: no flood afterwards */
        sent += send_some(self, stress, pids, count, &random);
    }
    (void)tp_send(self, stress->storm, stress_loaded, .sent = sent);
}

/* ---- the medic ---- */

/* Has what hangs ended by its supervisor, and started anew. A group's restart may come between. */
static void treat(tp_actor *self, const struct stress *stress, uint32_t slot) {
    const char *id = stress_leaf_name(stress, slot);
    tp_pid above = tp_whereis(tp_self_runtime(self), stress_above(stress, slot));
    tp_child_result result = tp_supervisor_terminate_child(self, above, id);
    if (result == TP_CHILD_OK) result = TP_CHILD_START_FAILED;
    for (int i = 0; i < 100 && result == TP_CHILD_START_FAILED; i++) {
        stress->result->calls++;
        result = tp_supervisor_restart_child(self, above, id, NULL);
    }
    stress->result->calls += result != TP_CHILD_UNREACHABLE;
}

void stress_medic_body(tp_actor *self, void *arg) {
    stress_hung hung;
    while (tp_receive(self, TP_FOREVER, &hung, stress_hung) == TP_OK) treat(self, arg, hung.slot);
}
