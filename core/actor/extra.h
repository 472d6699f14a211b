/*
 * What few actors need: made at first need, freed at the end.
 */
#ifndef TPI_EXTRA_H
#define TPI_EXTRA_H

#include "core/actor/self.h"
#include "core/base/assert.h"

/* What a blocked actor waits for. */
enum tpi_wait {
    TPI_WAIT_NONE,
    TPI_WAIT_MESSAGE, /* any message that `accept` takes */
    TPI_WAIT_REPLY,   /* the reply to `ref` */
    TPI_WAIT_FUTURES, /* enough of `futures` decided */
    TPI_WAIT_TIME,    /* its deadline alone */
    TPI_WAIT_CREDIT,  /* room at a receiver */
    TPI_WAIT_EVENT    /* a READY signal with `ref` (sockets) */
};

/* On the stack of the blocked actor. */
struct tpi_waiting {
    enum tpi_wait kind;
    bool done;
    bool timed_out;
    tp_err err;
    tp_ref ref;
    tp_pid to;               /* who was asked, of a wait for a reply */
    struct tpi_block *block; /* the message, reply or event that ended the wait */
    bool (*accept)(tp_actor *self, struct tpi_block *block, void *context);
    void *context;
    const tp_ref *futures;
    size_t future_count;
    bool all;
    unsigned ready;
};

/* What is needed by actors that do more than handle messages. */
struct tpi_extra {
    struct tpi_waiting *waiting;
    struct tpi_deadline *wait_deadline;
    tp_ref wait_ref;      /* of that deadline */
    struct tpi_map links; /* (node, slot:generation) -> tpi_link state, signal.c */
    struct tpi_map_entry first_links[TPI_MAP_FIRST]; /* its table while they are few */
    struct tpi_map monitors;        /* (ref, 0) -> struct tpi_monitor, made by this actor */
    struct tpi_map watched;         /* (ref, node) -> monitors of others on this actor */
    struct tpi_map aliases;         /* (ref, 0) -> mode + 1 */
    struct tpi_map pending;         /* (ref, 0) -> struct tpi_pending: futures */
    struct tpi_timer_place *timers; /* its timers, by the index in their refs (timer.c) */
    struct tpi_map deferred;        /* (ref, caller's node) -> tp_pid of the caller */
    struct tpi_list allocations;
    struct tpi_list exit_calls;
    struct tpi_list descriptors;
    struct tpi_list kept;
    struct tpi_block *postponed; /* oldest first, linked by next */
    struct tpi_block *postponed_last;
    struct tpi_block *retried; /* postponed before, to be handled before newer ones */
    struct tpi_block *retried_last;
    struct tpi_block *outer;  /* a handler's own message, while it has received others */
    struct tpi_block *behind; /* while a handler waits: the block before the consumed last one */
    struct tpi_block *held;   /* lives until the end of the handler */
    struct tpi_scratch_chunk *scratch; /* decoded lists, likewise */
    struct tpi_block *waiters;         /* CREDIT blocks of senders that this actor keeps waiting */
    struct tpi_block *arguments;       /* for init */
    struct tpi_inbox_state *inbox;
    struct tpi_deadline *timeout; /* tp_set_timeout */
    tp_duration timeout_span;
    tp_ref timeout_ref;
    bool timeout_fired;
    bool far_waiter; /* another node is among the waiters */
    uint32_t postponed_count;
    uint32_t refused_count;  /* messages that wait, refused by a receive: outside the bound */
    uint32_t timer_capacity; /* places of `timers` */
    uint32_t timer_free;     /* the first free one and 1; 0: none */
    uint32_t timer_sequence; /* makes the refs of one place differ */
    uint32_t stack_class;    /* 0: the loop's own fiber */
    size_t stack_size;
    tp_pid parent;       /* who spawned it linked */
    tp_pid starter;      /* who spawned it, for people; null: not known */
    tp_pid over;         /* the receiver whose limit it passed */
    tp_ref credit;       /* the CREDIT it waits for */
    char *name;          /* registered; the registry's memory */
    const char *shown;   /* in the place of its behaviour's name: of an isolated one, the guest's */
    uint32_t groups;     /* memberships, counted by the registry */
    uint64_t workers;    /* a bit a worker it may run on; 0: all */
    int32_t reason_code; /* how it ends */
    uint32_t reason_size;
    uint8_t *reason_detail; /* heap */
    tp_err error;
    int *status;                 /* a main actor's: where its exit status goes */
    char *deadlock;              /* heap; text of the last cycle */
    struct tpi_capsule *capsule; /* its last inputs; NULL: they are not kept */
    tp_restart_history restarted;
    tp_pid tracer;   /* who gets its tp_sys_events; null: nobody */
    uint64_t untold; /* events that the tracer's mailbox refused */
    bool traced_to_log;
    tp_actor *self;
    volatile uint32_t inside; /* calls of this library in progress; 0: the actor's own code runs */
    uintptr_t outermost;      /* the stack pointer of who called that code */
};

/* What people know it by. */
static inline const char *tpi_behavior_name(const tp_actor *self) {
    if (self->extra != NULL && self->extra->shown != NULL) return self->extra->shown;
    return self->behavior->name;
}

/*
 * Containment: is the runtime in progress? A containing actor counts the calls of this library that
 * it is in. Only the fault handler of the actor's own thread asks (core/crash/contain.c), so that
 * the order of the program is all it needs, and that the compiler keeps it. Others pay one test.
 */
static inline tp_actor *tpi_inside_begin(tp_actor *self) {
    if (__builtin_expect(self->flags & TPI_ACTOR_CONTAINED, 0)) {
        TPI_CHECK(self->extra != NULL);
        self->extra->inside++;
        __asm__ volatile("" ::: "memory");
    }
    return self;
}
static inline void tpi_inside_end(tp_actor **inside) {
    tp_actor *self = *inside;
    if (__builtin_expect(self->flags & TPI_ACTOR_CONTAINED, 0)) {
        __asm__ volatile("" ::: "memory");
        self->extra->inside--;
    }
}
/* At the head of every public function that takes `self` and changes anything. */
#define TPI_INSIDE(self)                                                                           \
    tp_actor *inside_of __attribute__((cleanup(tpi_inside_end), unused)) = tpi_inside_begin(self)

/* A containing actor's own code is called next, from the caller's frame. */
void tpi_user_begin(tp_actor *self);
/* It has returned, or left by a jump. */
static inline void tpi_user_end(tp_actor *self) {
    if (__builtin_expect(self->flags & TPI_ACTOR_CONTAINED, 0)) {
        TPI_CHECK(self->extra != NULL);
        __asm__ volatile("" ::: "memory");
        self->extra->inside = 1;
    }
}
/* For code of the actor's that a call of this library calls: what was there comes back after it. */
struct tpi_inside {
    uint32_t inside;
    uintptr_t outermost;
};
static inline struct tpi_inside tpi_inside_save(const tp_actor *self) {
    if (!(self->flags & TPI_ACTOR_CONTAINED)) return (struct tpi_inside){0};
    return (struct tpi_inside){self->extra->inside, self->extra->outermost};
}
static inline void tpi_inside_restore(tp_actor *self, struct tpi_inside saved) {
    if (!(self->flags & TPI_ACTOR_CONTAINED)) return;
    __asm__ volatile("" ::: "memory");
    self->extra->inside = saved.inside;
    self->extra->outermost = saved.outermost;
}

#endif
