/*
 * The capsule of an actor: its last inputs, kept for its crash; and the same inputs given back when
 * a capsule is replayed.
 *
 * A step is one call of the actor's code from outside: init, a message, a timeout. With it stand
 * the inputs that the code drew while it ran: random numbers, readings of the clock, references,
 * pids of actors it made, what its waits brought. Steps are kept as they stand in the file
 * (docs/capsule.md), so that a crash only has to write them.
 *
 * The same structure replays: then nothing from outside reaches the actor, and whoever would draw
 * an input is given the next one of the step. Asking for another kind than was recorded ends the
 * replay: the program is not the one that crashed, or depends on what is no input.
 */
#ifndef TPI_CAPSULE_H
#define TPI_CAPSULE_H

#include "core/actor/extra.h"

/* The first number of a recorded input; they are the file's, so they do not change. */
enum tpi_input_kind {
    TPI_INPUT_START,   /* a step: init; the arguments, or nil */
    TPI_INPUT_MESSAGE, /* a step */
    TPI_INPUT_TIMEOUT, /* a step: tp_set_timeout */
    TPI_INPUT_RANDOM,
    TPI_INPUT_CLOCK,
    TPI_INPUT_REF,
    TPI_INPUT_FLAG,
    TPI_INPUT_PID,
    TPI_INPUT_WAIT, /* how a wait ended */
    TPI_INPUT_COUNT
};

#define TPI_CAPSULE_BYTES_MAX ((size_t)1 << 20) /* of all steps; the oldest go */
#define TPI_CAPSULE_STEPS_MAX 65536u
#define TPI_CAPSULE_TEXT 600u

/* A message, as recorded: borrowed from the step. */
struct tpi_recorded {
    bool present;
    tp_str type;
    uint32_t fields;
    bool request;
    tp_pid from;
    tp_ref ref;
    tp_bin payload;
};

/* One input, read. */
struct tpi_input {
    enum tpi_input_kind kind;
    uint64_t number; /* RANDOM, CLOCK (as its bits), REF, FLAG */
    tp_pid pid;
    tp_err err, wait_err; /* WAIT */
    bool timed_out;
    uint32_t ready;
    struct tpi_recorded message; /* START, MESSAGE, WAIT */
};

struct tpi_step {
    uint8_t *bytes; /* inputs, one after the other */
    size_t size, capacity;
    uint32_t count;
};

struct tpi_capsule {
    tp_runtime *runtime;
    struct tpi_step start;  /* always kept */
    struct tpi_step *steps; /* a ring */
    struct tpi_step *now;
    uint32_t capacity, first, count;
    uint64_t lost;   /* steps that are not kept any more */
    size_t bytes;    /* of all steps but the start */
    const char *cut; /* not NULL: from here on it could not keep what happened, and why */
    bool by_itself;  /* the actor ended by its own tp_exit or tp_fail */

    /* ---- replaying ---- */
    bool replaying;
    bool by_signal; /* in the recorded run a signal ended it */
    uint32_t step;  /* 0: the start */
    tp_reader in;   /* the rest of the present step */
    int32_t code;   /* the recorded reason */
    tp_bin detail;
    bool ended, diverged;
    int32_t ended_code;
    uint8_t ended_detail[TPI_CAPSULE_TEXT];
    size_t ended_detail_size;
    char why[TPI_CAPSULE_TEXT]; /* it diverged */
};

/* Recording: made at spawn, freed with the actor. NULL: no memory. */
struct tpi_capsule *tpi_capsule_new(tp_runtime *runtime, uint32_t steps);
void tpi_capsule_free(tp_runtime *runtime, struct tpi_capsule *capsule);
/* The n-th oldest step that is kept. */
static inline struct tpi_step *tpi_capsule_step(const struct tpi_capsule *capsule, uint32_t n) {
    return &capsule->steps[(capsule->first + n) % capsule->capacity];
}
/* Reads one input; false: these bytes are none. */
bool tpi_input_read(tp_reader *in, struct tpi_input *out);

static inline struct tpi_capsule *tpi_capsule_of(const tp_actor *self) {
    if (__builtin_expect(!(self->flags & TPI_ACTOR_WATCHED), 1)) return NULL;
    return self->extra == NULL ? NULL : self->extra->capsule;
}
static inline bool tpi_replays(const tp_actor *self) {
    return (self->flags & TPI_ACTOR_REPLAYS) != 0;
}

/* A step begins; `block` NULL: none. System messages are none. */
void tpi_capsule_begin(tp_actor *self, enum tpi_input_kind kind, const struct tpi_block *block);
/* An input of one number: kept, or replaced by what was kept. */
uint64_t tpi_capsule_number(tp_actor *self, enum tpi_input_kind kind, uint64_t value);
tp_pid tpi_capsule_pid(tp_actor *self, tp_pid pid);
/* A wait is over: kept. */
void tpi_capsule_waited(tp_actor *self, const struct tpi_waiting *waiting, tp_err err);
/* Replaying: ends the wait as it ended. */
tp_err tpi_capsule_wait(tp_actor *self, struct tpi_waiting *waiting);
/* Replaying: the next step, its message in *block (NULL: none); COUNT: there is none. */
enum tpi_input_kind tpi_capsule_next(tp_actor *self, struct tpi_block **block);
/* Replaying: how it ended is noted. */
void tpi_capsule_ended(tp_actor *self, tp_reason reason);
/* Replaying: an actor of this behaviour with the pid that it had. TP_ENOMEM. */
tp_err tpi_spawn_replay(tp_runtime *runtime, const tp_behavior *behavior, tp_pid pid, bool contain,
                        struct tpi_capsule *capsule);

#endif
