/*
 * The zygote: copies that are made ahead of time, and what becomes of those that nobody takes.
 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/platform/zygote.h"
#include "tests/process/stage.h"

/* Written by the copies, each at the place of its turn. */
struct board {
    _Atomic(int) count;
    _Atomic(int) pids[8];
};
static struct board *board;

static void copy_main(int stream) {
    char byte;
    int turn = atomic_fetch_add(&board->count, 1);
    atomic_store(&board->pids[turn], getpid());
    while (tpi_stream_read_all(stream, &byte, 1)) {
    }
    tpi_process_exit(3);
}

static int pid_at(int turn) {
    for (int i = 0; i < 30000 && atomic_load(&board->pids[turn]) == 0; i++) (void)poll(NULL, 0, 1);
    TP_ASSERT(atomic_load(&board->pids[turn]) != 0);
    return atomic_load(&board->pids[turn]);
}

static struct tpi_zygote *start(void) {
    struct tpi_zygote *zygote;
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TP_ASSERT(board != MAP_FAILED);
    TP_ASSERT_EQ_INT(tpi_zygote_start(&zygote, copy_main), TP_OK);
    return zygote;
}

static void finish(struct tpi_zygote *zygote, int descriptors) {
    tpi_zygote_stop(zygote);
    TP_ASSERT(!has_child());
    TP_ASSERT_EQ_INT(open_descriptors(), descriptors);
    (void)munmap(board, sizeof *board);
}

static void end(struct tpi_child child, int stream) {
    int status;
    tpi_descriptor_close(stream); /* it ends by itself */
    TP_ASSERT_EQ_INT(waitpid(child.pid, &status, __WALL), child.pid);
    TP_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    tpi_descriptor_close(child.descriptor);
}

TP_TEST(zygote, has_a_copy_ready) {
    SUPPORTED();
    int before = open_descriptors(), stream;
    struct tpi_child child;
    struct tpi_zygote *zygote = start();
    int ready = pid_at(0); /* nobody has asked for one */
    TP_ASSERT_EQ_INT(tpi_zygote_copy(zygote, &child, &stream), TP_OK);
    TP_ASSERT_EQ_INT(child.pid, ready);
    end(child, stream);
    TP_ASSERT_EQ_INT(atomic_load(&board->count), 1); /* the next one is made on demand */
    tpi_zygote_order(zygote);
    tpi_zygote_order(zygote); /* one is enough */
    ready = pid_at(1);
    TP_ASSERT_EQ_INT(tpi_zygote_copy(zygote, &child, &stream), TP_OK);
    TP_ASSERT_EQ_INT(child.pid, ready);
    end(child, stream);
    TP_ASSERT_EQ_INT(tpi_zygote_copy(zygote, &child, &stream), TP_OK); /* not ordered: waited for */
    TP_ASSERT_EQ_INT(child.pid, pid_at(2));
    end(child, stream);
    finish(zygote, before);
}

TP_TEST(zygote, a_copy_that_nobody_takes_ends_with_it) {
    SUPPORTED();
    int before = open_descriptors();
    struct tpi_zygote *zygote = start();
    int ready = pid_at(0);
    finish(zygote, before);
    TP_ASSERT(is_gone(ready));
}

TP_TEST(zygote, a_copy_that_was_killed_is_not_given_away) {
    SUPPORTED();
    int before = open_descriptors(), stream;
    struct tpi_child child;
    struct tpi_zygote *zygote = start();
    int ready = pid_at(0);
    TP_ASSERT_EQ_INT(kill(ready, SIGKILL), 0);
    siginfo_t info; /* it is left as it is for the zygote's own look */
    TP_ASSERT_EQ_INT(waitid(P_PID, (id_t)ready, &info, WEXITED | WNOWAIT | __WALL), 0);
    TP_ASSERT_EQ_INT(tpi_zygote_copy(zygote, &child, &stream), TP_OK);
    TP_ASSERT(child.pid != ready);
    TP_ASSERT_EQ_INT(child.pid, pid_at(1));
    end(child, stream);
    finish(zygote, before);
}
