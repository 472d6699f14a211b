/* Chapter 19: an actor crashes, and its capsule makes the same crash again, in another process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <troupe/troupe.h>

TP_MESSAGE(order, TP_FIELD(i64, cents), TP_FIELD(i64, guests))

struct waiter {
    int64_t cents; /* of all orders */
};

static void on_order(tp_actor *self, struct waiter *waiter, const order *msg) {
    waiter->cents += msg->cents;
    if (msg->guests == 0)
        tp_fail(self, "%" PRId64 " cents for nobody, lot %" PRIu64, waiter->cents,
                tp_random(self) % 1000);
    printf("each pays %" PRId64 "\n", msg->cents / msg->guests);
}
TP_BEHAVIOR(waiter_behavior, "waiter", struct waiter, TP_ON(order, on_order));

static void main_actor(tp_actor *self, void *arg) {
    tp_crash_report report;
    char *file = arg;
    tp_crash_subscribe(self);
    tp_pid waiter = tp_spawn_with(self, &waiter_behavior, TP_OPTIONS(.capsule = 1000));
    tp_send(self, waiter, order, .cents = 4200, .guests = 3);
    tp_send(self, waiter, order, .cents = 1000, .guests = 4);
    tp_send(self, waiter, order, .cents = 900, .guests = 0);
    if (tp_receive(self, TP_SECONDS(20), &report, tp_crash_report) != TP_OK) return;
    printf("the last message was %.*s\n", (int)report.last.items[0].size,
           report.last.items[0].data);
    snprintf(file, 512, "%.*s", (int)report.capsule.size, report.capsule.data);
}

int main(int argc, char **argv) {
    char file[512] = "";
    const char *replaying = getenv("TROUPE_REPLAY");
    tp_options options = {.capsule_directory = "/tmp"};
    int status = tp_run_with(&options, main_actor, file); /* with TROUPE_REPLAY: the replay */
    (void)argc;
    if (replaying != NULL) {
        printf("it ended %s\n", status == 0 ? "as recorded" : "in another way");
        unlink(replaying);
        return status;
    }
    printf("\nand once more:\n");
    fflush(stdout);
    setenv("TROUPE_REPLAY", file, 1);
    execv("/proc/self/exe", argv); /* as `TROUPE_REPLAY=FILE ./program` from a shell */
    return 1;
}
