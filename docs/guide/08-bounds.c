/*
 * Mailboxes are bounded: what happens to the one message too many is the receiver's choice.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(60)
#define LIMIT 10

TP_MESSAGE(parcel, TP_FIELD(u32, number))
TP_MESSAGE(lunch, TP_FIELD(pid, with))
TP_MESSAGE(shall_we)
TP_MESSAGE(let_us)
TP_MESSAGE(total)
TP_MESSAGE(summary, TP_FIELD(u32, count), TP_FIELD(u32, first), TP_FIELD(u32, last))

struct porter {
    summary seen;
};

static void on_parcel(tp_actor *self, struct porter *porter, const parcel *msg) {
    (void)self;
    if (porter->seen.count++ == 0) porter->seen.first = msg->number;
    porter->seen.last = msg->number;
}

/* Away until the other one has answered: meanwhile parcels pile up. Replies never count. */
static void on_lunch(tp_actor *self, struct porter *porter, const lunch *msg) {
    let_us answer;
    (void)porter;
    tp_call(self, msg->with, PLENTY, &answer, let_us, shall_we);
}

static void on_total(tp_actor *self, struct porter *porter, const total *msg) {
    (void)msg;
    tp_send_value(self, tp_sender(self), &summary_message, &porter->seen);
}

TP_BEHAVIOR(porter_behavior, "porter", struct porter, TP_ON(parcel, on_parcel),
            TP_ON(lunch, on_lunch), TP_ON(total, on_total));

/* Sends 15 parcels to a porter who is at lunch and has room for 10. */
static void overfill(tp_actor *self, tp_overflow overflow, const char *policy) {
    int accepted = 0, refused = 0;
    shall_we question;
    summary seen;
    tp_spawn_options options = {.overflow = overflow, .mailbox_limit = LIMIT};
    tp_pid porter = tp_spawn_with(self, &porter_behavior, &options);
    tp_send(self, porter, lunch, .with = tp_self(self));
    if (tp_receive(self, PLENTY, &question, shall_we) != TP_OK) return; /* answered below */
    for (uint32_t i = 1; i <= 15; i++) {
        tp_err err = tp_send(self, porter, parcel, .number = i);
        if (err == TP_OK) accepted++;
        else if (err == TP_EFULL) refused++;
    }
    tp_reply(self, let_us);
    tp_send_after(self, 0, porter, total); /* a timer's message never counts either */
    if (tp_receive(self, PLENTY, &seen, summary) != TP_OK) return;
    printf("%-11s %d TP_OK, %d TP_EFULL; handled %" PRIu32 ", from %" PRIu32 " to %" PRIu32 "\n",
           policy, accepted, refused, seen.count, seen.first, seen.last);
}

static void overfill_once_more(tp_actor *self) {
    tp_ref ref;
    tp_down down;
    shall_we question;
    tp_spawn_options options = {
        .overflow = TP_OVERFLOW_EXIT, .mailbox_limit = LIMIT, .monitor = &ref};
    tp_pid porter = tp_spawn_with(self, &porter_behavior, &options);
    tp_send(self, porter, lunch, .with = tp_self(self));
    if (tp_receive(self, PLENTY, &question, shall_we) != TP_OK) return;
    for (uint32_t i = 1; i <= 15; i++) tp_send(self, porter, parcel, .number = i);
    if (tp_receive(self, PLENTY, &down, tp_down) == TP_OK)
        printf("%-11s the porter ended: %s\n", "exit", tp_exit_code_name(down.code));
}

/* The default: a sender that is too fast waits, and nothing is lost. */
static void flood(tp_actor *self) {
    tp_counters counters;
    summary seen;
    tp_spawn_options options = {.mailbox_limit = LIMIT};
    tp_pid porter = tp_spawn_with(self, &porter_behavior, &options);
    for (uint32_t i = 1; i <= 10000; i++) tp_send(self, porter, parcel, .number = i);
    tp_send(self, porter, total);
    if (tp_receive(self, PLENTY, &seen, summary) != TP_OK) return;
    tp_runtime_counters(tp_self_runtime(self), &counters);
    printf("%-11s handled %" PRIu32 " of 10000, the sender had to wait: %s\n", "suspend",
           seen.count, counters.suspensions > 0 ? "yes" : "no");
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    overfill(self, TP_OVERFLOW_FAIL, "fail");
    overfill(self, TP_OVERFLOW_DROP_NEWEST, "drop newest");
    overfill(self, TP_OVERFLOW_DROP_OLDEST, "drop oldest");
    overfill_once_more(self);
    flood(self);
}

int main(void) {
    tp_options quiet = {.log_level = TP_LOG_OFF}; /* the porter's end is told above */
    return tp_run_with(&quiet, main_actor, NULL);
}
