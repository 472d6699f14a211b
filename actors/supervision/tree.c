/*
 * A program that is a tree: its main actor is the root's parent, and tells main how it went.
 *
 * Signals are watched in a little runtime of its own: what a signal stops is that one, in no order,
 * and its one actor asks the tree to stop in order.
 */
#include <stdio.h>

#include <troupe/inbox.h>

#include "actors/supervision/supervision.h"

#define TREE_NAME "tp.tree"

TP_MESSAGE_AS(tree_stop, "tp.tree.stop", TP_FIELD(i32, status))

struct tree {
    const tp_supervisor_spec *spec;
    tp_pid root;
    int status; /* what main returns */
    bool over;
};

/* ---- the main actor ---- */

static void on_tree_stop(tp_actor *self, struct tree *tree, const tree_stop *msg) {
    tree->status = msg->status;
    (void)tp_send_exit(self, tree->root, TP_EXIT_SHUTDOWN);
}

static void on_gave_up(tp_actor *self, struct tree *tree, const tpi_gave_up *msg) {
    (void)self, (void)msg;
    tree->status = 1;
}

static void on_exited(tp_actor *self, struct tree *tree, const tp_exited *msg) {
    char why[256];
    if (tp_pid_is_null(msg->from)) /* the runtime asks: pass it on */
        (void)tp_send_exit(self, tree->root, TP_EXIT_SHUTDOWN);
    if (!tp_pid_equal(msg->from, tree->root)) return;
    tree->over = true;
    if (msg->code == TP_EXIT_SHUTDOWN || msg->code == TP_EXIT_NORMAL) return;
    tpi_reason_text(why, sizeof why, (tp_reason){msg->code, msg->detail});
    tp_log(self, TP_LOG_ERROR, "the root ended: %s", why);
    tree->status = 1;
}

TP_CASES(tree_cases, struct tree, TP_ON(tp_exited, on_exited), TP_ON(tree_stop, on_tree_stop),
         TP_ON(tpi_gave_up, on_gave_up));

static int run_root(tp_actor *self, struct tree *tree) {
    char why[256];
    tp_reason reason = {0};
    (void)tp_trap_exits(self, true);
    tp_err err = tp_register(self, TREE_NAME);
    if (err == TP_OK)
        err = tpi_supervisor_start(self, &tree->root, tree->spec, &tree->spec->options, true,
                                   &reason);
    if (err != TP_OK) {
        tpi_reason_text(why, sizeof why, reason);
        tp_log(self, TP_LOG_ERROR, "the tree does not start: %s",
               err == TP_ENOPROC ? why : tp_strerror(err));
        return 1;
    }
    while (err == TP_OK && !tree->over) err = tp_receive_cases(self, TP_FOREVER, tree, tree_cases);
    return err == TP_OK ? tree->status : 1;
}

static void tree_body(tp_actor *self, void *arg) {
    struct tree *tree = arg;
    tree->status = run_root(self, tree);
    tp_exit_status(self, tree->status);
}

int tp_run_tree(const tp_options *options, const tp_supervisor_spec *root) {
    struct tree tree = {.spec = root};
    if (root == NULL) return 1;
    return tp_run_with(options, tree_body, &tree);
}

tp_err tp_tree_stop(tp_runtime *runtime, int status) {
    tp_pid tree = tp_whereis(runtime, TREE_NAME);
    if (tp_pid_is_null(tree)) return TP_ENOENT;
    return tp_post(runtime, tree, tree_stop, .status = status);
}

/* ---- signals ---- */

TP_MESSAGE_AS(guard_this, "tp.tree.guard", TP_FIELD(u64, tree))

struct guard {
    tp_runtime *tree;
};

static void guard_init(tp_actor *self, struct guard *guard, const guard_this *msg) {
    guard->tree = (tp_runtime *)(uintptr_t)msg->tree;
    (void)tp_trap_exits(self, true);
}

/* Called when its runtime is asked to stop: by a signal, or at the end, when no tree is left. */
static void guard_end(tp_actor *self, struct guard *guard, const tp_reason *reason) {
    (void)self, (void)reason;
    (void)tp_tree_stop(guard->tree, 0);
}

TP_BEHAVIOR(guard_behavior, "guard", struct guard, TP_INIT_WITH(guard_this, guard_init),
            TP_TERMINATE(guard_end));

static tp_err watch_signals(tp_runtime *tree, tp_runtime **out) {
    tp_pid guard;
    tp_err err = tp_runtime_start(out, &(tp_options){.workers = 1, .max_actors = 16});
    if (err != TP_OK) return err;
    err = tp_runtime_spawn(*out, &guard, &guard_behavior, NULL, guard_this,
                           .tree = (uint64_t)(uintptr_t)tree);
    if (err == TP_OK) err = tp_runtime_stop_on_signals(*out);
    if (err != TP_OK) tp_runtime_stop(*out);
    return err;
}

static int run_until_signal(tp_runtime *runtime, struct tree *tree) {
    tp_runtime *signals;
    tp_pid pid;
    int code = TP_EXIT_NOMEM;
    tp_err err = watch_signals(runtime, &signals);
    if (err == TP_OK) {
        err = tp_runtime_spawn_body(runtime, &pid, tree_body, tree, NULL);
        if (err == TP_OK) err = tp_runtime_wait(runtime, pid, TP_FOREVER, &code);
        tp_runtime_stop(signals);
    }
    if (err != TP_OK) fprintf(stderr, "troupe: the tree does not start: %s\n", tp_strerror(err));
    return err == TP_OK && (code == TP_EXIT_NORMAL || code == TP_EXIT_NOPROC) ? tree->status : 1;
}

int tp_run_tree_until_signal(const tp_options *options, const tp_supervisor_spec *root) {
    tp_runtime *runtime;
    struct tree tree = {.spec = root, .status = 1};
    if (root == NULL) return 1;
    tp_err err = tp_runtime_start(&runtime, options);
    if (err != TP_OK) {
        fprintf(stderr, "troupe: the runtime does not start: %s\n", tp_strerror(err));
        return 1;
    }
    int status = run_until_signal(runtime, &tree);
    tp_runtime_stop(runtime);
    return status;
}
