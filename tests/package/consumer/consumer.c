/*
 * What the design promises a user, as a program of its own: an account that is spawned, paid into
 * and asked, from nothing but the public headers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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
    balance reply;
    if (tp_call(self, alice, TP_SECONDS(10), &reply, balance, get_balance) != TP_OK)
        tp_fail(self, "no balance");
    printf("%" PRId64 "\n", reply.cents);
    tp_exit_status(self, reply.cents == 4200 ? 0 : 2);
}

int main(void) {
    char built[32];
    snprintf(built, sizeof built, "%d.%d.%d", TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH);
    if (strcmp(built, tp_version()) != 0) return 3;
    return tp_run(main_actor, NULL);
}
