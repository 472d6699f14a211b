/*
 * The zygote: forked early, so that it has one thread and no lock is held; it waits for requests,
 * each with the copy's end of a stream, and answers with the copy's number. CLONE_PARENT makes the
 * copy a child of the node, which can wait for it. It ends when the node's end of its socket is
 * closed.
 */
#include "core/platform/zygote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/assert.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

struct tpi_zygote {
    tpi_mutex mutex; /* of what follows; one request at a time */
    int socket;
    int pid;
    bool ordered; /* a copy was asked for, and not taken yet: the spare one */
    int spare;    /* this end of its stream */
    int told;     /* its number, once that has been read; 0: not yet */
};

static unsigned count_threads(void) {
    DIR *folder = opendir("/proc/self/task");
    unsigned count = 0;
    if (folder == NULL) return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

/* ---- the zygote's side ---- */

static int take_stream(int socket) {
    char byte, room[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *head = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head == NULL || head->cmsg_type != SCM_RIGHTS) return -1;
    int stream;
    memcpy(&stream, CMSG_DATA(head), sizeof stream);
    return stream;
}

/* Of the calling process; the copy's parent is this one's parent. */
static long copy_process(void) {
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } arguments = {.flags = CLONE_PARENT};
    return syscall(SYS_clone3, &arguments, sizeof arguments);
}

static _Noreturn void run_copy(int socket, int stream, void (*child)(int stream)) {
    close(socket);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#ifdef M_ARENA_MAX
    /* an arena for each thread takes 64 MiB of addresses, which may be limited */
    (void)mallopt(M_ARENA_MAX, 1);
#endif
    child(stream);
    tpi_process_exit(1);
}

static _Noreturn void serve(int socket, void (*child)(int stream)) {
    (void)setpgid(0, 0); /* the terminal's signals are the node's */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int stream;
    while ((stream = take_stream(socket)) >= 0) {
        long pid = copy_process();
        if (pid == 0) run_copy(socket, stream, child);
        if (pid < 0) pid = -errno;
        close(stream);
        int32_t answer = (int32_t)pid;
        if (send(socket, &answer, sizeof answer, MSG_NOSIGNAL) < 0) break;
    }
    tpi_process_exit(0);
}

/* ---- the node's side ---- */

static bool give_stream(int socket, int stream) {
    char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &stream, sizeof stream);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

/* Asks for a copy, and does not wait for it. Under the mutex. */
static bool order(struct tpi_zygote *zygote) {
    int ends[2];
    if (zygote->ordered) return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    bool given = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && give_stream(zygote->socket, ends[1]);
    close(ends[1]);
    if (!given) {
        close(ends[0]);
        return false;
    }
    zygote->ordered = true;
    zygote->spare = ends[0];
    zygote->told = 0;
    return true;
}

/* The number of the copy that was ordered, or an error of the system, negative; waits for it. Under
 * the mutex. */
static int number_of(struct tpi_zygote *zygote) {
    int32_t pid = -EIO;
    ssize_t got;
    TPI_ASSERT(zygote->ordered);
    if (zygote->told != 0) return zygote->told;
    do got = recv(zygote->socket, &pid, sizeof pid, 0);
    while (got < 0 && errno == EINTR);
    zygote->told = got == sizeof pid ? pid : -EIO;
    return zygote->told;
}

/* The same, and it is the spare one no longer. */
static int collect(struct tpi_zygote *zygote) {
    int pid = number_of(zygote);
    zygote->ordered = false;
    return pid;
}

static void discard(int pid, int stream) {
    int status;
    close(stream);
    if (pid <= 0) return;
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
    }
}

/* Whether a copy that may have waited for long has ended meanwhile; then it is reaped. */
static bool has_ended(int pid) {
    int status;
    return waitpid(pid, &status, __WALL | WNOHANG) != 0;
}

tp_err tpi_zygote_start(struct tpi_zygote **out, void (*child)(int stream)) {
    int ends[2];
    if (count_threads() != 1) return TP_ECONTEXT;
    struct tpi_zygote *zygote = tpi_vm_map(sizeof *zygote);
    if (zygote == NULL) return TP_ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        tpi_vm_unmap(zygote, sizeof *zygote);
        return TP_EIO;
    }
    zygote->socket = ends[0];
    zygote->pid = fork();
    if (zygote->pid == 0) {
        close(ends[0]);
        serve(ends[1], child);
    }
    close(ends[1]);
    if (zygote->pid < 0) {
        close(ends[0]);
        tpi_vm_unmap(zygote, sizeof *zygote);
        return TP_ENOMEM;
    }
    tpi_zygote_order(zygote);
    tpi_zygote_settle(zygote);
    *out = zygote;
    return TP_OK;
}

void tpi_zygote_stop(struct tpi_zygote *zygote) {
    int status;
    if (zygote->ordered) {
        int pid = collect(zygote);
        discard(pid, zygote->spare);
    }
    close(zygote->socket);
    while (waitpid(zygote->pid, &status, 0) < 0 && errno == EINTR) {
    }
    tpi_vm_unmap(zygote, sizeof *zygote);
}

void tpi_zygote_order(struct tpi_zygote *zygote) {
    tpi_mutex_lock(&zygote->mutex);
    (void)order(zygote); /* else the next copy is waited for */
    tpi_mutex_unlock(&zygote->mutex);
}

void tpi_zygote_settle(struct tpi_zygote *zygote) {
    tpi_mutex_lock(&zygote->mutex);
    if (zygote->ordered) (void)number_of(zygote);
    tpi_mutex_unlock(&zygote->mutex);
}

static int take(struct tpi_zygote *zygote, int *stream) {
    int pid = -EIO;
    tpi_mutex_lock(&zygote->mutex);
    for (int i = 0; i < 2 && order(zygote); i++) {
        pid = collect(zygote);
        *stream = zygote->spare;
        if (pid <= 0 || !has_ended(pid)) break;
        close(*stream);
        *stream = -1;
        pid = -EIO;
    }
    tpi_mutex_unlock(&zygote->mutex);
    return pid;
}

tp_err tpi_zygote_copy(struct tpi_zygote *zygote, struct tpi_child *out, int *stream) {
    *stream = -1;
    int pid = take(zygote, stream);
    int descriptor = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    if (descriptor >= 0) {
        *out = (struct tpi_child){pid, descriptor};
        return TP_OK;
    }
    if (*stream >= 0) discard(pid, *stream);
    return pid == -EAGAIN || pid == -ENOMEM ? TP_ENOMEM : TP_EIO;
}

/* ---- a copy's own ---- */

static void limit(int what, uint64_t value) {
    if (value == 0) return;
    struct rlimit limits = {value, value};
    (void)setrlimit((__rlimit_resource_t)what, &limits);
}

void tpi_limits_set(const struct tpi_limits *limits) {
    limit(RLIMIT_AS, limits->memory);
    limit(RLIMIT_NOFILE, limits->files);
    limit(RLIMIT_CPU, limits->seconds);
}

bool tpi_stream_read_all(int stream, void *bytes, size_t size) {
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = recv(stream, at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

bool tpi_stream_write_all(int stream, struct tpi_part *parts, unsigned count) {
    TPI_ASSERT(count <= TPI_PARTS_MAX);
    while (count > 0) {
        struct iovec vector[TPI_PARTS_MAX];
        for (unsigned i = 0; i < count; i++)
            vector[i] = (struct iovec){(void *)(uintptr_t)parts[i].bytes, parts[i].size};
        ssize_t sent =
            sendmsg(stream, &(struct msghdr){.msg_iov = vector, .msg_iovlen = count}, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        for (size_t rest = (size_t)sent; count > 0; parts++, count--) {
            size_t done = rest < parts->size ? rest : parts->size;
            if (done > 0) parts->bytes = (const uint8_t *)parts->bytes + done; /* may be no bytes */
            parts->size -= done;
            rest -= done;
            if (parts->size > 0) break;
        }
    }
    return true;
}

_Noreturn void tpi_process_exit(int status) {
    _exit(status);
}
