/*
 * Servers in processes of their own, and what the system says of a process.
 */
#include "examples/common/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "examples/common/story.h"

#define START_MS 30000
#define STOP_MS 10000

/* ---- processes ---- */

static _Noreturn void become(const char *const *arguments, int output, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1); /* it died before that */
    dup2(output, STDOUT_FILENO);
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments); /* it changes nothing */
    _exit(127);
}

/* Some bytes of a descriptor before the deadline; 0: the end, or too late. */
static size_t read_until(int descriptor, char *bytes, size_t size, int64_t deadline) {
    struct pollfd wait = {.fd = descriptor, .events = POLLIN};
    int64_t left = deadline - story_now_ms();
    if (left <= 0 || poll(&wait, 1, (int)left) <= 0) return 0;
    ssize_t got = read(descriptor, bytes, size);
    return got > 0 ? (size_t)got : 0;
}

static uint16_t read_port(int descriptor) {
    char line[128];
    size_t used = 0;
    unsigned port = 0;
    int64_t deadline = story_now_ms() + START_MS;
    while (used + 1 < sizeof line && read_until(descriptor, &line[used], 1, deadline) == 1)
        if (line[used++] == '\n') break;
    line[used] = '\0';
    return sscanf(line, "listening on %u", &port) == 1 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

bool child_start(struct child *child, const char *const *arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) become(arguments, ends[1], parent);
    close(ends[1]);
    *child = (struct child){.pid = pid, .output = ends[0]};
    if (pid > 0) child->port = read_port(ends[0]);
    if (child->port != 0) return true;
    if (pid > 0) child_stop(child, NULL, 0);
    else close(ends[0]);
    return false;
}

bool child_stop(struct child *child, char *text, size_t size) {
    char dropped[256];
    size_t used = 0, got;
    int64_t deadline = story_now_ms() + STOP_MS;
    int status = -1;
    kill(child->pid, SIGTERM);
    do {
        bool room = text != NULL && used + 1 < size;
        got = read_until(child->output, room ? text + used : dropped,
                         room ? size - used - 1 : sizeof dropped, deadline);
        if (room) used += got;
    } while (got > 0);
    if (text != NULL && size > 0) text[used] = '\0';
    close(child->output);
    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (story_now_ms() > deadline) kill(child->pid, SIGKILL);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void child_announce(uint16_t port) {
    printf("listening on %u\n", port);
    fflush(stdout);
}

/* ---- what it uses ---- */

static bool read_file(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    size_t used = fread(text, 1, size - 1, file);
    fclose(file);
    text[used] = '\0';
    return used > 0;
}

static int64_t number_after(const char *text, const char *name) {
    const char *found = strstr(text, name);
    return found == NULL ? 0 : strtoll(found + strlen(name), NULL, 10);
}

static int64_t switches_of(pid_t pid) {
    char path[300], text[4096];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) return 0;
    for (struct dirent *entry = readdir(tasks); entry != NULL; entry = readdir(tasks)) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)pid, entry->d_name);
        if (entry->d_name[0] == '.' || !read_file(path, text, sizeof text)) continue;
        sum += number_after(text, "\nvoluntary_ctxt_switches:");
        sum += number_after(text, "nonvoluntary_ctxt_switches:");
    }
    closedir(tasks);
    return sum;
}

bool usage_of(pid_t pid, struct usage *usage) {
    char path[64], text[4096];
    long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_file(path, text, sizeof text)) return false;
    const char *after = strrchr(text, ')'); /* the name may hold anything */
    if (after == NULL || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
                                &user, &kernel) != 2)
        return false;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (!read_file(path, text, sizeof text)) return false;
    *usage = (struct usage){.memory = number_after(text, "VmRSS:") * 1024,
                            .cpu_ms = (user + kernel) * 1000 / sysconf(_SC_CLK_TCK),
                            .switches = switches_of(pid),
                            .threads = number_after(text, "Threads:")};
    return true;
}

int64_t descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1000000 ? 1000000 : (int64_t)limit.rlim_cur;
}
