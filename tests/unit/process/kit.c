/*
 * Runs and looks, shared by the tests of processes.
 */
#include "tests/unit/process/kit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include <poll.h>

static void quiet(void *context, const tp_log_entry *entry) {
    (void)context;
    (void)entry;
}

int open_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    TP_ASSERT(folder != NULL);
    int count = 0;
    while (readdir(folder) != NULL) count++;
    closedir(folder);
    return count;
}

bool has_child(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

void run(tp_body body, void *arg) {
    static const unsigned workers[] = {1, 3};
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        tp_options options = {.workers = workers[i], .max_actors = 1u << 16, .log_hook = quiet};
        int before = open_descriptors();
        TP_ASSERT_EQ_INT(tp_run_with(&options, body, arg), 0);
        TP_ASSERT(!has_child());
        TP_ASSERT_EQ_INT(open_descriptors(), before);
    }
}

char state_of(int pid) {
    char path[64], text[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    const char *behind = strrchr(text, ')');
    return behind == NULL || behind[1] != ' ' ? 0 : behind[2];
}

bool is_gone(int pid) {
    for (int i = 0; i < 20000; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH) return true;
        if (state_of(pid) == 'Z') return true; /* dead; that it is reaped is run's to see */
        (void)poll(NULL, 0, 1);
    }
    return false;
}
