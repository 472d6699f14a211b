/*
 * Crash capsules as files: docs/capsule.md.
 */
#ifndef TPI_CRASH_CAPSULE_H
#define TPI_CRASH_CAPSULE_H

#include "core/actor/capsule.h"

#define TPI_CAPSULE_PATH 512u
#define TPI_CAPSULE_FILE_MAX ((size_t)64 << 20)

/* Writes the capsule of an actor that crashes. TP_OK: its file's name is in `path`. */
tp_err tpi_capsule_write(tp_runtime *runtime, tp_actor *self, tp_reason reason, char *path,
                         size_t size);

/* A file, read: for a replay. What it has is borrowed from the bytes. */
struct tpi_capsule_file {
    tp_str behavior, name, cut;
    tp_pid pid;
    int64_t time; /* ns since the epoch */
    int32_t code;
    tp_bin detail;
    bool by_signal, contain;
    uint64_t lost, state_size;
    struct tpi_capsule capsule; /* ready to replay */
};
/* Reads and checks all of it. NULL: it is in *out, whose steps are freed by tpi_capsule_close;
 * else what is wrong. */
const char *tpi_capsule_open(struct tpi_capsule_file *out, const void *bytes, size_t size);
void tpi_capsule_close(struct tpi_capsule_file *file);

#endif
