/*
 * Sockets: calls with deadlines and messages, active once.
 *
 * A socket's descriptor is used by its owner alone, on the owner's worker. The table's mutex guards
 * who owns what, what is ready and who waits for it, since readiness comes on any worker.
 *
 * The poller watches a socket for edges, from the first time that its owner has to wait until it is
 * closed: so a message costs one read, and no call to the poller. An edge sets bits in `ready`.
 * Whoever reads or writes clears them first, then tries; a try that finds nothing leaves them
 * cleared. Who then wants to wait looks at them again, under the mutex, together with saying that
 * it waits: an edge that came in between is seen there, a later one finds it waiting. A read that
 * got less than it asked for has taken all, so the next one need not be tried; but not after the
 * end of the peer's stream (no further edge will tell of it) and with urgent data (a read stops
 * there): then the bits stay set until a read says that there is nothing.
 *
 * An id is never used again, so an edge that comes late meets nothing, or a socket that waits for
 * nothing.
 */
#include "core/io/io.h"

#include <string.h>

#include <troupe/socket.h>

#include "core/actor/inner.h"

#define BACKLOG 1024
#define ACTIVE_CHUNK 16384u /* bytes that one active read takes at most */

struct socket {
    tp_ref id;
    struct tpi_list link; /* in its owner's list */
    struct owner *owner;
    int descriptor;
    bool listener;
    bool active; /* the next bytes or connection go out as a message */
    bool plain;  /* readiness alone is told; what is read is its owner's affair */
    uint32_t active_max;
    /* under the mutex, TPI_POLL_*: */
    unsigned ready;   /* what an edge has told and no try has refuted */
    unsigned wanted;  /* what the owner waits to be told of, once */
    unsigned watched; /* what the poller watches for */
};

struct owner {
    tp_pid pid;
    struct tpi_list sockets;
};

struct tpi_io {
    tpi_mutex mutex;
    struct tpi_map sockets; /* (id, 0) */
    struct tpi_map owners;  /* (slot:generation, 0) */
    _Atomic(uint32_t) count;
};

static uint64_t owner_key(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

/* ---- the table; all under the mutex ---- */

static struct owner *owner_of(tp_runtime *runtime, tp_pid pid) {
    struct tpi_io *io = runtime->io;
    struct owner *owner = tpi_map_get(&io->owners, owner_key(pid), 0);
    if (owner != NULL) return owner;
    owner = tpi_heap_alloc(runtime->memory, sizeof *owner);
    if (owner == NULL) return NULL;
    owner->pid = pid;
    tpi_list_init(&owner->sockets);
    if (tpi_map_put(&io->owners, owner_key(pid), 0, owner) == TP_OK) return owner;
    tpi_heap_free(runtime->memory, owner, sizeof *owner);
    return NULL;
}

static void drop_owner_if_idle(tp_runtime *runtime, struct owner *owner) {
    if (!tpi_list_empty(&owner->sockets)) return;
    (void)tpi_map_remove(&runtime->io->owners, owner_key(owner->pid), 0);
    tpi_heap_free(runtime->memory, owner, sizeof *owner);
}

static void destroy(tp_runtime *runtime, struct socket *socket) {
    struct tpi_io *io = runtime->io;
    if (socket->watched != 0) {
        tpi_poller_remove(runtime->scheduler->poller, socket->descriptor);
        /* relaxed: a count that says whether polling is worth while */
        atomic_fetch_sub_explicit(&runtime->scheduler->descriptors, 1, memory_order_relaxed);
    }
    tpi_list_remove(&socket->link);
    drop_owner_if_idle(runtime, socket->owner);
    (void)tpi_map_remove(&io->sockets, socket->id, 0);
    tpi_descriptor_close(socket->descriptor);
    tpi_heap_free(runtime->memory, socket, sizeof *socket);
    /* relaxed: see sockets_closed */
    atomic_fetch_sub_explicit(&io->count, 1, memory_order_relaxed);
}

/* Puts a descriptor into the table; closes it when that fails. */
static tp_err adopt(tp_actor *self, int descriptor, bool listener, tp_socket *out) {
    tp_runtime *runtime = self->runtime;
    struct tpi_io *io = runtime->io;
    struct socket *socket = tpi_heap_alloc(runtime->memory, sizeof *socket);
    if (socket == NULL) {
        tpi_descriptor_close(descriptor);
        return TP_ENOMEM;
    }
    *socket =
        (struct socket){.id = tpi_ref_new(self), .descriptor = descriptor, .listener = listener};
    tpi_list_init(&socket->link);
    tpi_mutex_lock(&io->mutex);
    socket->owner = owner_of(runtime, tp_self(self));
    tp_err err =
        socket->owner == NULL ? TP_ENOMEM : tpi_map_put(&io->sockets, socket->id, 0, socket);
    if (err == TP_OK) {
        tpi_list_push_back(&socket->owner->sockets, &socket->link);
        /* relaxed: see sockets_closed */
        atomic_fetch_add_explicit(&io->count, 1, memory_order_relaxed);
    } else if (socket->owner != NULL) {
        drop_owner_if_idle(runtime, socket->owner);
    }
    tpi_mutex_unlock(&io->mutex);
    if (err != TP_OK) {
        tpi_descriptor_close(descriptor);
        tpi_heap_free(runtime->memory, socket, sizeof *socket);
        return err;
    }
    *out = socket->id;
    return TP_OK;
}

/* The actor's own socket, else NULL. Only its owner frees it, so it stays valid in the owner's
 * hands. */
static struct socket *own(tp_actor *self, tp_socket id) {
    struct tpi_io *io = self->runtime->io;
    if (io == NULL || id == 0) return NULL;
    tpi_mutex_lock(&io->mutex);
    struct socket *socket = tpi_map_get(&io->sockets, id, 0);
    bool mine = socket != NULL && tp_pid_equal(socket->owner->pid, tp_self(self));
    tpi_mutex_unlock(&io->mutex);
    return mine ? socket : NULL;
}

/* Has the poller watch for `interest`, too; under the mutex. */
static tp_err watch(tp_runtime *runtime, struct socket *socket, unsigned interest) {
    struct tpi_scheduler *scheduler = runtime->scheduler;
    if ((socket->watched & interest) == interest) return TP_OK;
    interest |= socket->watched;
    tp_err err = tpi_poller_watch(scheduler->poller, socket->descriptor, interest, socket->id);
    if (err != TP_OK) return err;
    if (socket->watched == 0) /* relaxed: see destroy */
        atomic_fetch_add_explicit(&scheduler->descriptors, 1, memory_order_relaxed);
    socket->watched = interest;
    return TP_OK;
}

/* From now on the owner is told, once, when one of `interest` is ready. TP_EBUSY: it has become
 * ready since it was last tried. */
static tp_err want(tp_runtime *runtime, struct socket *socket, unsigned interest) {
    struct tpi_scheduler *scheduler = runtime->scheduler;
    tpi_mutex_lock(&runtime->io->mutex);
    bool ready = (socket->ready & interest) != 0;
    tp_err err = ready ? TP_EBUSY : watch(runtime, socket, interest);
    if (err == TP_OK) socket->wanted |= interest;
    tpi_mutex_unlock(&runtime->io->mutex);
    /* relaxed: a hint; when nobody waits in the poller, somebody should */
    if (err == TP_OK && atomic_load_explicit(&scheduler->polling, memory_order_relaxed) == 0)
        tpi_scheduler_wake_one(scheduler);
    return err;
}

/* Takes the bits that a try is about to refute; the caller puts back those that stay. */
static unsigned take_ready(tp_runtime *runtime, struct socket *socket, unsigned bits) {
    tpi_mutex_lock(&runtime->io->mutex);
    unsigned taken = socket->ready & bits;
    socket->ready &= ~bits;
    tpi_mutex_unlock(&runtime->io->mutex);
    return taken;
}

static void put_ready(tp_runtime *runtime, struct socket *socket, unsigned bits) {
    tpi_mutex_lock(&runtime->io->mutex);
    socket->ready |= bits;
    tpi_mutex_unlock(&runtime->io->mutex);
}

#define READING (TPI_POLL_READ | TPI_POLL_END)

/* A read after take_ready(READING): TP_EBUSY when nothing is there. */
static tp_err read_some(tp_runtime *runtime, struct socket *socket, unsigned taken, void *bytes,
                        size_t size, size_t *done) {
    tp_err err = tpi_socket_read(socket->descriptor, bytes, size, done);
    if (err != TP_EBUSY && (err != TP_OK || *done == size || taken & TPI_POLL_END))
        put_ready(runtime, socket, taken | TPI_POLL_READ);
    return err;
}

/* The same for a listener. */
static tp_err accept_one(tp_runtime *runtime, struct socket *socket, int *descriptor) {
    unsigned taken = take_ready(runtime, socket, READING);
    tp_err err = tpi_socket_accept(descriptor, socket->descriptor);
    if (err != TP_EBUSY) put_ready(runtime, socket, taken | TPI_POLL_READ);
    return err;
}

/* ---- readiness ---- */

/* Has the poller tell once of what is wanted of a plain descriptor; under the mutex. */
static tp_err arm_plain(tp_runtime *runtime, struct socket *socket) {
    struct tpi_scheduler *scheduler = runtime->scheduler;
    if (socket->wanted == socket->watched) return TP_OK;
    tp_err err = tpi_poller_arm(scheduler->poller, socket->descriptor, socket->wanted, socket->id);
    if (err != TP_OK) return err;
    if (socket->watched == 0) /* relaxed: see destroy */
        atomic_fetch_add_explicit(&scheduler->descriptors, 1, memory_order_relaxed);
    socket->watched = socket->wanted;
    return TP_OK;
}

/* Under the mutex. What is still wanted is asked for anew. */
static void plain_ready(tp_runtime *runtime, struct tpi_worker *worker, struct socket *socket,
                        unsigned ready) {
    struct tpi_block *block = tpi_block_new(runtime, worker, TPI_KIND_READY, 0);
    if (socket->watched != 0) /* relaxed: see destroy */
        atomic_fetch_sub_explicit(&runtime->scheduler->descriptors, 1, memory_order_relaxed);
    socket->watched = 0;
    if (block != NULL) socket->wanted &= ~ready; /* else the poller says it again */
    if (socket->wanted != 0) (void)arm_plain(runtime, socket);
    if (block == NULL) return;
    block->ref = socket->id;
    block->code = (uint16_t)ready;
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_deliver(runtime, worker, socket->owner->pid, block);
}

/* On any worker: if the owner waits for it, the event goes there as a signal. */
static void on_ready(tp_runtime *runtime, struct tpi_worker *worker, uint64_t token,
                     unsigned ready) {
    struct tpi_io *io = runtime->io;
    struct tpi_block *block = NULL;
    tp_pid owner = tp_pid_null();
    tpi_mutex_lock(&io->mutex);
    struct socket *socket = tpi_map_get(&io->sockets, token, 0);
    if (socket != NULL && socket->plain) {
        plain_ready(runtime, worker, socket, ready);
        tpi_mutex_unlock(&io->mutex);
        return;
    }
    if (ready & TPI_POLL_ERROR) ready |= TPI_POLL_END; /* with READ and WRITE */
    ready &= ~(unsigned)TPI_POLL_ERROR;
    bool waited_for = socket != NULL && (socket->wanted & ready) != 0;
    if (socket != NULL) socket->ready |= ready;
    if (waited_for) block = tpi_block_new(runtime, worker, TPI_KIND_READY, 0);
    if (block != NULL) {
        socket->wanted &= ~ready;
        owner = socket->owner->pid;
    } else if (waited_for) { /* out of memory: ask the poller to say it again */
        (void)tpi_poller_watch(runtime->scheduler->poller, socket->descriptor, socket->watched,
                               token);
    }
    tpi_mutex_unlock(&io->mutex);
    if (block == NULL) return;
    block->ref = token;
    block->code = (uint16_t)ready;
    block->flags = TPI_BLOCK_UNCOUNTED;
    tpi_deliver(runtime, worker, owner, block);
}

static void send_self(tp_actor *self, const tp_message_type *type, const void *value) {
    struct tpi_block *block = tpi_block_encode(self->runtime, self->worker, type, value);
    if (block == NULL) {
        tpi_doom(self, (tp_reason){.code = TP_EXIT_NOMEM},
                 false); /* rather than lose what was read */
        return;
    }
    block->flags |= TPI_BLOCK_UNCOUNTED; /* active once is its own bound */
    tpi_block_set_from(self->runtime, block, tp_self(self));
    tpi_deliver(self->runtime, self->worker, tp_self(self), block);
}

static tp_err serve_listener(tp_actor *self, struct socket *socket) {
    int descriptor;
    tp_socket id;
    tp_err err = accept_one(self->runtime, socket, &descriptor);
    if (err == TP_EBUSY) return err;
    socket->active = false;
    if (err == TP_OK) err = adopt(self, descriptor, false, &id);
    if (err == TP_OK)
        send_self(self, &tp_socket_accepted_message,
                  &(tp_socket_accepted){.listener = socket->id, .socket = id});
    else
        send_self(self, &tp_socket_closed_message,
                  &(tp_socket_closed){.socket = socket->id, .err = (int32_t)err});
    return TP_OK;
}

static tp_err serve_stream(tp_actor *self, struct socket *socket) {
    uint8_t bytes[ACTIVE_CHUNK];
    size_t done = 0, size = socket->active_max;
    unsigned taken = take_ready(self->runtime, socket, READING);
    if (taken == 0) return TP_EBUSY; /* the last read took all */
    tp_err err = read_some(self->runtime, socket, taken, bytes, size, &done);
    if (err == TP_EBUSY) return err;
    socket->active = false;
    if (err == TP_OK)
        send_self(self, &tp_socket_data_message,
                  &(tp_socket_data){.socket = socket->id, .bytes = {bytes, done}});
    else
        send_self(self, &tp_socket_closed_message,
                  &(tp_socket_closed){.socket = socket->id, .err = (int32_t)err});
    return TP_OK;
}

/* Turns what has come into the message that was asked for, or asks to be told. */
static tp_err serve(tp_actor *self, struct socket *socket) {
    tp_err err = TP_OK;
    while (socket->active) {
        err = socket->listener ? serve_listener(self, socket) : serve_stream(self, socket);
        if (err != TP_EBUSY) break;
        err = want(self->runtime, socket, TPI_POLL_READ);
        if (err != TP_EBUSY) break;
    }
    return err;
}

/* A READY signal that no wait took. */
static void on_event(tp_runtime *runtime, tp_actor *self, struct tpi_block *block) {
    (void)runtime;
    struct socket *socket = own(self, block->ref);
    if (socket == NULL) return;
    if (socket->plain)
        send_self(self, &tpi_ready_message, &(tpi_ready){.id = socket->id, .ready = block->code});
    else (void)serve(self, socket);
}

/* Waits until the socket is ready for `interest`, tried before in vain; TP_ETIMEDOUT at `until`. */
static tp_err wait_ready(tp_actor *self, struct socket *socket, unsigned interest, tp_time until) {
    struct tpi_waiting waiting = {.kind = TPI_WAIT_EVENT, .ref = socket->id};
    tp_runtime *runtime = self->runtime;
    tp_duration left =
        until == TP_FOREVER ? TP_FOREVER : until - tpi_scheduler_now(self->worker->scheduler);
    if (left <= 0) return TP_ETIMEDOUT;
    tp_err err = want(runtime, socket, interest);
    if (err != TP_OK) return err == TP_EBUSY ? TP_OK : err;
    err = tpi_wait(self, &waiting, left);
    tpi_mutex_lock(&runtime->io->mutex);
    socket->wanted &= ~interest;
    tpi_mutex_unlock(&runtime->io->mutex);
    (void)serve(self, socket); /* the signal may have been for it */
    if (err == TP_OK && waiting.timed_out) return TP_ETIMEDOUT;
    return err;
}

static tp_time deadline(tp_actor *self, tp_duration timeout) {
    tp_time now = tpi_scheduler_now(self->worker->scheduler);
    return timeout > TP_FOREVER - now ? TP_FOREVER : now + timeout;
}

/* ---- the calls ---- */

static tp_err check(tp_actor *self) {
    return self->runtime->io == NULL ? TP_ENOTSUP : TP_OK;
}

tp_err tp_listen(tp_actor *self, const char *url, tp_socket *out) {
    TPI_INSIDE(self);
    int descriptor;
    if (url == NULL || out == NULL) return TP_EINVAL;
    tp_err err = check(self);
    if (err == TP_OK) err = tpi_socket_listen(&descriptor, url, BACKLOG);
    return err == TP_OK ? adopt(self, descriptor, true, out) : err;
}

tp_err tp_accept(tp_actor *self, tp_socket listener, tp_duration timeout, tp_socket *out) {
    TPI_INSIDE(self);
    tp_err err = check(self);
    if (err != TP_OK) return err;
    struct socket *socket = own(self, listener);
    if (socket == NULL || !socket->listener || out == NULL)
        return socket == NULL ? TP_ENOENT : TP_EINVAL;
    tp_time until = deadline(self, timeout);
    int descriptor;
    while ((err = accept_one(self->runtime, socket, &descriptor)) == TP_EBUSY) {
        err = wait_ready(self, socket, TPI_POLL_READ, until);
        if (err != TP_OK) return err;
    }
    return err == TP_OK ? adopt(self, descriptor, false, out) : err;
}

tp_err tp_connect(tp_actor *self, const char *url, tp_duration timeout, tp_socket *out) {
    TPI_INSIDE(self);
    int descriptor;
    tp_socket id;
    if (url == NULL || out == NULL) return TP_EINVAL;
    tp_err err = check(self);
    if (err == TP_OK) err = tpi_socket_connect(&descriptor, url);
    if (err != TP_OK) return err;
    err = adopt(self, descriptor, false, &id);
    if (err != TP_OK) return err;
    struct socket *socket = own(self, id);
    TPI_ASSERT(socket != NULL);
    tp_time until = deadline(self, timeout);
    while (err == TP_OK && (err = tpi_socket_connected(socket->descriptor)) == TP_EBUSY) {
        err = wait_ready(self, socket, TPI_POLL_WRITE, until);
        (void)take_ready(self->runtime, socket, TPI_POLL_WRITE);
    }
    if (err != TP_OK) (void)tp_close(self, id);
    else *out = id;
    return err;
}

tp_err tp_read(tp_actor *self, tp_socket id, void *bytes, size_t size, tp_duration timeout,
               size_t *done) {
    TPI_INSIDE(self);
    tp_err err = check(self);
    if (err != TP_OK) return err;
    struct socket *socket = own(self, id);
    if (socket == NULL) return TP_ENOENT;
    if (socket->listener || bytes == NULL || size == 0 || done == NULL) return TP_EINVAL;
    tp_time until = deadline(self, timeout);
    for (;;) {
        *done = 0;
        unsigned taken = take_ready(self->runtime, socket, READING);
        err = read_some(self->runtime, socket, taken, bytes, size, done);
        if (err == TP_EBUSY) err = wait_ready(self, socket, TPI_POLL_READ, until);
        if (err != TP_OK || *done > 0) return err;
    }
}

tp_err tp_write(tp_actor *self, tp_socket id, const void *bytes, size_t size, tp_duration timeout,
                size_t *done) {
    TPI_INSIDE(self);
    tp_err err = check(self);
    size_t sent = 0;
    if (done != NULL) *done = 0;
    if (err != TP_OK) return err;
    struct socket *socket = own(self, id);
    if (socket == NULL) return TP_ENOENT;
    if (socket->listener || (bytes == NULL && size > 0)) return TP_EINVAL;
    tp_time until = deadline(self, timeout);
    bool refuted = false; /* the bit is clear: a try that fails now may wait */
    while (err == TP_OK && sent < size) {
        size_t part = 0;
        err =
            tpi_socket_write(socket->descriptor, (const uint8_t *)bytes + sent, size - sent, &part);
        sent += part;
        if (err != TP_EBUSY) continue;
        err = refuted ? wait_ready(self, socket, TPI_POLL_WRITE, until) : TP_OK;
        (void)take_ready(self->runtime, socket, TPI_POLL_WRITE);
        refuted = true;
    }
    if (done != NULL) *done = sent;
    return err;
}

tp_err tp_shutdown_write(tp_actor *self, tp_socket id) {
    TPI_INSIDE(self);
    struct socket *socket = own(self, id);
    if (check(self) != TP_OK) return TP_ENOTSUP;
    if (socket == NULL) return TP_ENOENT;
    tpi_socket_shutdown_write(socket->descriptor);
    return TP_OK;
}

tp_err tp_close(tp_actor *self, tp_socket id) {
    TPI_INSIDE(self);
    struct socket *socket = own(self, id);
    if (check(self) != TP_OK) return TP_ENOTSUP;
    if (socket == NULL) return TP_ENOENT;
    tpi_mutex_lock(&self->runtime->io->mutex);
    destroy(self->runtime, socket);
    tpi_mutex_unlock(&self->runtime->io->mutex);
    return TP_OK;
}

tp_err tp_socket_address(tp_actor *self, tp_socket id, char *url, size_t size) {
    TPI_INSIDE(self);
    struct socket *socket = own(self, id);
    if (check(self) != TP_OK) return TP_ENOTSUP;
    if (socket == NULL) return TP_ENOENT;
    if (url == NULL) return TP_EINVAL;
    return tpi_socket_address(socket->descriptor, url, size);
}

tp_err tp_active_once(tp_actor *self, tp_socket id, size_t size_max) {
    TPI_INSIDE(self);
    struct socket *socket = own(self, id);
    if (check(self) != TP_OK) return TP_ENOTSUP;
    if (socket == NULL) return TP_ENOENT;
    if (size_max == 0 && !socket->listener) return TP_EINVAL;
    socket->active = true;
    socket->active_max = size_max > ACTIVE_CHUNK ? ACTIVE_CHUNK : (uint32_t)size_max;
    return serve(self, socket);
}

/* Moves it under the mutex; false when `to` is gone. */
static tp_err move(tp_runtime *runtime, struct socket *socket, tp_pid to) {
    uint64_t identity;
    struct owner *before = socket->owner, *after = owner_of(runtime, to);
    if (after == NULL) return TP_ENOMEM;
    tpi_list_remove(&socket->link);
    tpi_list_push_back(&after->sockets, &socket->link);
    socket->owner = after;
    if (tpi_find(runtime, to, &identity) != NULL) {
        drop_owner_if_idle(runtime, before);
        return TP_OK;
    }
    tpi_list_remove(&socket->link);
    tpi_list_push_back(&before->sockets, &socket->link);
    socket->owner = before;
    drop_owner_if_idle(runtime, after);
    return TP_ENOPROC;
}

tp_err tp_socket_give(tp_actor *self, tp_socket id, tp_pid to) {
    TPI_INSIDE(self);
    struct socket *socket = own(self, id);
    tp_runtime *runtime = self->runtime;
    if (check(self) != TP_OK) return TP_ENOTSUP;
    if (socket == NULL) return TP_ENOENT;
    if (tp_pid_equal(to, tp_self(self))) return TP_OK;
    if (to.node != runtime->node || socket->active) return socket->active ? TP_EBUSY : TP_ENOPROC;
    tpi_mutex_lock(&runtime->io->mutex);
    tp_err err = move(runtime, socket, to);
    tpi_mutex_unlock(&runtime->io->mutex);
    return err;
}

/* ---- descriptors of the runtime's own actors ---- */

static tp_err descriptor_adopt(tp_actor *self, int descriptor, tp_ref *out) {
    tp_err err = adopt(self, descriptor, false, out);
    if (err == TP_OK) own(self, *out)->plain = true;
    return err;
}

static tp_err watch_plain(tp_runtime *runtime, struct socket *socket, unsigned interest) {
    struct tpi_scheduler *scheduler = runtime->scheduler;
    TPI_ASSERT(interest != 0);
    tpi_mutex_lock(&runtime->io->mutex);
    socket->wanted |= interest;
    tp_err err = arm_plain(runtime, socket);
    tpi_mutex_unlock(&runtime->io->mutex);
    /* relaxed: a hint; when nobody waits in the poller, somebody should */
    if (err == TP_OK && atomic_load_explicit(&scheduler->polling, memory_order_relaxed) == 0)
        tpi_scheduler_wake_one(scheduler);
    return err;
}

static tp_err descriptor_watch(tp_actor *self, tp_ref id, unsigned interest) {
    struct socket *socket = own(self, id);
    return socket == NULL ? TP_ENOENT : watch_plain(self->runtime, socket, interest);
}

static tp_err descriptor_wait(tp_actor *self, tp_ref id, unsigned interest, tp_duration timeout) {
    struct socket *socket = own(self, id);
    struct tpi_waiting waiting = {.kind = TPI_WAIT_EVENT, .ref = id};
    if (socket == NULL) return TP_ENOENT;
    tp_err err = watch_plain(self->runtime, socket, interest);
    if (err == TP_OK) err = tpi_wait(self, &waiting, timeout);
    return err == TP_OK && waiting.timed_out ? TP_ETIMEDOUT : err;
}

static void descriptor_drop(tp_actor *self, tp_ref id) {
    struct socket *socket = own(self, id);
    if (socket == NULL) return;
    tpi_mutex_lock(&self->runtime->io->mutex);
    destroy(self->runtime, socket);
    tpi_mutex_unlock(&self->runtime->io->mutex);
}

/* ---- life ---- */

/* Called twice for an actor that ends: before and after senders can find it no more, so that a
 * socket given to it at the last moment is closed as well. */
static void sockets_closed(tp_runtime *runtime, tp_actor *self) {
    struct tpi_io *io = runtime->io;
    /* relaxed: an actor's own sockets are its own writes; a gift is ordered by the mutex and the
     * second call */
    if (io == NULL || atomic_load_explicit(&io->count, memory_order_relaxed) == 0) return;
    tpi_mutex_lock(&io->mutex);
    struct owner *owner = tpi_map_get(&io->owners, owner_key(tp_self(self)), 0);
    while (owner != NULL) {
        struct socket *socket = TPI_CONTAINER_OF(owner->sockets.next, struct socket, link);
        bool last = socket->link.next == &owner->sockets;
        destroy(runtime, socket); /* with its last socket the owner goes */
        if (last) owner = NULL;
    }
    tpi_mutex_unlock(&io->mutex);
}

tp_err tpi_io_new(tp_runtime *runtime) {
    if (runtime->sim != NULL) return TP_OK; /* not modelled: every call says TP_ENOTSUP */
    struct tpi_io *io = tpi_heap_alloc(runtime->memory, sizeof *io);
    if (io == NULL) return TP_ENOMEM;
    memset(io, 0, sizeof *io);
    tpi_map_init(&io->sockets, tpi_map_memory(runtime));
    tpi_map_init(&io->owners, tpi_map_memory(runtime));
    runtime->io = io;
    runtime->hooks.ready = on_ready;
    runtime->hooks.event = on_event;
    runtime->hooks.sockets_closed = sockets_closed;
    runtime->hooks.descriptor_adopt = descriptor_adopt;
    runtime->hooks.descriptor_watch = descriptor_watch;
    runtime->hooks.descriptor_wait = descriptor_wait;
    runtime->hooks.descriptor_drop = descriptor_drop;
    return TP_OK;
}

void tpi_io_free(tp_runtime *runtime) {
    struct tpi_io *io = runtime->io;
    TPI_ASSERT(tpi_map_count(&io->sockets) == 0); /* every owner has ended */
    tpi_map_fini(&io->sockets);
    tpi_map_fini(&io->owners);
    tpi_heap_free(runtime->memory, io, sizeof *io);
    runtime->io = NULL;
}
