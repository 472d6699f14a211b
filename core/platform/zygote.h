/*
 * A process that was forked while this one had a single thread, and forks for it: its copies are
 * this process's own children, with memory as it was then.
 */
#ifndef TPI_ZYGOTE_H
#define TPI_ZYGOTE_H

#include "core/platform/child.h"

struct tpi_zygote;

/*
 * Forks it. `child` runs in each copy, with the copy's end of a stream; it does not return. The
 * calling process must have one thread: TP_ECONTEXT otherwise. TP_ENOMEM, TP_EIO.
 */
tp_err tpi_zygote_start(struct tpi_zygote **out, void (*child)(int stream));
/* Ends and reaps it. Copies live on. */
void tpi_zygote_stop(struct tpi_zygote *zygote);
/* Takes the copy that was ordered, or has one made and waits for that: *stream is this end, not
 * blocking. TP_EIO: the zygote is gone. Any thread. */
tp_err tpi_zygote_copy(struct tpi_zygote *zygote, struct tpi_child *out, int *stream);

/* Has the next copy made ahead of time, if there is none: it costs a moment of the zygote's, and
 * one process that sleeps. tpi_zygote_start has ordered the first. Any thread. */
void tpi_zygote_order(struct tpi_zygote *zygote);
/* Waits until a copy that was ordered is there: who counts processes counts the same before a
 * runtime and after it. Any thread. */
void tpi_zygote_settle(struct tpi_zygote *zygote);

/* What a copy of this process may use; 0: no limit. */
struct tpi_limits {
    uint64_t memory;  /* bytes of address space */
    uint64_t files;   /* descriptors */
    uint64_t seconds; /* of processor time */
};
void tpi_limits_set(const struct tpi_limits *limits);
/* All bytes, waiting; false: the other end is gone. For a copy's own end. */
bool tpi_stream_read_all(int stream, void *bytes, size_t size);
/* Some parts, one behind the other; they are used up. */
struct tpi_part {
    const void *bytes;
    size_t size;
};
#define TPI_PARTS_MAX 3u
bool tpi_stream_write_all(int stream, struct tpi_part *parts, unsigned count);
_Noreturn void tpi_process_exit(int status); /* nothing is flushed, nobody is called */

#endif
