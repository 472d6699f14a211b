/*
 * A kitchen as a pool of cooks, and a day of errands as tasks with limits, deadlines and failures.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

/* ---- a pool: cooks ---- */

TP_MESSAGE(cook, TP_FIELD(u64, table), TP_FIELD(str, dish))
TP_MESSAGE(plate, TP_FIELD(i64, of_this_cook))

struct cook_state {
    int64_t plates;
};

static void on_cook(tp_actor *self, struct cook_state *state, const cook *msg) {
    if (tp_str_equal(msg->dish, TP_STR("fugu"))) tp_fail(self, "not in this kitchen");
    tp_reply(self, plate, .of_this_cook = ++state->plates);
}
TP_BEHAVIOR(cook_behavior, "cook", struct cook_state, TP_ON(cook, on_cook));

/* The same table is served by the same cook. */
static uint64_t table_of(tp_actor *self, const tp_message *message) {
    cook order;
    return tp_message_get(self, message, &order, cook) == TP_OK ? order.table : 0;
}

static const tp_pool_spec kitchen = {
    .behavior = &cook_behavior,
    .workers = 4,
    .router = TP_POOL_HASH,
    .key = table_of,
};

static void a_pool(tp_actor *self) {
    tp_pid pool;
    plate got;
    if (tp_pool_start(self, &pool, &kitchen, PLENTY) != TP_OK) return;
    for (int i = 0; i < 3; i++)
        if (tp_call(self, pool, PLENTY, &got, plate, cook, .table = 7, .dish = TP_STR("soup")) ==
            TP_OK)
            printf("table 7: plate %" PRId64 " of its cook\n", got.of_this_cook);
    tp_err err = tp_call(self, pool, PLENTY, &got, plate, cook, .table = 7, .dish = TP_STR("fugu"));
    printf("fugu: %s\n", tp_err_name(err));
    tp_pool_info info = {.replaced = 0}; /* the pool hears of it a moment later */
    while (info.replaced == 0 && tp_pool_look(self, pool, &info, PLENTY) == TP_OK) tp_yield(self);
    if (tp_call(self, pool, PLENTY, &got, plate, cook, .table = 7, .dish = TP_STR("soup")) == TP_OK)
        printf("table 7: plate %" PRId64 " of a new cook\n", got.of_this_cook);
    tp_pool_resize(self, pool, 2, PLENTY);
    printf("stopped: %s\n", tp_err_name(tp_pool_stop(self, pool, PLENTY)));
}

/* ---- tasks: errands ---- */

TP_MESSAGE(errand, TP_FIELD(str, what), TP_FIELD(i64, ms))
TP_MESSAGE(receipt, TP_FIELD(str, text))

static tp_err run_errand(tp_actor *self, const errand *in, receipt *out) {
    tp_sleep(self, TP_MS(in->ms));
    if (tp_str_equal(in->what, TP_STR("stamps"))) tp_fail(self, "the counter is closed");
    out->text = in->what;
    return TP_OK;
}
TP_TASK(errand_task, "errand", errand, receipt, run_errand);

static void print_outcome(tp_actor *self, const tp_task_outcome *done) {
    receipt got;
    if (tp_task_await(self, done->task, 0, &got, receipt) == TP_OK)
        printf("%" PRIu64 ": %.*s\n", done->task.id, (int)got.text.size, got.text.data);
    else printf("%" PRIu64 ": %s %s\n", done->task.id, tp_err_name(done->err), done->text);
}

static void tasks(tp_actor *self) {
    tp_task task, never;
    tp_task_outcome done;
    tp_pid group = tp_tasks_open(self, NULL);
    tp_task_options soon = {.deadline = TP_MS(150)};
    tp_task_submit(self, &task, group, NULL, errand_task, .what = TP_STR("bread"), .ms = 300);
    tp_task_submit(self, &task, group, NULL, errand_task, .what = TP_STR("milk"), .ms = 10);
    tp_task_submit(self, &task, group, NULL, errand_task, .what = TP_STR("stamps"), .ms = 80);
    tp_task_submit(self, &task, group, &soon, errand_task, .what = TP_STR("queue"), .ms = 60000);
    tp_task_submit(self, &never, group, NULL, errand_task, .what = TP_STR("moon"), .ms = 60000);
    for (int i = 0; i < 4; i++)
        if (tp_task_next(self, group, PLENTY, &done) == TP_OK) print_outcome(self, &done);
    tp_task_cancel(self, never);
    if (tp_task_next(self, group, PLENTY, &done) == TP_OK) print_outcome(self, &done);
    tp_tasks_close(self, group);
}

/* ---- limits: one a shop, in the order in which they were asked for ---- */

static tp_err queue_up(tp_actor *self, const errand *in, receipt *out) {
    (void)out;
    tp_yield(self);
    printf("at the baker: %.*s\n", (int)in->what.size, in->what.data);
    return TP_OK;
}
TP_TASK(queue_task, "queue up", errand, receipt, queue_up);

static void in_order(tp_actor *self) {
    static const char *const what[] = {"rolls", "bread", "cake"};
    tp_task task;
    tp_pid group = tp_tasks_open(self, &(tp_tasks_options){.limit = 8, .limit_per_key = 1});
    tp_task_options baker = {.key = TP_STR("baker")};
    for (int i = 0; i < 3; i++)
        tp_task_submit(self, &task, group, &baker, queue_task, .what = tp_str_of(what[i]));
    tp_tasks_join(self, group, PLENTY);
    tp_tasks_close(self, group);
}

static void show(tp_actor *self, void *arg) {
    (void)arg;
    tp_trap_exits(self, true); /* the pool is linked to its starter */
    a_pool(self);
    tasks(self);
    in_order(self);
}

int main(void) {
    tp_options quiet = {.log_level = TP_LOG_OFF};
    return tp_run_with(&quiet, show, NULL);
}
