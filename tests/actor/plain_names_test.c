/*
 * Message types, fields and states may have the plain names that macros would like for themselves.
 */
#include "tests/actor/actor_test.h"

TP_MESSAGE_AS(count, "n.count", TP_FIELD(i32, count), TP_FIELD(str, value), TP_LIST(i32, items))
TP_MESSAGE_AS(value, "n.value", TP_FIELD(i32, self), TP_NESTED(count, out))
TP_MESSAGE_AS(state, "n.state", TP_FIELD(i32, left))
TP_MESSAGE_AS(message, "n.message", TP_FIELD(i32, size))
TP_MESSAGE_AS(items, "n.items", TP_FIELD(i32, i))
TP_MESSAGE_AS(self, "n.self", TP_FIELD(i32, in))
TP_MESSAGE_AS(opened, "n.opened", TP_LIST_OF(count, message))
struct s {
    int n;
};
#define HANDLER(type)                                                                              \
    static void on_##type(tp_actor *actor, struct s *seen, const type *msg) {                      \
        (void)actor, (void)msg;                                                                    \
        seen->n++;                                                                                 \
    }
HANDLER(count)
HANDLER(value)
HANDLER(state)
HANDLER(message)
HANDLER(items)
HANDLER(self)
HANDLER(opened)
TP_BEHAVIOR(b, "b", struct s, TP_ON(count, on_count), TP_ON(value, on_value),
            TP_ON(state, on_state), TP_ON(message, on_message), TP_ON(items, on_items),
            TP_ON(self, on_self), TP_ON(opened, on_opened));

static void sends_each(tp_actor *actor, void *arg) {
    (void)arg;
    tp_pid to = tp_spawn(actor, &b);
    TP_ASSERT_EQ_INT(tp_send(actor, to, count, .count = 1), TP_OK);
    TP_ASSERT_EQ_INT(tp_send(actor, to, state, .left = 2), TP_OK);
    TP_ASSERT_EQ_INT(tp_send(actor, to, message, .size = 3), TP_OK);
}
TP_TEST(plain_names, handlers_of_types_with_plain_names_run) {
    tp_options options = {.workers = 1, .stuck_after = TP_FOREVER};
    TP_ASSERT_EQ_INT(b.handler_count, 7);
    TP_ASSERT_EQ_INT(tp_run_with(&options, sends_each, NULL), 0);
}
