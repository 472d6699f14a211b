/*
 * The account, the report, and the day that they fill. Nobody says here when what is to be done:
 * interruptible tasks let go of their executor, the others keep it, and the runtime does the rest.
 */
#include "examples/six-cases/plan.h"

TP_MESSAGE(account_args, TP_FIELD(pid, day), TP_FIELD(i64, hour), TP_FIELD(bool, interruptible),
           TP_LIST(i64, entries))
TP_MESSAGE(report_args, TP_FIELD(pid, day), TP_FIELD(i64, hour), TP_FIELD(bool, interruptible),
           TP_LIST(i64, entries))
TP_MESSAGE(merge_args, TP_FIELD(pid, day), TP_FIELD(i64, hour))
TP_MESSAGE(writer_args, TP_FIELD(pid, merge), TP_FIELD(i64, hour), TP_FIELD(bool, from_back),
           TP_LIST(i64, entries))
TP_MESSAGE(partner, TP_FIELD(pid, pid))
TP_MESSAGE(wrote, TP_FIELD(i32, page))
TP_MESSAGE(written, TP_FIELD(i32, page), TP_FIELD(i64, cents))
TP_MESSAGE(draft_done)
TP_MESSAGE(in_line)
TP_MESSAGE(account_done, TP_FIELD(i64, cents))
TP_MESSAGE(report_done, TP_FIELD(i64, cents))

struct nothing {
    char unused;
};

static int64_t sum_of(tp_list_i64 entries) {
    int64_t sum = 0;
    for (size_t i = 0; i < entries.count; i++) sum += entries.items[i];
    return sum;
}

/* ---- the account: an hour in line, an hour at the counter ---- */

static void account_init(tp_actor *self, struct nothing *nothing, const account_args *args) {
    (void)nothing;
    int64_t sum = sum_of(args->entries);
    tp_send(self, args->day, in_line);
    if (args->interruptible) tp_sleep(self, args->hour); /* the executor may do something else */
    else tp_work(self, args->hour);
    tp_work(self, args->hour);
    tp_send(self, args->day, account_done, .cents = sum);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(account_behavior, "account", struct nothing, TP_INIT_WITH(account_args, account_init));

/* ---- the report, or a part of it: page by page ---- */

/*
 * Interruptible: looks up often. What the last look took too long (the machine has other things to
 * do, too) is taken off the next one: `owed` is what is still to be worked.
 */
static void write_page(tp_actor *self, tp_duration hour, tp_duration *owed) {
    tp_duration look = hour * PAGE_MINUTES / 60 / LOOKS;
    for (*owed += look * LOOKS; *owed > 0;) {
        tp_time start = tp_now(self);
        tp_work(self, *owed < look ? *owed : look);
        *owed -= tp_now(self) - start;
        if (*owed > 0) tp_yield(self);
    }
}

static void report_init(tp_actor *self, struct nothing *nothing, const report_args *args) {
    (void)nothing;
    int64_t sum = 0;
    tp_duration owed = 0;
    size_t pages = args->entries.count;
    for (size_t i = 0; i < pages && args->interruptible; i++) {
        write_page(self, args->hour, &owed);
        tp_yield(self);
        sum += args->entries.items[i];
    }
    if (!args->interruptible) {
        tp_work(self, args->hour * PAGE_MINUTES / 60 * (int64_t)pages);
        sum = sum_of(args->entries);
    }
    tp_send(self, args->day, report_done, .cents = sum);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(report_behavior, "report", struct nothing, TP_INIT_WITH(report_args, report_init));

/* ---- the report as one document: one writes from the front, the other from the back ---- */

static void writer_init(tp_actor *self, struct nothing *nothing, const writer_args *args) {
    (void)nothing;
    partner other;
    wrote last;
    int64_t entries[PAGES];
    bool back = args->from_back;
    tp_pid merge = args->merge;
    tp_duration hour = args->hour, owed = 0;
    int32_t mine = back ? PAGES - 1 : 0, theirs = back ? -1 : PAGES;
    for (size_t i = 0; i < PAGES; i++) entries[i] = args->entries.items[i];
    if (tp_receive(self, TP_FOREVER, &other, partner) != TP_OK) return;
    while (back ? mine > theirs : mine < theirs) {
        write_page(self, hour, &owed);
        tp_send(self, merge, written, .page = mine, .cents = entries[mine]);
        tp_send(self, other.pid, wrote, .page = mine);
        mine += back ? -1 : 1;
        tp_yield(self);
        while (tp_receive(self, 0, &last, wrote) == TP_OK) theirs = last.page;
    }
    tp_send(self, merge, draft_done);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(writer_behavior, "writer", struct nothing, TP_INIT_WITH(writer_args, writer_init));

struct document {
    tp_pid day;
    tp_duration hour;
    int64_t sum;
    int drafts;
    bool has[PAGES]; /* the page where they met may have been written twice */
};

static void merge_init(tp_actor *self, struct document *document, const merge_args *args) {
    (void)self;
    document->day = args->day;
    document->hour = args->hour;
}

static void on_written(tp_actor *self, struct document *document, const written *msg) {
    if (msg->page < 0 || msg->page >= PAGES) tp_fail(self, "page %d", (int)msg->page);
    if (!document->has[msg->page]) document->sum += msg->cents;
    document->has[msg->page] = true;
}

static void on_draft_done(tp_actor *self, struct document *document, const draft_done *msg) {
    (void)msg;
    if (++document->drafts < 2) return;
    tp_work(self, document->hour * MERGE_MINUTES / 60);
    tp_send(self, document->day, report_done, .cents = document->sum);
    tp_exit(self, TP_EXIT_NORMAL);
}

TP_BEHAVIOR(merge_behavior, "merge", struct document, TP_INIT_WITH(merge_args, merge_init),
            TP_ON(written, on_written), TP_ON(draft_done, on_draft_done));

static void share(tp_actor *self, const struct day *day) {
    tp_spawn_options by_client = {.workers = CLIENT}, by_assistant = {.workers = ASSISTANT};
    tp_pid merge = tp_spawn_with(self, &merge_behavior, &by_client, merge_args,
                                 .day = tp_self(self), .hour = day->hour);
    tp_pid front = tp_spawn_with(self, &writer_behavior, &by_assistant, writer_args, .merge = merge,
                                 .hour = day->hour, .entries = {day->entries, PAGES});
    tp_pid back =
        tp_spawn_with(self, &writer_behavior, &by_client, writer_args, .merge = merge,
                      .hour = day->hour, .from_back = true, .entries = {day->entries, PAGES});
    tp_send(self, front, partner, .pid = back);
    tp_send(self, back, partner, .pid = front);
}

/* ---- the day ---- */

static int64_t do_part(tp_actor *self, const struct day *day, const int64_t *entries,
                       struct part part) {
    report_done done = {0};
    tp_spawn_options by = {.workers = part.executor};
    if (day->plan->shared) share(self, day);
    else
        tp_spawn_with(self, &report_behavior, &by, report_args, .day = tp_self(self),
                      .hour = day->hour, .interruptible = day->plan->report_interruptible,
                      .entries = {entries, part.pages});
    tp_receive(self, TP_FOREVER, &done, report_done);
    return done.cents;
}

void day_body(tp_actor *self, void *arg) {
    struct day *day = arg;
    const struct plan *plan = day->plan;
    const int64_t *entries = day->entries;
    in_line joined;
    account_done done;
    /* whose number is called does not finish the page first */
    tp_spawn_options by_client = {.workers = CLIENT, .priority = TP_PRIORITY_HIGH};
    tp_spawn_with(self, &account_behavior, &by_client, account_args, .day = tp_self(self),
                  .hour = day->hour, .interruptible = plan->account_interruptible,
                  .entries = {entries, PAGES});
    tp_receive(self, TP_FOREVER, &joined, in_line);
    for (int i = 0; i < 2 && plan->parts[i].pages > 0; i++) {
        day->report_total += do_part(self, day, entries, plan->parts[i]);
        entries += plan->parts[i].pages;
    }
    if (tp_receive(self, TP_FOREVER, &done, account_done) == TP_OK) day->account_total = done.cents;
    day->over = true;
}
