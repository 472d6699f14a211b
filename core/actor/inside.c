/*
 * Where a containing actor's own code begins.
 */
#include "core/actor/actor.h"

__attribute__((noinline)) void tpi_user_begin(tp_actor *self) {
    struct tpi_extra *extra = self->extra;
    TPI_ASSERT(self->flags & TPI_ACTOR_CONTAINED);
    TPI_ASSERT(extra != NULL);
    /* frames below the caller's are the actor's until tpi_user_end */
    extra->outermost = (uintptr_t)__builtin_dwarf_cfa();
    __asm__ volatile("" ::: "memory");
    extra->inside = 0;
}
