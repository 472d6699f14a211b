/*
 * Files of a few bytes that concern nobody else: secrets, keys, the claim to a socket's path.
 */
#include "core/platform/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 512

static tp_err file_error(int code) {
    switch (code) {
    case ENOENT: return TP_ENOENT;
    case EEXIST: return TP_EEXIST;
    case ENOMEM:
    case EMFILE:
    case ENFILE: return TP_ENOMEM;
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EROFS: return TP_EADDR;
    default: return TP_EIO;
    }
}

static tp_err read_all(int file, void *bytes, size_t size, size_t *used) {
    size_t have = 0;
    while (have < size) {
        ssize_t got = read(file, (char *)bytes + have, size - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return file_error(errno);
        if (got == 0) break;
        have += (size_t)got;
    }
    *used = have;
    return TP_OK;
}

tp_err tpi_file_read_private(const char *path, void *bytes, size_t size, size_t *used) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return file_error(errno);
    struct stat status;
    tp_err err = fstat(file, &status) != 0 ? file_error(errno) : TP_OK;
    if (err == TP_OK && !S_ISREG(status.st_mode)) err = TP_EINVAL;
    if (err == TP_OK &&
        ((status.st_mode & 077) != 0 || (status.st_uid != geteuid() && status.st_uid != 0)))
        err = TP_EREFUSED;
    if (err == TP_OK && status.st_size > (off_t)size) err = TP_ETOOBIG;
    if (err == TP_OK) err = read_all(file, bytes, size, used);
    (void)close(file);
    return err;
}

tp_err tpi_file_make_private(const char *path, const void *bytes, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return file_error(errno);
    ssize_t put = write(file, bytes, size);
    tp_err err = put == (ssize_t)size && fsync(file) == 0 ? TP_OK : TP_EIO;
    if (close(file) != 0) err = TP_EIO;
    if (err != TP_OK) (void)unlink(path);
    return err;
}

static bool lock_path(const char *path, char *out) {
    int size = snprintf(out, PATH_SIZE, "%s.lock", path);
    return size > 0 && size < PATH_SIZE;
}

tp_err tpi_path_claim(const char *path, int *lock) {
    char name[PATH_SIZE];
    struct stat status;
    if (!lock_path(path, name)) return TP_EADDR;
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return file_error(errno);
    tp_err err = TP_OK;
    if (flock(file, LOCK_EX | LOCK_NB) != 0) err = TP_EBUSY;
    else if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) err = TP_EEXIST;
    if (err != TP_OK) {
        (void)close(file);
        return err;
    }
    *lock = file;
    return TP_OK;
}

void tpi_path_release(int lock, const char *path) {
    (void)unlink(path); /* the lock's file stays: without a name it would keep nobody out */
    (void)close(lock);
}
