/*
 * Names and groups: how actors find each other when nobody handed them a pid.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)

TP_MESSAGE(greet, TP_FIELD(str, who))
TP_MESSAGE(join, TP_FIELD(str, room))
TP_MESSAGE(leave, TP_FIELD(str, room))
TP_MESSAGE(say, TP_FIELD(str, text))
TP_MESSAGE(heard)
TP_MESSAGE(ok, TP_FIELD(u32, n))

/* ---- a service with a name ---- */

struct greeter {
    uint32_t greeted;
};

static void on_greet(tp_actor *self, struct greeter *greeter, const greet *msg) {
    printf("hello, %.*s\n", (int)msg->who.size, msg->who.data);
    tp_reply(self, ok, .n = ++greeter->greeted);
}

TP_BEHAVIOR(greeter_behavior, "greeter", struct greeter, TP_ON(greet, on_greet));

static void use_a_name(tp_actor *self) {
    ok got;
    tp_ref ref;
    tp_down down;
    tp_runtime *runtime = tp_self_runtime(self);
    tp_spawn_options named = {.name = "greeter", .monitor = &ref};
    tp_pid greeter = tp_spawn_with(self, &greeter_behavior, &named);
    tp_pid second = tp_spawn_with(self, &greeter_behavior, &named);
    printf("a second one of that name: %s\n",
           tp_pid_is_null(second) ? tp_err_name(tp_error(self)) : "started?");
    tp_call(self, tp_whereis(runtime, "greeter"), PLENTY, &got, ok, greet, .who = TP_STR("Ada"));
    tp_send_name(self, "greeter", greet, .who = TP_STR("Ben"));
    tp_call(self, greeter, PLENTY, &got, ok, greet, .who = TP_STR("Cleo"));

    tp_send_exit(self, greeter, TP_EXIT_SHUTDOWN);
    tp_receive(self, PLENTY, &down, tp_down);
    printf("it ended: %s; its name: %s\n", tp_exit_code_name(down.code),
           tp_pid_is_null(tp_whereis(runtime, "greeter")) ? "free" : "taken");
    tp_err err = tp_send_name(self, "greeter", greet, .who = TP_STR("Dora"));
    printf("sent to nobody: %s\n", tp_err_name(err));
}

/* ---- members of a group ---- */

struct member {
    uint32_t heard;
};

static void room_of(tp_str text, char room[32]) {
    snprintf(room, 32, "%.*s", (int)text.size, text.data);
}

static void on_join(tp_actor *self, struct member *member, const join *msg) {
    char room[32];
    (void)member;
    room_of(msg->room, room);
    tp_group_join(self, NULL, room);
    tp_reply(self, ok);
}

static void on_leave(tp_actor *self, struct member *member, const leave *msg) {
    char room[32];
    (void)member;
    room_of(msg->room, room);
    tp_group_leave(self, NULL, room);
    tp_reply(self, ok);
}

static void on_say(tp_actor *self, struct member *member, const say *msg) {
    (void)self, (void)msg;
    member->heard++;
}

static void on_heard(tp_actor *self, struct member *member, const heard *msg) {
    (void)msg;
    tp_reply(self, ok, .n = member->heard);
}

TP_BEHAVIOR(member_behavior, "member", struct member, TP_ON(join, on_join), TP_ON(leave, on_leave),
            TP_ON(say, on_say), TP_ON(heard, on_heard));

static void talk(tp_actor *self, const tp_pid *members, const char *text) {
    size_t count;
    ok got;
    uint32_t sum = 0;
    tp_group_send(self, NULL, "room", &count, say, .text = tp_str_of(text));
    for (int i = 0; i < 3; i++)
        if (tp_call(self, members[i], PLENTY, &got, ok, heard) == TP_OK) sum += got.n;
    printf("%s: sent to %zu, heard %" PRIu32 " times so far\n", text, count, sum);
}

static void use_a_group(tp_actor *self) {
    ok got;
    tp_pid members[3];
    tp_group_changed change;
    size_t count;
    tp_ref watching = tp_group_monitor(self, NULL, "room", NULL, 0, &count);
    printf("members at first: %zu\n", count);
    for (int i = 0; i < 3; i++) {
        members[i] = tp_spawn(self, &member_behavior);
        tp_call(self, members[i], PLENTY, &got, ok, join, .room = TP_STR("room"));
    }
    talk(self, members, "good morning");
    tp_call(self, members[1], PLENTY, &got, ok, leave, .room = TP_STR("room"));
    talk(self, members, "one is gone");
    tp_send_exit(self, members[2], TP_EXIT_SHUTDOWN); /* its end leaves for it */
    for (int i = 0; i < 5; i++) {
        if (tp_receive(self, PLENTY, &change, tp_group_changed) != TP_OK) return;
        printf("%s %.*s\n", change.joined ? "joined" : "left", (int)change.group.size,
               change.group.data);
    }
    tp_group_demonitor(self, watching);
    count = tp_group_members(tp_self_runtime(self), NULL, "room", NULL, 0);
    printf("members at last: %zu\n", count);
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    use_a_name(self);
    use_a_group(self);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
