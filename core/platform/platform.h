/*
 * The whole contract with the operating system. One facility a file; nothing above this room
 * includes an operating system's header. Product code reads no clock and no random source but
 * through the driver (core/scheduler/driver.h), whose production form calls these.
 */
#ifndef TPI_PLATFORM_H
#define TPI_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

#include "core/base/atomic.h"
#include "core/platform/lock.h"
#include "core/platform/vm.h"

/* ---- clock ---- */
tp_time tpi_clock_monotonic(void); /* ns, CLOCK_MONOTONIC */
int64_t tpi_clock_wall(void);      /* ns since the epoch, CLOCK_REALTIME */
void tpi_sleep_thread(tp_duration span);

/* ---- entropy ---- */
tp_err tpi_entropy(void *bytes, size_t size);

/* ---- threads ---- */
typedef struct tpi_thread {
    uintptr_t handle;
} tpi_thread;
/*
 * All signals are blocked in the new thread but those that the thread's own faults raise (a blocked
 * SIGSEGV would end the process past any handler). `name` is cut to 15 bytes. TP_ENOMEM.
 */
tp_err tpi_thread_start(tpi_thread *out, const char *name, void (*entry)(void *), void *arg);
void tpi_thread_join(tpi_thread thread);
void tpi_thread_yield(void);
uint64_t tpi_thread_id(void); /* the kernel's id of the calling thread */
/* A number that no other living thread has; no system call. Looked up anew in each call: the
 * compiler may not carry it over a switch of fibers, as it may pthread_self. */
uintptr_t tpi_thread_self(void);
/* Binds the calling thread to the `cpu`-th of those it may use, counted from 0. TP_EINVAL
 * beyond. */
tp_err tpi_thread_pin(unsigned cpu);
unsigned tpi_cpu_count(void); /* those this process may use: affinity and cgroup quota respected */

/* ---- futex ---- */
/* Sleeps while *word == expected, at most `timeout` (TP_FOREVER: no limit). May wake for no
 * reason. */
void tpi_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, tp_duration timeout);
void tpi_futex_wake(_Atomic(uint32_t) *word, unsigned count);

/* ---- readiness: one poller a runtime ---- */
struct tpi_poller; /* epoll and an eventfd */
enum { TPI_POLL_READ = 1, TPI_POLL_WRITE = 2, TPI_POLL_ERROR = 4, TPI_POLL_END = 8 };
struct tpi_poll_event {
    uint64_t token;
    unsigned ready; /* TPI_POLL_*; END: the peer ended its stream, or sent urgent data, so that a
                       read may be short although more follows */
};
tp_err tpi_poller_new(struct tpi_poller **out);
void tpi_poller_free(struct tpi_poller *poller);
/*
 * Arms one-shot interest; a second arm replaces the first. After an error or hang-up all of
 * TPI_POLL_* are ready, so that whoever waits tries and learns. `token` is not UINT64_MAX. Any
 * thread.
 */
tp_err tpi_poller_arm(struct tpi_poller *poller, int descriptor, unsigned interest, uint64_t token);
/*
 * Watches for edges: an event for all that is ready now, and one each time it becomes ready again,
 * until it is removed. A second watch replaces the first and tells anew. Not to be mixed with
 * tpi_poller_arm on one descriptor. Any thread.
 */
tp_err tpi_poller_watch(struct tpi_poller *poller, int descriptor, unsigned interest,
                        uint64_t token);
void tpi_poller_remove(struct tpi_poller *poller, int descriptor);
/* Fills at most `max` events; waits at most `timeout` (0: does not wait). Returns their number. */
unsigned tpi_poller_wait(struct tpi_poller *poller, struct tpi_poll_event *events, unsigned max,
                         tp_duration timeout);
void tpi_poller_wake(struct tpi_poller *poller); /* ends a wait of another thread. Any thread. */

/* ---- event: a descriptor that is readable while it is set ---- */
tp_err tpi_event_new(int *out);
void tpi_event_set(int event);
void tpi_event_clear(int event);
/* True when it is set within the time. */
bool tpi_event_wait(int event, tp_duration timeout);

/* ---- stream sockets: non-blocking, close-on-exec ---- */
/* `url` is "tcp://HOST:PORT" (numeric or localhost; port 0 picks one) or "unix:///path". */
tp_err tpi_socket_listen(int *out, const char *url, int backlog);
tp_err tpi_socket_accept(int *out, int listener);     /* TP_EBUSY: nothing to accept now */
tp_err tpi_socket_connect(int *out, const char *url); /* starts; writable when it is decided */
tp_err tpi_socket_connected(int descriptor);          /* how the connect ended */
tp_err tpi_socket_address(int descriptor, char *url, size_t size);
/* Bytes moved in *done. TP_EBUSY: would block; TP_ECLOSED: end of stream or reset. */
tp_err tpi_socket_read(int descriptor, void *bytes, size_t size, size_t *done);
tp_err tpi_socket_write(int descriptor, const void *bytes, size_t size, size_t *done);
void tpi_socket_shutdown_write(int descriptor);
void tpi_descriptor_close(int descriptor);

/* ---- SIGINT and SIGTERM ---- */
/* From now on they set the event (tpi_event_wait). TP_EBUSY: somebody in this process has them. */
tp_err tpi_signals_take(int event);
void tpi_signals_give(void); /* default actions again */

/* ---- faults: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT ---- */
struct tpi_fault {
    int signal;
    int code;      /* what the kernel says of it (si_code) */
    bool own;      /* this thread's own doing, not sent by somebody */
    bool aborting; /* it is SIGABRT */
    uintptr_t address;
    uintptr_t pc;
    uintptr_t sp;
    void *context;
};
/* One for a thread that wants to hear of its faults; `handle` and `user` are the caller's. */
struct tpi_fault_thread {
    /* In the signal handler, on the thread's alternate stack. Leaves by a jump, `busy` cleared; or
     * returns, and what would have happened without it happens. */
    void (*handle)(struct tpi_fault_thread *thread, const struct tpi_fault *fault);
    void *user;
    volatile uint32_t held; /* calls in progress that must not be cut short */
    volatile bool busy;     /* a fault is being handled */
    void *volatile rescue;
    void *stack;
    size_t stack_size;
};
/* From now on faults of threads that have begun are theirs; counted. Chains to what was there. */
tp_err tpi_faults_take(void);
void tpi_faults_give(void);
tp_err tpi_fault_thread_begin(struct tpi_fault_thread *thread); /* the thread itself */
void tpi_fault_thread_end(struct tpi_fault_thread *thread);
/* For calls that do not know their actor: the calling thread's faults are not to be contained. */
struct tpi_fault_thread *tpi_fault_hold(void);
void tpi_fault_release(struct tpi_fault_thread **thread);
#define TPI_FAULT_HOLD()                                                                           \
    struct tpi_fault_thread *fault_held __attribute__((cleanup(tpi_fault_release), unused)) =      \
        tpi_fault_hold()
/* Fills pc and sp from the context. */
void tpi_fault_registers(struct tpi_fault *fault);
/* The rest is for `handle`. Frames from the fault outwards until step says false; a frame's sp is
 * what it is when the frame's callee has returned. False: the stack could not be read. */
bool tpi_fault_walk(struct tpi_fault_thread *thread, const struct tpi_fault *fault,
                    bool (*step)(void *context, uintptr_t pc, uintptr_t sp), void *context);
/* The calling thread's own stack, innermost first, from the caller of the function that `frame` is
 * of (__builtin_frame_address(0)); how many. 0: it could not be read. Not in a handler. */
unsigned tpi_stack_here(struct tpi_fault_thread *thread, const void *frame, uintptr_t *frames,
                        unsigned limit);
/* True in abort and in what assert calls, where libc holds nothing. */
bool tpi_fault_is_deliberate(uintptr_t pc);
uintptr_t tpi_module_of(uintptr_t address); /* where its program or library begins; 0: in none */
const char *tpi_module_name(uintptr_t address);
uintptr_t tpi_allocator_module(void); /* the one that malloc is in */
const char *tpi_signal_name(int number);
void tpi_write_urgent(const char *text, size_t size); /* to standard error; gives up, never hangs */
/* "function+0x12" or "file+0x1234"; not in a handler. Returns the full length. */
size_t tpi_symbol(uintptr_t pc, char *out, size_t size);

/* The addresses of a machine as text, of both families, at most `max`: "10.0.0.7", "::1". Waits for
 * the system's resolver, for seconds perhaps. TP_ENOENT, TP_ETIMEDOUT (no answer), TP_ENOMEM. */
#define TPI_ADDRESS_TEXT 64
tp_err tpi_resolve(const char *host, char (*out)[TPI_ADDRESS_TEXT], size_t max, size_t *count);

/* ---- files and sections ---- */
/* A new file with these bytes, readable by its owner alone. TP_EEXIST; TP_ENOENT: no such folder;
 * TP_EIO, and then there is none. */
tp_err tpi_file_create(const char *path, const void *bytes, size_t size);
/* The bytes of a regular file, for the caller to free(). TP_ENOENT, TP_ETOOBIG, TP_ENOMEM, TP_EIO;
 * TP_EINVAL: no regular file. */
tp_err tpi_file_read(const char *path, size_t size_max, void **bytes, size_t *size);
/* Calls `each` for the section of this name of each loaded program and library, until it says
 * false. */
void tpi_section_each(const char *name,
                      bool (*each)(void *context, const void *section, size_t size), void *context);

/* ---- process ---- */
void tpi_write_stderr(const char *text, size_t size);
bool tpi_stderr_is_terminal(void);
_Noreturn void tpi_abort(void);

#endif
