/*
 * What every actor may need and few do: the extra part, references, errors.
 */
#include <string.h>

#include "core/actor/actor.h"
#include "core/actor/capsule.h"
#include "core/memory/piece.h"

static void *map_alloc(void *context, size_t size) {
    return tpi_heap_alloc(((tp_runtime *)context)->memory, size);
}

static void map_free(void *context, void *pointer, size_t size) {
    tpi_heap_free(((tp_runtime *)context)->memory, pointer, size);
}

struct tpi_map_memory tpi_map_memory(tp_runtime *runtime) {
    return (struct tpi_map_memory){map_alloc, map_free, runtime};
}

static struct tpi_pool *pool_of(const tp_actor *actor) {
    return actor->worker == NULL ? NULL : actor->worker->pool;
}

void *tpi_actor_alloc(tp_actor *actor, size_t size) {
    TPI_CHECK(tpi_is_owner(actor));
    return tpi_piece_new(actor->runtime->memory, pool_of(actor), size);
}

void tpi_actor_free(tp_actor *actor, void *piece) {
    TPI_CHECK(tpi_is_owner(actor));
    tpi_piece_free(actor->runtime->memory, pool_of(actor), piece);
}

struct tpi_extra *tpi_extra(tp_actor *actor) {
    TPI_CHECK(actor->extra != NULL || tpi_is_owner(actor));
    if (actor->extra != NULL) return actor->extra;
    struct tpi_extra *extra = tpi_actor_alloc(actor, sizeof *extra);
    if (extra == NULL) return NULL;
    memset(extra, 0, sizeof *extra);
    struct tpi_map_memory memory = tpi_map_memory(actor->runtime);
    tpi_map_init_in(&extra->links, memory, extra->first_links);
    tpi_map_init(&extra->monitors, memory);
    tpi_map_init(&extra->watched, memory);
    tpi_map_init(&extra->aliases, memory);
    tpi_map_init(&extra->pending, memory);
    tpi_map_init(&extra->deferred, memory);
    tpi_list_init(&extra->allocations);
    tpi_list_init(&extra->exit_calls);
    tpi_list_init(&extra->descriptors);
    tpi_list_init(&extra->kept);
    extra->self = actor;
    extra->inside = 1;
    actor->extra = extra;
    return extra;
}

void tpi_extra_free(tp_actor *actor) {
    TPI_CHECK(tpi_is_owner(actor));
    TPI_CHECK(actor->extra == NULL || actor->extra->self == actor);
    struct tpi_extra *extra = actor->extra;
    if (extra == NULL) return;
    struct tpi_memory *memory = actor->runtime->memory;
    tpi_map_fini(&extra->links);
    tpi_watchers_free(actor);
    TPI_ASSERT(extra->timers == NULL);
    tpi_map_fini(&extra->monitors);
    tpi_map_fini(&extra->aliases);
    if (extra->reason_detail != NULL)
        tpi_heap_free(memory, extra->reason_detail, extra->reason_size);
    if (extra->capsule != NULL && !extra->capsule->replaying)
        tpi_capsule_free(actor->runtime, extra->capsule);
    if (extra->deadlock != NULL) tpi_heap_free(memory, extra->deadlock, TPI_DEADLOCK_TEXT);
    actor->extra = NULL;
    tpi_actor_free(actor, extra);
}

tp_ref tpi_ref_new(tp_actor *actor) {
    TPI_CHECK(tpi_is_owner(actor));
    tp_ref ref = ++actor->worker->refs;
    if (__builtin_expect(actor->flags & TPI_ACTOR_WATCHED, 0))
        return tpi_capsule_number(actor, TPI_INPUT_REF, ref);
    return ref;
}

tp_ref tpi_ref_outside(tp_runtime *runtime) {
    /* relaxed: uniqueness is all that is asked of it */
    return atomic_fetch_add_explicit(&runtime->outside_refs, 1, memory_order_relaxed) + 1;
}

void tpi_set_error(tp_actor *self, tp_err err) {
    TPI_CHECK(tpi_is_owner(self));
    if (err == TP_OK && self->extra == NULL) return;
    struct tpi_extra *extra = tpi_extra(self);
    if (extra != NULL) extra->error = err;
}

tp_err tp_error(tp_actor *self) {
    return self->extra == NULL ? TP_OK : self->extra->error;
}

tp_pid tp_self(tp_actor *self) {
    return tpi_pid_of(self->runtime, self);
}

tp_pid tp_sender(tp_actor *self) {
    return self->current == NULL ? tp_pid_null() : tpi_block_from(self->runtime, self->current);
}

tp_pid tp_message_sender(tp_actor *self, const tp_message *message) {
    return message == NULL ? tp_pid_null() : tpi_block_from(self->runtime, &message->block);
}

tp_runtime *tp_self_runtime(tp_actor *self) {
    return self->runtime;
}

void tpi_event_arrived(tp_actor *self, struct tpi_block *block) {
    TPI_CHECK(tpi_is_owner(self) && block->kind == TPI_KIND_READY);
    struct tpi_waiting *waiting = self->extra == NULL ? NULL : self->extra->waiting;
    if (waiting != NULL && waiting->kind == TPI_WAIT_EVENT && waiting->ref == block->ref) {
        waiting->ready |= block->code;
        waiting->done = true;
    } else if (self->runtime->hooks.event != NULL) {
        self->runtime->hooks.event(self->runtime, self, block);
    }
}
