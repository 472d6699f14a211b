/*
 * The whole contract with the operating system. One facility a file; nothing above this room
 * includes an operating system's header. Product code reads no clock and no random source but
 * through the driver (core/scheduler/driver.h), whose production form calls these.
 */
#ifndef TPI_PLATFORM_H
#define TPI_PLATFORM_H

#include "core/base/atomic.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <troupe/base.h>

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
/* Binds the calling thread to the `cpu`-th of those it may use, counted from 0. TP_EINVAL
 * beyond. */
tp_err tpi_thread_pin(unsigned cpu);
unsigned tpi_cpu_count(void); /* those this process may use: affinity and cgroup quota respected */

/* ---- mutex: for slow paths only ---- */
typedef struct tpi_mutex {
    _Atomic(uint32_t) state;
} tpi_mutex; /* zero is unlocked */
void tpi_mutex_lock(tpi_mutex *mutex);
void tpi_mutex_unlock(tpi_mutex *mutex);

/* ---- spin lock: a few dozen instructions, never across a switch ---- */
typedef struct tpi_spinlock {
    _Atomic(uint32_t) held;
} tpi_spinlock;
void tpi_spin_lock(tpi_spinlock *lock);
void tpi_spin_unlock(tpi_spinlock *lock);
void tpi_cpu_relax(void);

/* ---- futex ---- */
/* Sleeps while *word == expected, at most `timeout` (TP_FOREVER: no limit). May wake for no
 * reason. */
void tpi_futex_wait(_Atomic(uint32_t) *word, uint32_t expected, tp_duration timeout);
void tpi_futex_wake(_Atomic(uint32_t) *word, unsigned count);

/* ---- virtual memory ---- */
void *tpi_vm_map(size_t size);     /* zeroed, read and write; NULL on failure */
void *tpi_vm_reserve(size_t size); /* the same, but not counted until touched */
void tpi_vm_unmap(void *address, size_t size);
void tpi_vm_forget(void *address,
                   size_t size); /* gives the pages back, keeps the range; reads as 0 */
tp_err tpi_vm_guard(void *address,
                    size_t size); /* makes a range fault: MADV_GUARD_INSTALL or mprotect */
/* Never backs the range by huge pages: one touched byte must not cost two megabytes. */
void tpi_vm_small_pages(void *address, size_t size);
/* Bytes from the lowest page in memory to the range's end (a stack's touched part). Page-aligned
 * range. */
size_t tpi_vm_touched(void *address, size_t size);
size_t tpi_vm_page(void);
size_t tpi_vm_resident(void); /* this process's resident set in bytes */

/* ---- readiness: one poller a runtime ---- */
struct tpi_poller; /* epoll and an eventfd */
enum { TPI_POLL_READ = 1, TPI_POLL_WRITE = 2, TPI_POLL_ERROR = 4 };
struct tpi_poll_event {
    uint64_t token;
    unsigned ready; /* TPI_POLL_* */
};
tp_err tpi_poller_new(struct tpi_poller **out);
void tpi_poller_free(struct tpi_poller *poller);
/*
 * Arms one-shot interest; a second arm replaces the first. After an error or hang-up all of
 * TPI_POLL_* are ready, so that whoever waits tries and learns. `token` is not UINT64_MAX. Any
 * thread.
 */
tp_err tpi_poller_arm(struct tpi_poller *poller, int descriptor, unsigned interest, uint64_t token);
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

/* ---- process ---- */
void tpi_write_stderr(const char *text, size_t size);
bool tpi_stderr_is_terminal(void);
_Noreturn void tpi_abort(void);

#endif
