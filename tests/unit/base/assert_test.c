/* A failed assertion says where and what, and aborts. */
#include "core/base/assert.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

TP_TEST(assert, says_where_and_what_and_aborts) {
    int ends[2];
    TP_ASSERT_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(SIGABRT, &plain, NULL);
        dup2(ends[1], STDERR_FILENO);
        TPI_ASSERT(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    char text[512] = "";
    size_t size = 0;
    ssize_t got;
    while ((got = read(ends[0], text + size, sizeof(text) - 1 - size)) > 0) size += (size_t)got;
    close(ends[0]);
    int status = 0;
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    TP_ASSERT(strstr(text, "assert_test.c:") != NULL);
    TP_ASSERT(strstr(text, "1 + 1 == 3") != NULL);
}

TP_TEST(assert, a_true_one_is_evaluated_once) {
    int times = 0;
    TPI_ASSERT(++times == 1);
    TP_ASSERT_EQ_INT(times, 1);
}
