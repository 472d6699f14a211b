/*
 * Readiness by epoll, one-shot or by edges, and an eventfd that ends a wait. Several threads may
 * wait at once; an event goes to one of them, a wake to at least one.
 */
#include "core/platform/platform.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/assert.h"

#define WAKE_TOKEN UINT64_MAX
#define EVENTS_MAX 64u

struct tpi_poller {
    int epoll;
    int wake;
    _Atomic(bool) coarse; /* the kernel has no wait in nanoseconds */
};

tp_err tpi_poller_new(struct tpi_poller **out) {
    struct tpi_poller *poller = tpi_vm_map(sizeof(*poller));
    if (poller == NULL) return TP_ENOMEM;
    atomic_init(&poller->coarse, false);
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    poller->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE_TOKEN};
    if (poller->epoll < 0 || poller->wake < 0 ||
        epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->wake, &event) != 0) {
        tpi_poller_free(poller);
        return TP_ENOMEM;
    }
    *out = poller;
    return TP_OK;
}

void tpi_poller_free(struct tpi_poller *poller) {
    if (poller == NULL) return;
    if (poller->wake >= 0) close(poller->wake);
    if (poller->epoll >= 0) close(poller->epoll);
    tpi_vm_unmap(poller, sizeof(*poller));
}

static tp_err control(struct tpi_poller *poller, int descriptor, unsigned interest, uint64_t token,
                      uint32_t how, bool is_new) {
    TPI_ASSERT(token != WAKE_TOKEN);
    TPI_ASSERT((interest & ~(unsigned)(TPI_POLL_READ | TPI_POLL_WRITE | TPI_POLL_ERROR)) == 0);
    struct epoll_event event = {.events = how, .data.u64 = token};
    if ((interest & TPI_POLL_READ) != 0) event.events |= EPOLLIN | EPOLLRDHUP;
    if ((interest & TPI_POLL_WRITE) != 0) event.events |= EPOLLOUT;
    if (!is_new && epoll_ctl(poller->epoll, EPOLL_CTL_MOD, descriptor, &event) == 0) return TP_OK;
    if ((is_new || errno == ENOENT) &&
        epoll_ctl(poller->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0)
        return TP_OK;
    /* Another thread added it between the two calls, or it is not new after all. */
    if (errno == EEXIST && epoll_ctl(poller->epoll, EPOLL_CTL_MOD, descriptor, &event) == 0)
        return TP_OK;
    return errno == ENOMEM || errno == ENOSPC ? TP_ENOMEM : TP_EINVAL;
}

tp_err tpi_poller_arm(struct tpi_poller *poller, int descriptor, unsigned interest,
                      uint64_t token) {
    return control(poller, descriptor, interest, token, EPOLLONESHOT, false);
}

tp_err tpi_poller_watch(struct tpi_poller *poller, int descriptor, unsigned interest,
                        uint64_t token) {
    return control(poller, descriptor, interest, token, (uint32_t)EPOLLET | EPOLLPRI, true);
}

void tpi_poller_remove(struct tpi_poller *poller, int descriptor) {
    epoll_ctl(poller->epoll, EPOLL_CTL_DEL, descriptor, NULL); /* one that was never armed: fine */
}

static int wait_coarse(const struct tpi_poller *poller, struct epoll_event *events, int max,
                       tp_duration timeout) {
    int milliseconds = -1;
    if (timeout != TP_FOREVER) {
        tp_duration rounded = timeout / 1000000 + (timeout % 1000000 != 0);
        milliseconds = rounded > INT_MAX ? INT_MAX : (int)rounded;
    }
    return epoll_wait(poller->epoll, events, max, milliseconds);
}

static int wait_events(struct tpi_poller *poller, struct epoll_event *events, int max,
                       tp_duration timeout) {
    /* relaxed: a hint found anew by whoever does not see it. */
    if (timeout == 0 || timeout == TP_FOREVER ||
        atomic_load_explicit(&poller->coarse, memory_order_relaxed)) {
        return wait_coarse(poller, events, max, timeout);
    }
    struct {
        int64_t seconds;
        int64_t nanoseconds;
    } span = {timeout / 1000000000, timeout % 1000000000};
    int found = (int)syscall(SYS_epoll_pwait2, poller->epoll, events, max, &span, NULL, 0);
    if (found >= 0 || errno != ENOSYS) return found;
    /* relaxed: a hint found anew by whoever does not see it. */
    atomic_store_explicit(&poller->coarse, true, memory_order_relaxed);
    return wait_coarse(poller, events, max, timeout);
}

static unsigned ready_of(uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        return TPI_POLL_READ | TPI_POLL_WRITE | TPI_POLL_ERROR;
    unsigned ready = 0;
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) ready |= TPI_POLL_READ;
    if ((events & EPOLLOUT) != 0) ready |= TPI_POLL_WRITE;
    if ((events & (EPOLLRDHUP | EPOLLPRI)) != 0) ready |= TPI_POLL_READ | TPI_POLL_END;
    return ready;
}

unsigned tpi_poller_wait(struct tpi_poller *poller, struct tpi_poll_event *events, unsigned max,
                         tp_duration timeout) {
    TPI_ASSERT(max > 0);
    struct epoll_event found[EVENTS_MAX];
    int limit = max < EVENTS_MAX ? (int)max : (int)EVENTS_MAX;
    int count = wait_events(poller, found, limit, timeout < 0 ? 0 : timeout);
    TPI_ASSERT(count >= 0 || errno == EINTR);
    unsigned filled = 0;
    for (int i = 0; i < count; i++) {
        if (found[i].data.u64 == WAKE_TOKEN) {
            uint64_t wakes;
            ssize_t ignored =
                read(poller->wake, &wakes, sizeof(wakes)); /* EAGAIN: another was first */
            (void)ignored;
            continue;
        }
        events[filled].token = found[i].data.u64;
        events[filled].ready = ready_of(found[i].events);
        filled++;
    }
    return filled;
}

void tpi_poller_wake(struct tpi_poller *poller) {
    uint64_t one = 1;
    ssize_t ignored = write(poller->wake, &one, sizeof(one)); /* EAGAIN: full, so awake already */
    (void)ignored;
}
