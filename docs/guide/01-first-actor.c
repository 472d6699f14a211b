/*
 * A first actor: an account that takes deposits and says its balance.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

TP_MESSAGE(deposit, TP_FIELD(i64, cents))
TP_MESSAGE(get_balance)
TP_MESSAGE(balance, TP_FIELD(i64, cents))

struct account {
    int64_t cents;
};

static void on_deposit(tp_actor *self, struct account *account, const deposit *msg) {
    if (msg->cents <= 0) tp_fail(self, "deposit of %" PRId64 " cents", msg->cents);
    account->cents += msg->cents;
}

static void on_get_balance(tp_actor *self, struct account *account, const get_balance *msg) {
    (void)msg;
    tp_reply(self, balance, .cents = account->cents);
}

TP_BEHAVIOR(account_behavior, "account", struct account, TP_ON(deposit, on_deposit),
            TP_ON(get_balance, on_get_balance));

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid alice = tp_spawn_link(self, &account_behavior);
    tp_send(self, alice, deposit, .cents = 4200);
    tp_send(self, alice, deposit, .cents = 58);
    balance reply;
    if (tp_call(self, alice, TP_SECONDS(1), &reply, balance, get_balance) == TP_OK)
        printf("alice has %" PRId64 " cents\n", reply.cents);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
