// The same program as consumer.c, as C++20 would write it.
#include <cinttypes>
#include <cstdio>
#include <string>
#include <troupe/troupe.h>

TP_MESSAGE(deposit, TP_FIELD(i64, cents))
TP_MESSAGE(get_balance)
TP_MESSAGE(balance, TP_FIELD(i64, cents))

namespace {

struct account {
    int64_t cents;
};

void on_deposit(tp_actor *self, account *account, const deposit *msg) {
    if (msg->cents <= 0) tp_fail(self, "deposit of %" PRId64 " cents", msg->cents);
    account->cents += msg->cents;
}

void on_get_balance(tp_actor *self, account *account, const get_balance *) {
    tp_reply(self, balance, .cents = account->cents);
}

TP_BEHAVIOR(account_behavior, "account", account, TP_ON(deposit, on_deposit),
            TP_ON(get_balance, on_get_balance));

void main_actor(tp_actor *self, void *) {
    tp_pid alice = tp_spawn_link(self, &account_behavior);
    tp_send(self, alice, deposit, .cents = 4200);
    balance reply;
    if (tp_call(self, alice, TP_SECONDS(10), &reply, balance, get_balance) != TP_OK)
        tp_fail(self, "no balance");
    std::printf("%" PRId64 "\n", reply.cents);
    tp_exit_status(self, reply.cents == 4200 ? 0 : 2);
}

} // namespace

int main() {
    const std::string built = std::to_string(TP_VERSION_MAJOR) + "." + std::to_string(TP_VERSION_MINOR) +
                              "." + std::to_string(TP_VERSION_PATCH);
    if (built != tp_version()) return 3;
    return tp_run(main_actor, nullptr);
}
