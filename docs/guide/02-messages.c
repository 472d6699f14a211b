/*
 * Messages: the forms a field can have, borrowed text, and a type that grew by a field while its
 * old senders and receivers live on.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

enum urgency { CALM, URGENT };

TP_MESSAGE(line, TP_FIELD(str, article), TP_FIELD(u32, pieces))
TP_MESSAGE(order, TP_FIELD(u64, id), TP_ENUM(enum urgency, urgency), TP_OPTIONAL(str, note),
           TP_LIST_OF(line, lines), TP_MAP(i64, prices))

/* The same message on the wire, as it was declared last year and as it is declared now. */
TP_MESSAGE_AS(payment_old, "shop.payment", TP_FIELD(i64, cents))
TP_MESSAGE_AS(payment, "shop.payment", TP_FIELD(i64, cents), TP_FIELD(str, currency),
              TP_OPTIONAL(u64, order))

TP_MESSAGE(gossip, TP_FIELD(str, rumour))
TP_MESSAGE(are_you_done)
TP_MESSAGE(done)

struct shop {
    tp_kept *kept; /* the first order stays valid, with everything that it points to */
    order first;
};

static void on_order(tp_actor *self, struct shop *shop, const order *msg) {
    printf("order %" PRIu64 "%s:", msg->id, msg->urgency == URGENT ? ", urgent" : "");
    for (size_t i = 0; i < msg->lines.count; i++)
        printf(" %" PRIu32 " x %.*s", msg->lines.items[i].pieces,
               (int)msg->lines.items[i].article.size, msg->lines.items[i].article.data);
    if (msg->note.present) printf(" (%.*s)", (int)msg->note.value.size, msg->note.value.data);
    printf("\n");
    if (shop->kept == NULL && (shop->kept = tp_keep(self)) != NULL) shop->first = *msg;
}

static void on_payment(tp_actor *self, struct shop *shop, const payment *msg) {
    (void)self, (void)shop;
    bool named = msg->currency.size > 0; /* an old sender does not say */
    printf("payment of %" PRId64 " %.*s\n", msg->cents, named ? (int)msg->currency.size : 7,
           named ? msg->currency.data : "unknown");
}

static void on_other(tp_actor *self, struct shop *shop, const tp_message *message) {
    char text[80];
    (void)self, (void)shop;
    tp_message_format(message, text, sizeof text);
    printf("nobody here knows %s\n", text);
}

static void on_are_you_done(tp_actor *self, struct shop *shop, const are_you_done *msg) {
    (void)msg;
    if (shop->kept != NULL) {
        tp_str article = shop->first.lines.items[0].article;
        printf("the first order was for %.*s\n", (int)article.size, article.data);
        tp_keep_release(self, shop->kept);
    }
    tp_reply(self, done);
}

TP_BEHAVIOR(shop_behavior, "shop", struct shop, TP_ON(order, on_order), TP_ON(payment, on_payment),
            TP_ON(are_you_done, on_are_you_done), TP_OTHERWISE(on_other));

/* A till of last year: it knows the payment with one field, and gets one with three. */
static void old_till(tp_actor *self, void *arg) {
    payment_old msg;
    (void)arg;
    if (tp_receive(self, TP_SECONDS(10), &msg, payment_old) == TP_OK)
        printf("the old till takes %" PRId64 "\n", msg.cents);
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    done reply;
    tp_down down;
    tp_ref ref;
    tp_pid shop = tp_spawn(self, &shop_behavior);
    line lines[] = {{TP_STR("apple"), 3}, {TP_STR("pear"), 1}};
    tp_entry_i64 prices[] = {{TP_STR("apple"), 40}, {TP_STR("pear"), 55}};
    tp_send(self, shop, order, .id = 7, .urgency = URGENT, .note = {true, TP_STR("ring twice")},
            .lines = {lines, 2}, .prices = {prices, 2});
    tp_send(self, shop, order, .id = 8, .lines = {lines + 1, 1});
    tp_send(self, shop, payment_old, .cents = 175);
    tp_send(self, shop, payment, .cents = 55, .currency = TP_STR("EUR"), .order = {true, 8});
    tp_send(self, shop, gossip, .rumour = TP_STR("pears are out"));
    tp_call(self, shop, TP_SECONDS(10), &reply, done, are_you_done);

    tp_pid till = tp_spawn_body(self, old_till, NULL, &(tp_spawn_options){.monitor = &ref});
    tp_send(self, till, payment, .cents = 99, .currency = TP_STR("EUR"));
    tp_receive(self, TP_SECONDS(10), &down, tp_down);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
