/*
 * Whole files, read and written at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/platform/platform.h"

static tp_err error_of(int number) {
    switch (number) {
    case EEXIST: return TP_EEXIST;
    case ENOENT: return TP_ENOENT;
    case ENOMEM: return TP_ENOMEM;
    default: return TP_EIO;
    }
}

static bool write_all(int descriptor, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t done = write(descriptor, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

tp_err tpi_file_create(const char *path, const void *bytes, size_t size) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return error_of(errno);
    bool done = write_all(descriptor, bytes, size);
    done = close(descriptor) == 0 && done;
    if (!done) (void)unlink(path); /* a part of it would mislead */
    return done ? TP_OK : TP_EIO;
}

static tp_err read_all(int descriptor, uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t done = read(descriptor, bytes, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return TP_EIO; /* it became shorter */
        bytes += done;
        size -= (size_t)done;
    }
    return TP_OK;
}

static tp_err read_open(int descriptor, size_t size_max, void **bytes, size_t *size) {
    struct stat status;
    if (fstat(descriptor, &status) != 0) return TP_EIO;
    if (!S_ISREG(status.st_mode)) return TP_EINVAL;
    if (status.st_size < 0 || (uint64_t)status.st_size > size_max) return TP_ETOOBIG;
    *size = (size_t)status.st_size;
    *bytes = malloc(*size + 1);
    if (*bytes == NULL) return TP_ENOMEM;
    tp_err err = read_all(descriptor, *bytes, *size);
    if (err != TP_OK) free(*bytes);
    return err;
}

tp_err tpi_file_read(const char *path, size_t size_max, void **bytes, size_t *size) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return error_of(errno);
    tp_err err = read_open(descriptor, size_max, bytes, size);
    (void)close(descriptor);
    return err;
}
