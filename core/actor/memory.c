/*
 * What an actor owns, with an owner record for each: released when it exits, however it does.
 */
#include <string.h>

#include "core/actor/actor.h"
#include "core/actor/capsule.h"

struct allocation {
    struct tpi_list link;
    size_t size; /* with this header */
    tp_actor *owner;
};
_Static_assert(sizeof(struct allocation) % 16 == 0, "what follows is aligned to 16");

struct exit_call {
    struct tpi_list link;
    void (*function)(void *arg);
    void *arg;
};

struct owned_descriptor {
    struct tpi_list link;
    int descriptor;
};

static struct tpi_memory *heap(tp_actor *self) {
    return tpi_runtime_of(self->worker)->memory;
}

void *tp_alloc(tp_actor *self, size_t size) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    if (extra == NULL || size > SIZE_MAX - sizeof(struct allocation)) return NULL;
    size_t total = sizeof(struct allocation) + size;
    struct allocation *allocation = tpi_heap_alloc(heap(self), total);
    if (allocation == NULL) return NULL;
    memset(allocation, 0, total);
    allocation->size = total;
    allocation->owner = self;
    tpi_list_init(&allocation->link);
    tpi_list_push_back(&extra->allocations, &allocation->link);
    return allocation + 1;
}

static void free_allocation(tp_actor *self, struct allocation *allocation) {
    TPI_CHECK(allocation->owner == self && allocation->size >= sizeof *allocation);
    tpi_list_remove(&allocation->link);
    allocation->owner = NULL;
    tpi_heap_free(heap(self), allocation, allocation->size);
}

void tp_free(tp_actor *self, void *pointer) {
    TPI_INSIDE(self);
    if (pointer == NULL) return;
    struct allocation *allocation = (struct allocation *)pointer - 1;
    TPI_CHECK(allocation->owner == self);
    if (allocation->owner == self) free_allocation(self, allocation);
}

tp_err tp_own_descriptor(tp_actor *self, int descriptor) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    if (descriptor < 0) return TP_EINVAL;
    struct owned_descriptor *owned =
        extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *owned);
    if (owned == NULL) return TP_ENOMEM;
    owned->descriptor = descriptor;
    tpi_list_init(&owned->link);
    tpi_list_push_back(&extra->descriptors, &owned->link);
    return TP_OK;
}

bool tp_disown_descriptor(tp_actor *self, int descriptor) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_list *link, *spare;
    if (self->extra == NULL) return false;
    TPI_LIST_EACH(&self->extra->descriptors, link, spare) {
        struct owned_descriptor *owned = TPI_CONTAINER_OF(link, struct owned_descriptor, link);
        if (owned->descriptor != descriptor) continue;
        tpi_list_remove(link);
        tpi_heap_free(heap(self), owned, sizeof *owned);
        return true;
    }
    return false;
}

tp_err tp_on_exit(tp_actor *self, void (*function)(void *arg), void *arg) {
    TPI_INSIDE(self);
    TPI_CHECK(tpi_is_owner(self));
    struct tpi_extra *extra = tpi_extra(self);
    if (function == NULL) return TP_EINVAL;
    struct exit_call *call = extra == NULL ? NULL : tpi_heap_alloc(heap(self), sizeof *call);
    if (call == NULL) return TP_ENOMEM;
    call->function = function;
    call->arg = arg;
    tpi_list_init(&call->link);
    tpi_list_push_front(&extra->exit_calls, &call->link);
    return TP_OK;
}

static void run_exit_calls(tp_actor *self) {
    TPI_CHECK(self->flags & TPI_ACTOR_EXITING);
    struct tpi_list *link;
    while ((link = tpi_list_pop_front(&self->extra->exit_calls)) != NULL) {
        struct exit_call call = *TPI_CONTAINER_OF(link, struct exit_call, link);
        tpi_heap_free(heap(self), TPI_CONTAINER_OF(link, struct exit_call, link), sizeof call);
        call.function(call.arg);
    }
}

static void close_descriptors(tp_actor *self) {
    TPI_CHECK(tpi_list_empty(&self->extra->exit_calls) || self->flags & TPI_ACTOR_EXITING);
    struct tpi_list *link;
    while ((link = tpi_list_pop_front(&self->extra->descriptors)) != NULL) {
        struct owned_descriptor *owned = TPI_CONTAINER_OF(link, struct owned_descriptor, link);
        tpi_descriptor_close(owned->descriptor);
        tpi_heap_free(heap(self), owned, sizeof *owned);
    }
}

void tpi_owned_release_all(tp_actor *self) {
    TPI_CHECK(tpi_is_owner(self) && self->flags & TPI_ACTOR_EXITING);
    struct tpi_extra *extra = self->extra;
    TPI_ASSERT(extra != NULL);
    run_exit_calls(self);
    tpi_kept_release_all(self);
    while (!tpi_list_empty(&extra->allocations))
        free_allocation(self, TPI_CONTAINER_OF(extra->allocations.next, struct allocation, link));
    close_descriptors(self);
}

uint64_t tp_random(tp_actor *self) {
    TPI_INSIDE(self);
    const struct tpi_driver *driver = self->worker->scheduler->driver;
    uint64_t random = driver->random(driver->context);
    if (__builtin_expect(self->flags & TPI_ACTOR_WATCHED, 0))
        return tpi_capsule_number(self, TPI_INPUT_RANDOM, random);
    return random;
}
