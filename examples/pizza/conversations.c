/*
 * The protocol, to the byte: the same conversations with all four models.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examples/common/child.h"
#include "examples/common/talk.h"
#include "examples/pizza/pizza.h"

#define W ANSWER_WRONG
#define T(number) "Thank you for ordering " number " pizzas!\n"
#define PARTS 6
#define NINES40 "9999999999999999999999999999999999999999"

/* What is said in pieces, a moment between them, and what must come back. */
struct conversation {
    const char *name;
    const char *parts[PARTS];
    const char *answer;
    bool silent;   /* the stream is not ended until the whole answer has come */
    size_t repeat; /* of the last part; 0: once */
};

/* The server's silence is long here, so that split requests stay whole on a slow machine. */
static const struct conversation patient[] = {
    {"one order", {"12\n"}, T("12"), true, 0},
    {"two orders in one packet", {"1\n2\n"}, T("1") T("2"), true, 0},
    {"an order in three packets", {"1", "2", "3\n"}, T("123"), true, 0},
    {"joined and split", {"1\n2", "3\n4", "5\n"}, T("1") T("23") T("45"), true, 0},
    {"not a number", {"many\n"}, W, true, 0},
    {"nothing", {"\n"}, W, true, 0},
    {"spaces", {"  \t 7 \r\n"}, T("7"), true, 0},
    {"only spaces", {"   \n"}, W, true, 0},
    {"signs", {"-5\n+5\n-0\n--5\n- 5\n"}, T("-5") T("5") T("0") W W, true, 0},
    {"leading zeros", {"0007\n000\n-0010\n"}, T("7") T("0") T("-10"), true, 0},
    {"underscores", {"1_000\n_1\n1_\n1__0\n+_1\n"}, T("1000") W W W W, true, 0},
    {"beyond 64 bits",
     {"18446744073709551616\n-" NINES40 "\n"},
     T("18446744073709551616") T("-" NINES40),
     true,
     0},
    {"fractions and hexadecimals", {"1.5\n0x10\n1e3\n"}, W W W, true, 0},
    {"a zero byte is no number", {"1;2\n"}, W, true, 0},
    {"an order ends with the stream", {"31"}, T("31"), false, 0},
    {"a newline, then the end", {"31\n"}, T("31"), false, 0},
    {"half-closed after many", {"1\n2\n3"}, T("1") T("2") T("3"), false, 0},
    {"the end alone", {""}, "", false, 0},
    {"as long as allowed", {"\n", "0000000000000000"}, W T("0"), false, 64},
    {"one digit too long", {"1", "0000000000000000"}, W, false, 64},
    {"far too long, then an order",
     {"5\n", "77777777777777777777777777777777"},
     T("5") W,
     false,
     2000},
};

/* Requests without a newline: the server's silence of 20 ms ends them. */
static const struct conversation hasty[] = {
    {"silence ends an order", {"8"}, T("8"), true, 0},
    {"silence ends nonsense", {"eight"}, W, true, 0},
    {"a newline, then silence", {"1\n2"}, T("1") T("2"), true, 0},
};

/* ---- a guest ---- */

static void say(int descriptor, const struct conversation *talk) {
    int last = 0;
    while (last + 1 < PARTS && talk->parts[last + 1] != NULL) last++;
    for (int i = 0; i <= last; i++) {
        size_t times = i == last && talk->repeat > 0 ? talk->repeat : 1;
        while (times-- > 0) talk_say(descriptor, talk->parts[i]);
        talk_pause();
    }
}

/* True: exactly the answer came, and the stream ended with it. */
static bool converse(uint16_t port, const struct conversation *talk) {
    char bytes[4096];
    size_t wanted = strlen(talk->answer), got = 0;
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    say(descriptor, talk);
    if (talk->silent) got = talk_hear(descriptor, bytes, sizeof bytes, wanted);
    bool in_time = !talk->silent || got == wanted; /* the end of the stream ends a request, too */
    shutdown(descriptor, SHUT_WR);
    got += talk_hear(descriptor, bytes + got, sizeof bytes - got, sizeof bytes);
    close(descriptor);
    bool right = in_time && got == wanted && memcmp(bytes, talk->answer, wanted) == 0;
    if (!right) printf("  %s: wanted\n%s  came\n%.*s\n", talk->name, talk->answer, (int)got, bytes);
    return right;
}

/* Bytes that no C string holds. */
static bool zero_byte(uint16_t port) {
    char bytes[128];
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    talk_send(descriptor, "1\0002\n", 4);
    shutdown(descriptor, SHUT_WR);
    size_t got = talk_hear(descriptor, bytes, sizeof bytes, sizeof bytes);
    close(descriptor);
    return got == strlen(W) && memcmp(bytes, W, got) == 0;
}

/* One who says nothing, one who vanishes, and others who are served meanwhile. */
static bool bad_guests(uint16_t port) {
    int silent = talk_connect(port), gone = talk_connect(port);
    struct linger reset = {.l_onoff = 1};
    if (silent < 0 || gone < 0) return false;
    talk_say(gone, "12");
    setsockopt(gone, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(gone);
    bool served = converse(port, &patient[0]);
    char byte;
    served = served && recv(silent, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    talk_say(silent, "3\n");
    served = served && talk_hear(silent, &byte, 1, 1) == 1 && byte == 'T';
    close(silent);
    return served;
}

/* Sends many orders and listens only then: the server may not lose an answer, nor die. */
static bool late_reader(uint16_t port) {
    enum { ORDERS = 20000 };
    char bytes[4096];
    size_t wanted = (size_t)ORDERS * strlen(T("1")), sum = 0, got;
    int descriptor = talk_connect(port);
    if (descriptor < 0) return false;
    for (int i = 0; i < ORDERS / 10; i++) talk_say(descriptor, "1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n");
    shutdown(descriptor, SHUT_WR);
    while ((got = talk_hear(descriptor, bytes, sizeof bytes, 1)) > 0) sum += got;
    close(descriptor);
    return sum == wanted;
}

/* ---- all models ---- */

static void with_model(struct story *story, const char *model, const char *kitchen) {
    struct child child;
    const char *const long_silence[] = {"--silence-ms", "15000", "--kitchen", kitchen, NULL};
    const char *const short_silence[] = {"--silence-ms", "20", "--kitchen", kitchen, NULL};
    const char *with = kitchen[0] == '1' ? " with a kitchen" : "";
    size_t right = 0, all = sizeof patient / sizeof *patient;
    if (!story_check(story, pizza_start(&child, model, long_silence), "%s%s: serves", model, with))
        return;
    for (size_t i = 0; i < all; i++) right += converse(child.port, &patient[i]);
    story_check(story, right == all, "%s%s: %zu conversations", model, with, all);
    story_check(story, zero_byte(child.port), "%s%s: a zero byte", model, with);
    story_check(story, bad_guests(child.port), "%s%s: silent and vanished guests", model, with);
    story_check(story, late_reader(child.port), "%s%s: a late reader", model, with);
    child_stop(&child, NULL, 0);
    if (!story_check(story, pizza_start(&child, model, short_silence), "%s%s: serves again", model,
                     with))
        return;
    right = 0;
    all = sizeof hasty / sizeof *hasty;
    for (size_t i = 0; i < all; i++) right += converse(child.port, &hasty[i]);
    story_check(story, right == all, "%s%s: %zu silences", model, with, all);
    child_stop(&child, NULL, 0);
    printf("  %s%s: the same bytes\n", model, with);
}

void show_conversations(struct story *story) {
    printf("the lecture's protocol, to the byte\n");
    with_model(story, "threads", "0");
    with_model(story, "busy", "0");
    with_model(story, "reactor", "0");
    with_model(story, "actors", "0");
    with_model(story, "actors", "1");
}
