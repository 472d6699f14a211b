/* Standard error and the end of the process. */
#include "core/platform/platform.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

TP_TEST(process, writes_to_standard_error_then_aborts) {
    int ends[2];
    TP_ASSERT_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sigaction plain = {.sa_handler = SIG_DFL};
        sigaction(SIGABRT, &plain, NULL);
        dup2(ends[1], STDERR_FILENO);
        if (!tpi_stderr_is_terminal()) tpi_write_stderr("last words", 10);
        tpi_abort();
    }
    close(ends[1]);
    char text[32] = "";
    TP_ASSERT_EQ_INT(read(ends[0], text, sizeof(text) - 1), 10);
    close(ends[0]);
    int status = 0;
    TP_ASSERT_EQ_INT(waitpid(child, &status, 0), child);
    TP_ASSERT_EQ_STR(text, "last words");
    TP_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
