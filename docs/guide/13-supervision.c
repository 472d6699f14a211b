/*
 * A shop as a supervision tree: a stock, a till that needs it, visits that come and go, and a show
 * that breaks things and looks at what happens.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(sell, TP_FIELD(i64, pieces))
TP_MESSAGE(sold, TP_FIELD(i64, in_all))
TP_MESSAGE(break_down)
TP_MESSAGE(visit, TP_FIELD(str, who), TP_FIELD(pid, show))
TP_MESSAGE(visited, TP_FIELD(str, who))

/* ---- the stock: what is left is lost with it ---- */

struct stock {
    int64_t in_all;
};

static void on_sell(tp_actor *self, struct stock *stock, const sell *msg) {
    stock->in_all += msg->pieces;
    tp_reply(self, sold, .in_all = stock->in_all);
}
static void on_break_down(tp_actor *self, struct stock *stock, const break_down *msg) {
    (void)msg;
    tp_fail(self, "the shelf broke after %" PRId64 " pieces", stock->in_all);
}
TP_BEHAVIOR(stock_behavior, "stock", struct stock, TP_ON(sell, on_sell),
            TP_ON(break_down, on_break_down));

/* ---- the till: finds the stock once, in its init; so it must not outlive it ---- */

struct till {
    tp_pid stock;
};

static void till_init(tp_actor *self, struct till *till) {
    tp_trap_exits(self, true); /* for its terminate to be called when it is asked to stop */
    till->stock = tp_whereis(tp_self_runtime(self), "stock");
}
static void on_till_sell(tp_actor *self, struct till *till, const sell *msg) {
    if (msg->pieces <= 0) tp_fail(self, "%" PRId64 " pieces", msg->pieces);
    tp_delegate(self, till->stock);
}
static void till_end(tp_actor *self, struct till *till, const tp_reason *reason) {
    (void)self, (void)till;
    printf("  till: %s\n", tp_exit_code_name(reason->code));
}
TP_BEHAVIOR(till_behavior, "till", struct till, TP_INIT(till_init), TP_ON(sell, on_till_sell),
            TP_TERMINATE(till_end));

/* ---- a visit: one of many ---- */

struct nothing {
    char unused;
};

static void visit_init(tp_actor *self, struct nothing *state, const visit *msg) {
    (void)state;
    tp_send(self, msg->show, visited, .who = msg->who);
}
TP_BEHAVIOR(visit_behavior, "visit", struct nothing, TP_INIT_WITH(visit, visit_init));

/* ---- the tree ---- */

static void show(tp_actor *self, void *arg);

static const tp_supervisor_spec tree = {
    .strategy = TP_ONE_FOR_ONE,
    .auto_shutdown = TP_AUTO_SHUTDOWN_ANY,
    .children = TP_CHILDREN(
        {.id = "shop",
         .supervisor =
             TP_NEST(.strategy = TP_REST_FOR_ONE, .intensity = 10, .options = {.name = "shop"},
                     .children = TP_CHILDREN(
                         {.id = "stock", .behavior = &stock_behavior, .options = {.name = "stock"}},
                         {.id = "till", .behavior = &till_behavior, .options = {.name = "till"}}))},
        {.id = "visits",
         .supervisor =
             TP_NEST(.strategy = TP_SIMPLE_ONE_FOR_ONE, .options = {.name = "visits"},
                     .children = TP_CHILDREN(
                         {.id = "visit", .behavior = &visit_behavior, .restart = TP_TEMPORARY}))},
        {.id = "show", .body = show, .restart = TP_TRANSIENT, .significant = true}),
};

/* ---- the show ---- */

static tp_pid find(tp_actor *self, const char *name) {
    return tp_whereis(tp_self_runtime(self), name);
}

/* A new actor has the name: the old one was restarted. */
static void await_another(tp_actor *self, const char *name, tp_pid old) {
    tp_pid now = find(self, name);
    while (tp_pid_is_null(now) || tp_pid_equal(now, old)) {
        tp_yield(self);
        now = find(self, name);
    }
}

static void try_to_sell(tp_actor *self, int64_t pieces) {
    sold got;
    tp_err err = tp_call(self, find(self, "till"), PLENTY, &got, sold, sell, .pieces = pieces);
    if (err == TP_OK) printf("sold %" PRId64 ", %" PRId64 " in all\n", pieces, got.in_all);
    else printf("not sold: %s\n", tp_err_name(err));
}

static void restarts(tp_actor *self) {
    try_to_sell(self, 3);
    tp_pid till = find(self, "till");
    try_to_sell(self, 0); /* the till fails; the stock before it goes on */
    await_another(self, "till", till);
    try_to_sell(self, 4);
    till = find(self, "till");
    tp_send_name(self, "stock", break_down); /* the till after it is stopped and started too */
    await_another(self, "till", till);
    try_to_sell(self, 5);
}

static void management(tp_actor *self) {
    tp_child_info children[4];
    size_t count = 0;
    tp_pid shop = find(self, "shop");
    printf("delete: %s\n",
           tp_supervisor_delete_child(self, shop, "till") == TP_CHILD_RUNNING ? "it runs" : "done");
    tp_supervisor_terminate_child(self, shop, "till");
    tp_supervisor_which_children(self, shop, children, 4, &count);
    for (size_t i = 0; i < count; i++)
        printf("  %.*s: %s\n", (int)children[i].id.size, children[i].id.data,
               children[i].status == TP_CHILD_IS_RUNNING ? "runs" : "stopped");
    tp_supervisor_restart_child(self, shop, "till", NULL);
    try_to_sell(self, 6);
}

static void visits(tp_actor *self) {
    static const char *const guests[] = {"ann", "bob", "eve"};
    tp_child_counts counts = {0};
    visited got;
    tp_pid supervisor = find(self, "visits");
    for (int i = 0; i < 3; i++) {
        tp_supervisor_spawn(self, supervisor, NULL, visit, .who = tp_str_of(guests[i]),
                            .show = tp_self(self));
        if (tp_receive(self, PLENTY, &got, visited) == TP_OK)
            printf("%.*s is here\n", (int)got.who.size, got.who.data);
    }
    tp_supervisor_count_children(self, supervisor, &counts);
    printf("%" PRIu64 " visits\n", counts.active);
}

static void show(tp_actor *self, void *arg) {
    (void)arg;
    restarts(self);
    management(self);
    visits(self);
    printf("the show is over\n"); /* a significant child ends: so does the tree */
}

int main(void) {
    tp_options quiet = {.log_level = TP_LOG_OFF};
    return tp_run_tree(&quiet, &tree);
}
