/*
 * Ports: what a program says and how it ends; what is written to it; who ends it.
 */
#include <stdlib.h>

#include "tests/unit/process/kit.h"

static tp_pid open_with(tp_actor *self, tp_port_options options, const char *script) {
    const char *argv[] = {"sh", "-c", script, NULL};
    tp_pid port;
    options.argv = argv;
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &options), TP_OK);
    return port;
}
static tp_pid open_shell(tp_actor *self, const char *script) {
    return open_with(self, (tp_port_options){0}, script);
}

static void expect_text(tp_actor *self, tp_pid port, int stream, const char *text) {
    tp_port_data data;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    TP_ASSERT(tp_pid_equal(data.port, port));
    TP_ASSERT_EQ_INT(data.stream, stream);
    TP_ASSERT_EQ_INT(data.bytes.size, strlen(text));
    TP_ASSERT(memcmp(data.bytes.data, text, strlen(text)) == 0);
    TP_ASSERT(!data.more);
}
static int expect_number(tp_actor *self) {
    tp_port_data data;
    char text[32] = "";
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    TP_ASSERT(data.bytes.size < sizeof text);
    memcpy(text, data.bytes.data, data.bytes.size);
    int number = (int)strtol(text, NULL, 10);
    TP_ASSERT(number > 1);
    return number;
}
/* The end, as a message and as an exit reason; nothing comes after it. */
static void expect_end(tp_actor *self, tp_pid port, int status, int number, int code) {
    tp_ref monitor = tp_monitor(self, port);
    tp_port_exited end;
    tp_port_data data;
    tp_down down;
    tp_process_end process;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &end, tp_port_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(end.port, port));
    TP_ASSERT_EQ_INT(end.status, status);
    TP_ASSERT_EQ_INT(end.signal, number);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(down.ref == monitor);
    if (down.code != TP_EXIT_NOPROC) { /* else it was gone before the monitor */
        TP_ASSERT_EQ_INT(down.code, code);
        tp_reason reason = {down.code, down.detail};
        TP_ASSERT(tp_process_of(reason, &process) == (code == TP_EXIT_PROCESS));
        if (code == TP_EXIT_PROCESS) {
            TP_ASSERT_EQ_INT(process.status, status);
            TP_ASSERT_EQ_INT(process.signal, number);
        }
    }
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &data, tp_port_data), TP_ETIMEDOUT);
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &end, tp_port_exited), TP_ETIMEDOUT);
}

/* ---- output ---- */

static void lines_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_shell(self, "printf 'one\\n\\nthree'");
    expect_text(self, port, 1, "one");
    expect_text(self, port, 1, "");
    expect_text(self, port, 1, "three");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, lines) {
    run(lines_body, NULL);
}

static void long_line_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_port_data data;
    tp_pid port =
        open_with(self, (tp_port_options){.message_max = 10}, "printf '0123456789abcdef\\nz\\n'");
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    TP_ASSERT(data.more && data.bytes.size == 10);
    expect_text(self, port, 1, "abcdef");
    expect_text(self, port, 1, "z");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, a_line_over_the_limit_comes_in_pieces) {
    run(long_line_body, NULL);
}

static void errors_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_with(self, (tp_port_options){.errors = TP_PORT_ERRORS_LINES}, "echo e >&2");
    expect_text(self, port, 2, "e");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
    port = open_with(self, (tp_port_options){.errors = TP_PORT_ERRORS_MERGE}, "echo e >&2; echo o");
    expect_text(self, port, 1, "e");
    expect_text(self, port, 1, "o");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
    port = open_with(self, (tp_port_options){.errors = TP_PORT_ERRORS_DROP}, "echo e >&2; echo o");
    expect_text(self, port, 1, "o");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, standard_error_as_asked) {
    run(errors_body, NULL);
}

/* Sees each message once and takes none. */
static bool count_output(const tp_message *message, void *context) {
    if (tp_message_is(message, tp_port_data)) ++*(int *)context;
    return false;
}
static void flood_body(tp_actor *self, void *arg) {
    (void)arg;
    const tp_message *message;
    tp_port_data data;
    tp_counters before, after;
    tp_pid port = open_with(self, (tp_port_options){.window = 8}, "exec yes");
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    tp_runtime_counters(tp_self_runtime(self), &before);
    for (int round = 0; round < 5; round++) {
        int seen = 0;
        TP_ASSERT_EQ_INT(tp_receive_any(self, TP_MS(20), count_output, &seen, &message),
                         TP_ETIMEDOUT);
        TP_ASSERT_MSG(seen <= 8 + 8, "%d waited", seen);
    }
    for (int i = 0; i < TP_SCALED(20000); i++)
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    tp_runtime_counters(tp_self_runtime(self), &after);
    TP_ASSERT(after.memory < before.memory + (4u << 20));
    TP_ASSERT_EQ_INT(tp_port_close(self, port), TP_OK);
    tp_port_exited end;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &end, tp_port_exited), TP_OK);
}
TP_TEST(port, a_flood_waits_for_its_owner) {
    run(flood_body, NULL);
}

struct reader {
    tp_pid port, boss;
    uint64_t lines;
};
TP_MESSAGE(reader_go, TP_FIELD(pid, boss))
TP_MESSAGE(reader_done, TP_FIELD(u64, lines))
static void on_go(tp_actor *self, struct reader *reader, const reader_go *msg) {
    reader->boss = msg->boss;
    reader->port = open_with(self, (tp_port_options){.window = 1}, "seq 1 5000");
}
static void on_data(tp_actor *self, struct reader *reader, const tp_port_data *data) {
    char text[16];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)++reader->lines);
    if ((size_t)size != data->bytes.size || memcmp(text, data->bytes.data, data->bytes.size) != 0)
        tp_fail(self, "line %s is another", text);
}
static void on_end(tp_actor *self, struct reader *reader, const tp_port_exited *end) {
    TP_ASSERT_EQ_INT(end->status, 0);
    tp_send(self, reader->boss, reader_done, .lines = reader->lines);
}
TP_BEHAVIOR(reader_behavior, "reader", struct reader, TP_ON(reader_go, on_go),
            TP_ON(tp_port_data, on_data), TP_ON(tp_port_exited, on_end));
static void handlers_body(tp_actor *self, void *arg) {
    (void)arg;
    reader_done done;
    tp_pid reader = tp_spawn(self, &reader_behavior);
    tp_send(self, reader, reader_go, .boss = tp_self(self));
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &done, reader_done), TP_OK);
    TP_ASSERT_EQ_INT(done.lines, 5000);
    tp_kill(self, reader);
}
TP_TEST(port, every_line_in_order_to_handlers_with_a_window_of_one) {
    run(handlers_body, NULL);
}

/* ---- input ---- */

static void cat_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_shell(self, "exec cat");
    for (int i = 0; i < 100; i++) {
        TP_ASSERT_EQ_INT(tp_port_write(self, port, "hello\n", 6, SOON), TP_OK);
        expect_text(self, port, 1, "hello");
    }
    TP_ASSERT_EQ_INT(tp_port_end_input(self, port), TP_OK);
    TP_ASSERT(tp_port_write(self, port, "x", 1, SOON) != TP_OK);
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
    TP_ASSERT_EQ_INT(tp_port_write(self, port, "x", 1, SOON), TP_ENOPROC);
}
TP_TEST(port, written_and_read_back) {
    run(cat_body, NULL);
}

#define MUCH (3u << 20)
static void writer_body(tp_actor *self, void *arg) {
    tp_pid port = *(tp_pid *)arg;
    char *bytes = malloc(MUCH);
    TP_ASSERT(bytes != NULL);
    for (size_t i = 0; i < MUCH; i++) bytes[i] = (char)(i * 7 % 251);
    TP_ASSERT_EQ_INT(tp_port_write(self, port, bytes, MUCH, SOON), TP_OK);
    TP_ASSERT_EQ_INT(tp_port_end_input(self, port), TP_OK);
    free(bytes);
}
static void much_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_with(self, (tp_port_options){.format = TP_PORT_RAW}, "exec cat");
    (void)tp_spawn_body(self, writer_body, &port, NULL);
    size_t got = 0;
    while (got < MUCH) {
        tp_port_data data;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
        const char *bytes = data.bytes.data;
        for (size_t i = 0; i < data.bytes.size; i++, got++)
            if (bytes[i] != (char)(got * 7 % 251)) TP_ASSERT_EQ_INT(got, 0);
    }
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, megabytes_through_a_program) {
    run(much_body, NULL);
}

static void frames_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int format = TP_PORT_FRAMES_1; format <= TP_PORT_FRAMES_4; format++) {
        tp_pid port =
            open_with(self, (tp_port_options){.format = (tp_port_format)format}, "exec cat");
        TP_ASSERT_EQ_INT(tp_port_write(self, port, "one\ntwo", 7, SOON), TP_OK);
        TP_ASSERT_EQ_INT(tp_port_write(self, port, "", 0, SOON), TP_OK);
        TP_ASSERT_EQ_INT(tp_port_write(self, port, "three", 5, SOON), TP_OK);
        expect_text(self, port, 1, "one\ntwo");
        expect_text(self, port, 1, "");
        expect_text(self, port, 1, "three");
        char much[300] = {0};
        TP_ASSERT_EQ_INT(tp_port_write(self, port, much, sizeof much, SOON),
                         format == TP_PORT_FRAMES_1 ? TP_ETOOBIG : TP_OK);
        TP_ASSERT_EQ_INT(tp_port_end_input(self, port), TP_OK);
        tp_port_exited end;
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &end, tp_port_exited), TP_OK);
        tp_port_data data;
        (void)tp_receive(self, 0, &data, tp_port_data);
    }
}
TP_TEST(port, frames_of_each_head) {
    run(frames_body, NULL);
}

static void bad_frame_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_ref monitor;
    tp_down down;
    tp_pid port = open_with(
        self, (tp_port_options){.format = TP_PORT_FRAMES_2, .message_max = 1000, .link = false},
        "sleep 0.05; printf '\\377\\377'; exec sleep 100");
    monitor = tp_monitor(self, port);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT(down.ref == monitor);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_BADMSG);
}
TP_TEST(port, a_frame_over_the_limit_ends_it) {
    run(bad_frame_body, NULL);
}

static void refused_input_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_shell(self, "exec <&-; echo closed; sleep 100");
    expect_text(self, port, 1, "closed");
    TP_ASSERT_EQ_INT(tp_port_write(self, port, "x", 1, SOON), TP_ECLOSED);
    TP_ASSERT_EQ_INT(tp_port_write(self, port, "x", 1, SOON), TP_ECLOSED);
    port = open_shell(self, "echo here; exec sleep 100");
    expect_text(self, port, 1, "here");
    char *much = calloc(1, MUCH);
    TP_ASSERT(much != NULL);
    TP_ASSERT_EQ_INT(tp_port_write(self, port, much, MUCH, TP_MS(5)), TP_ETIMEDOUT);
    free(much);
}
TP_TEST(port, input_that_nobody_reads) {
    run(refused_input_body, NULL);
}

/* ---- the end ---- */

static void status_body(tp_actor *self, void *arg) {
    (void)arg;
    expect_end(self, open_shell(self, "sleep 0.05; exit 3"), 3, 0, TP_EXIT_PROCESS);
    expect_end(self, open_shell(self, "sleep 0.05; kill -SEGV $$"), -1, SIGSEGV, TP_EXIT_PROCESS);
    tp_pid port = open_shell(self, "echo $$; exec sleep 100");
    TP_ASSERT_EQ_INT(kill(expect_number(self), SIGKILL), 0);
    expect_end(self, port, -1, SIGKILL, TP_EXIT_PROCESS);
}
TP_TEST(port, its_status_is_a_message_and_a_reason) {
    run(status_body, NULL);
}

static void close_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_shell(self, "echo $$; exec sleep 100");
    int pid = expect_number(self);
    TP_ASSERT_EQ_INT(tp_port_close(self, port), TP_OK);
    expect_end(self, port, -1, SIGTERM, TP_EXIT_SHUTDOWN);
    TP_ASSERT(is_gone(pid));
    /* one that is stopped ends too */
    port = open_shell(self, "echo $$; exec sleep 100");
    pid = expect_number(self);
    TP_ASSERT_EQ_INT(kill(pid, SIGSTOP), 0);
    TP_ASSERT_EQ_INT(tp_send_exit(self, port, TP_EXIT_SHUTDOWN), TP_OK);
    expect_end(self, port, -1, SIGTERM, TP_EXIT_SHUTDOWN);
    /* and one that does not want to, with all that it started */
    port = open_with(self, (tp_port_options){.grace = TP_MS(30)},
                     "trap '' TERM; sleep 100 & echo $!; wait; wait; sleep 100");
    pid = expect_number(self);
    TP_ASSERT_EQ_INT(tp_port_close(self, port), TP_OK);
    expect_end(self, port, -1, SIGKILL, TP_EXIT_SHUTDOWN);
    TP_ASSERT(is_gone(pid) || state_of(pid) == 'Z'); /* init's to reap */
}
TP_TEST(port, closing_ends_the_program) {
    run(close_body, NULL);
}

static void owner_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid boss = *(tp_pid *)arg;
    (void)open_with(self, (tp_port_options){.grace = TP_MS(30)}, "echo $$; exec sleep 100");
    tp_send(self, boss, reader_done, .lines = (uint64_t)expect_number(self));
    (void)tp_sleep(self, SOON);
}
static void owners_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid boss = tp_self(self);
    static const int32_t codes[] = {TP_EXIT_KILL, TP_EXIT_SHUTDOWN, TP_EXIT_USER};
    for (size_t i = 0; i < 3; i++) {
        reader_done done;
        tp_pid owner = tp_spawn_body(self, owner_body, &boss, NULL);
        TP_ASSERT_EQ_INT(tp_receive(self, SOON, &done, reader_done), TP_OK);
        TP_ASSERT_EQ_INT(tp_send_exit(self, owner, codes[i]), TP_OK);
        for (int left = 20000; left > 0 && state_of((int)done.lines) != 0; left--)
            TP_ASSERT_EQ_INT(tp_sleep(self, TP_MS(1)), TP_OK); /* the worker is the port's too */
        TP_ASSERT(is_gone((int)done.lines));
    }
}
TP_TEST(port, ends_with_its_owner) {
    run(owners_body, NULL);
}

static void kill_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_down down;
    tp_pid port = open_shell(self, "echo $$; trap '' TERM; while :; do sleep 100; done");
    int pid = expect_number(self);
    (void)tp_monitor(self, port);
    TP_ASSERT_EQ_INT(tp_kill(self, port), TP_OK);
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_KILLED);
    TP_ASSERT(is_gone(pid));
}
TP_TEST(port, a_killed_port_kills) {
    run(kill_body, NULL);
}

static void link_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_exited exited;
    tp_process_end end;
    (void)tp_trap_exits(self, true);
    tp_pid port = open_with(self, (tp_port_options){.link = true}, "exit 9");
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &exited, tp_exited), TP_OK);
    TP_ASSERT(tp_pid_equal(exited.from, port));
    TP_ASSERT(tp_process_of((tp_reason){exited.code, exited.detail}, &end));
    TP_ASSERT_EQ_INT(end.status, 9);
}
TP_TEST(port, a_linked_owner_gets_the_reason) {
    run(link_body, NULL);
}

static void leave_body(tp_actor *self, void *arg) {
    (void)arg;
    for (int i = 0; i < 10; i++) (void)open_shell(self, "exec sleep 100");
}
TP_TEST(port, nothing_outlives_the_runtime) {
    run(leave_body, NULL);
}

static void grandchild_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port = open_shell(self, "sleep 3 & echo out");
    expect_text(self, port, 1, "out");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, what_a_program_leaves_behind_does_not_keep_it) {
    run(grandchild_body, NULL);
}

/* ---- the start ---- */

static void refuse_body(tp_actor *self, void *arg) {
    (void)arg;
    tp_pid port;
    const char *none[] = {"no-such-program-anywhere", NULL}, *path[] = {"/no/such/program", NULL};
    const char *folder[] = {"/", NULL}, *sleeps[] = {"sleep", "1", NULL}, *empty[] = {NULL};
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &(tp_port_options){.argv = none}), TP_ENOENT);
    TP_ASSERT(tp_pid_is_null(port));
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &(tp_port_options){.argv = path}), TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &(tp_port_options){.argv = folder}), TP_EIO);
    TP_ASSERT_EQ_INT(
        tp_port_open(self, &port, &(tp_port_options){.argv = sleeps, .dir = "/no/such"}),
        TP_ENOENT);
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, &(tp_port_options){.argv = empty}), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_port_open(self, &port, NULL), TP_EINVAL);
    TP_ASSERT_EQ_INT(tp_port_open(self, NULL, &(tp_port_options){.argv = sleeps}), TP_EINVAL);
    TP_ASSERT_EQ_INT(
        tp_port_open(self, &port, &(tp_port_options){.argv = sleeps, .message_max = UINT32_MAX}),
        TP_EINVAL);
    tp_down down;
    TP_ASSERT_EQ_INT(tp_receive(self, 0, &down, tp_down), TP_ETIMEDOUT);
}
TP_TEST(port, what_cannot_be_started_is_told) {
    run(refuse_body, NULL);
}

static void surroundings_body(tp_actor *self, void *arg) {
    (void)arg;
    const char *env[] = {"PATH=/usr/bin:/bin", "GREETING=hi there", NULL};
    tp_pid port = open_with(self, (tp_port_options){.env = env, .dir = "/usr"},
                            "echo \"$GREETING $HOME\"; pwd; cd /proc/self/fd; echo *");
    expect_text(self, port, 1, "hi there ");
    expect_text(self, port, 1, "/usr");
    tp_port_data data;
    TP_ASSERT_EQ_INT(tp_receive(self, SOON, &data, tp_port_data), TP_OK);
    TP_ASSERT(data.bytes.size >= 5 && data.bytes.size <= 8); /* 0 1 2, and the shell's own look */
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
    port = open_shell(self, "grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f2");
    expect_text(self, port, 1, "0000000000000000");
    expect_text(self, port, 1, "0000000000000000");
    expect_end(self, port, 0, 0, TP_EXIT_NORMAL);
}
TP_TEST(port, a_program_begins_clean) {
    run(surroundings_body, NULL);
}

static void many_body(tp_actor *self, void *arg) {
    (void)arg;
    enum { ROUND = 20 };
    for (int round = 0; round < TP_SCALED(10); round++) {
        for (int i = 0; i < ROUND; i++) (void)open_shell(self, "echo hello; exit 1");
        for (int i = 0; i < ROUND; i++) {
            tp_port_exited end;
            tp_port_data data;
            TP_ASSERT_EQ_INT(tp_receive(self, SOON, &end, tp_port_exited), TP_OK);
            TP_ASSERT_EQ_INT(end.status, 1);
            TP_ASSERT_EQ_INT(tp_receive(self, 0, &data, tp_port_data), TP_OK);
        }
    }
}
TP_TEST(port, many_leave_nothing) {
    run(many_body, NULL);
}
