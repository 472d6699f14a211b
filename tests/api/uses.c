/*
 * The macros of the public headers as programs use them, in the words that C and C++20 share:
 * headers_test.sh compiles this file as both, with every compiler, and runs it. Exit status 0 is
 * success.
 */
#include <inttypes.h>
#include <stdio.h>
#include <troupe/troupe.h>

enum colour { RED = 1, GREEN = 2 };

TP_MESSAGE(nothing)
TP_MESSAGE(point, TP_FIELD(i32, x), TP_FIELD(i32, y))
TP_MESSAGE_AS(all, "uses.all", TP_FIELD(bool, truth), TP_FIELD(u8, a), TP_FIELD(u16, b),
              TP_FIELD(u32, c), TP_FIELD(u64, d), TP_FIELD(i8, e), TP_FIELD(i16, f),
              TP_FIELD(i32, g), TP_FIELD(i64, h), TP_FIELD(f64, i), TP_FIELD(str, text),
              TP_FIELD(bin, bytes), TP_FIELD(blob, large), TP_FIELD(pid, who),
              TP_ENUM(enum colour, colour), TP_NESTED(point, at), TP_NESTED(nothing, none),
              TP_OPTIONAL(bool, maybe), TP_OPTIONAL(str, maybe_text), TP_LIST(bool, truths),
              TP_LIST(i64, numbers), TP_LIST_OF(point, points), TP_MAP(bool, flags),
              TP_MAP(blob, blobs))
TP_MESSAGE(point_list, TP_LIST_OF(point, items))
TP_MESSAGE(deposit, TP_FIELD(i64, cents), TP_FIELD(str, note))
TP_MESSAGE(get_balance)
TP_MESSAGE(balance, TP_FIELD(i64, cents))
TP_MESSAGE(opening, TP_FIELD(i64, cents))
TP_MESSAGE(unheard_of)

/* ---- a message by hand ---- */

static bool encodes_and_decodes(void) {
    static const point points[] = {{1, 2}, {3, 4}};
    static const bool truths[] = {true, false};
    uint8_t bytes[256];
    tp_writer out = tp_writer_over(bytes, sizeof bytes);
    all value, got;
    memset(&value, 0, sizeof value);
    value.truth = true;
    value.d = UINT64_MAX;
    value.text = TP_STR("text");
    value.colour = GREEN;
    value.maybe.present = value.maybe.value = true;
    value.at.x = -7;
    all_message.encode(&value, &out);
    tp_reader in = tp_reader_over(bytes, (size_t)(out.at - bytes));
    all_message.decode(&got, &in, all_message.field_count);
    if (!in.failed) return false; /* a blob, even an empty one, needs scratch */
    value.points.items = points;
    value.points.count = 2;
    value.truths.items = truths;
    value.truths.count = 2;
    return all_message.measure(&value) <= sizeof bytes &&
           tp_str_equal(value.text, tp_str_of("text"));
}

/* ---- a behaviour with every slot ---- */

struct account {
    int64_t cents;
    int strangers;
};

static void on_init(tp_actor *self, struct account *account, const opening *arguments) {
    (void)self;
    account->cents = arguments->cents;
}
static void on_deposit(tp_actor *self, struct account *account, const deposit *message) {
    if (message->cents < 0) tp_fail(self, "deposit of %" PRId64 " cents", message->cents);
    account->cents += message->cents;
}
static void on_get_balance(tp_actor *self, struct account *account, const get_balance *message) {
    (void)message;
    tp_reply(self, balance, .cents = account->cents);
}
static void on_other(tp_actor *self, struct account *account, const tp_message *message) {
    (void)self;
    account->strangers += tp_message_is(message, unheard_of) ? 1 : 0;
}
static void on_timeout(tp_actor *self, struct account *account) {
    (void)self, (void)account;
}
static void on_terminate(tp_actor *self, struct account *account, const tp_reason *reason) {
    (void)self, (void)account, (void)reason;
}
TP_BEHAVIOR(account_behavior, "account", struct account, TP_INIT_WITH(opening, on_init),
            TP_ON(deposit, on_deposit), TP_ON(get_balance, on_get_balance), TP_OTHERWISE(on_other),
            TP_TIMEOUT(on_timeout), TP_TERMINATE(on_terminate));

static void on_plain_init(tp_actor *self, struct account *account) {
    (void)self;
    account->cents = 1;
}
TP_BEHAVIOR(plain_behavior, "plain", struct account, TP_INIT(on_plain_init),
            TP_ON(get_balance, on_get_balance));

static void on_point(tp_actor *self, int64_t *sum, const point *message) {
    (void)self;
    *sum += message->x;
}
TP_CASES(cases, int64_t, TP_ON(point, on_point));

/* ---- the verbs ---- */

static void main_actor(tp_actor *self, void *arg) {
    tp_spawn_options options;
    memset(&options, 0, sizeof options);
    options.name = "uses.account";
    (void)arg;
    tp_pid plain = tp_spawn_link(self, &plain_behavior);
    tp_pid account = tp_spawn_with(self, &account_behavior, &options, opening, .cents = 100);
    if (tp_pid_is_null(plain) || tp_pid_is_null(account)) tp_fail(self, "no actor");
    tp_pid both[] = {account, plain};
    tp_send(self, account, deposit, .cents = 40);
    tp_send(self, account, deposit, .cents = 2, .note = TP_STR("note"));
    tp_broadcast(self, both, 1, unheard_of);
    balance reply;
    if (tp_call(self, account, TP_SECONDS(10), &reply, balance, get_balance) != TP_OK ||
        reply.cents != 142)
        tp_fail(self, "another balance");
    tp_future future = tp_request(self, plain, get_balance);
    if (tp_await(self, future, TP_SECONDS(10), &reply, balance) != TP_OK || reply.cents != 1)
        tp_fail(self, "another answer");
    point here;
    int64_t sum = 0;
    tp_send(self, tp_self(self), point, .x = 1, .y = 2);
    tp_send(self, tp_self(self), point, .x = 3);
    if (tp_receive(self, 0, &here, point) != TP_OK || here.y != 2) tp_fail(self, "no message");
    if (tp_receive_cases(self, 0, &sum, cases) != TP_OK || sum != 3) tp_fail(self, "no case");
    tp_exit_status(self, encodes_and_decodes() ? 0 : 2);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
