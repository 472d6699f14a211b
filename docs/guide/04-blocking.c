/*
 * Any actor may block: sleepers by the thousand, a receive that chooses, a handler that waits in
 * the middle, messages put aside until their time has come.
 */
#include <inttypes.h>
#include <stdio.h>

#include <troupe/troupe.h>

#define PLENTY TP_SECONDS(20)
#define SLEEPERS 1000

TP_MESSAGE(letter, TP_FIELD(u32, number))
TP_MESSAGE(telegram, TP_FIELD(str, text))
TP_MESSAGE(awake)
TP_MESSAGE(unlock)
TP_MESSAGE(enter, TP_FIELD(str, name))
TP_MESSAGE(how_many)
TP_MESSAGE(visitors, TP_FIELD(u32, n))

/* ---- a body: straight-line code with its own receives ---- */

static void sleeper(tp_actor *self, void *arg) {
    const tp_pid *parent = arg;
    tp_sleep(self, TP_MS(50)); /* this actor waits, its worker thread runs the others */
    tp_send(self, *parent, awake);
}

static void sleep_together(tp_actor *self) {
    tp_pid me = tp_self(self);
    awake msg;
    tp_time begin = tp_now(self);
    for (int i = 0; i < SLEEPERS; i++) tp_spawn_body(self, sleeper, &me, NULL);
    for (int i = 0; i < SLEEPERS; i++)
        if (tp_receive(self, PLENTY, &msg, awake) != TP_OK) return;
    bool together = tp_now(self) - begin < SLEEPERS * TP_MS(50);
    printf("%d sleepers, %s\n", SLEEPERS, together ? "all at once" : "one after the other");
}

/* ---- a receive that chooses ---- */

struct post {
    uint32_t letters;
};

static void on_letter(tp_actor *self, struct post *post, const letter *msg) {
    (void)self;
    post->letters++;
    printf("letter %" PRIu32 "\n", msg->number);
}

static void on_telegram(tp_actor *self, struct post *post, const telegram *msg) {
    (void)self, (void)post;
    printf("telegram: %.*s\n", (int)msg->text.size, msg->text.data);
}

TP_CASES(any_mail, struct post, TP_ON(letter, on_letter), TP_ON(telegram, on_telegram));

static void read_mail(tp_actor *self) {
    struct post post = {0};
    telegram urgent;
    for (uint32_t i = 1; i <= 3; i++) tp_send(self, tp_self(self), letter, .number = i);
    tp_send(self, tp_self(self), telegram, .text = TP_STR("come at once"));
    tp_send(self, tp_self(self), telegram, .text = TP_STR("or later"));
    if (tp_receive(self, 0, &urgent, telegram) == TP_OK) /* the letters stay queued, in order */
        printf("read first: %.*s\n", (int)urgent.text.size, urgent.text.data);
    while (tp_receive_cases(self, 0, &post, any_mail) == TP_OK) {
    }
    printf("%" PRIu32 " letters, then nothing\n", post.letters);
}

/* ---- a behaviour that waits in a handler, and one that puts messages aside ---- */

struct door {
    bool open;
    uint32_t inside;
};

static void on_unlock(tp_actor *self, struct door *door, const unlock *msg) {
    (void)msg;
    tp_sleep(self, TP_MS(5)); /* the key sticks; what comes meanwhile waits its turn */
    door->open = true;
    tp_retry_postponed(self); /* before anything newer, oldest first */
}

static void on_enter(tp_actor *self, struct door *door, const enter *msg) {
    if (!door->open) {
        tp_postpone(self);
        return;
    }
    door->inside++;
    printf("%.*s goes in\n", (int)msg->name.size, msg->name.data);
}

static void on_how_many(tp_actor *self, struct door *door, const how_many *msg) {
    (void)msg;
    tp_reply(self, visitors, .n = door->inside);
}

TP_BEHAVIOR(door_behavior, "door", struct door, TP_ON(unlock, on_unlock), TP_ON(enter, on_enter),
            TP_ON(how_many, on_how_many));

static void stand_at_the_door(tp_actor *self) {
    visitors got;
    tp_pid door = tp_spawn(self, &door_behavior);
    tp_send(self, door, enter, .name = TP_STR("Ada"));
    tp_send(self, door, enter, .name = TP_STR("Ben"));
    if (tp_call(self, door, PLENTY, &got, visitors, how_many) == TP_OK)
        printf("inside: %" PRIu32 "\n", got.n);
    tp_send(self, door, unlock);
    tp_send(self, door, enter, .name = TP_STR("Cleo"));
    if (tp_call(self, door, PLENTY, &got, visitors, how_many) == TP_OK)
        printf("inside: %" PRIu32 "\n", got.n);
}

static void main_actor(tp_actor *self, void *arg) {
    (void)arg;
    sleep_together(self);
    read_mail(self);
    stand_at_the_door(self);
}

int main(void) {
    return tp_run(main_actor, NULL);
}
