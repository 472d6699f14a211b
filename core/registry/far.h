/*
 * Members of other nodes in this node's groups: put in and taken out by the room of nodes, told to
 * monitors like any other. `self` is the actor in whose name they are told.
 */
#ifndef TPI_REGISTRY_FAR_H
#define TPI_REGISTRY_FAR_H

#include "core/actor/actor.h"

/* Like a join of that actor, of another node. TP_EINVAL, TP_ENOMEM. */
tp_err tpi_groups_admit(tp_actor *self, const char *scope, const char *group, tp_pid member);
/* Like one leave of it. */
void tpi_groups_expel(tp_actor *self, const char *scope, const char *group, tp_pid member);
/* All members of that node leave everything. */
void tpi_groups_forget(tp_actor *self, uint64_t node);
/* Every membership of that node's actors in a scope; no call of this file or of <troupe/name.h>
 * from within. */
void tpi_groups_each(tp_runtime *runtime, const char *scope, uint64_t node,
                     void (*each)(void *context, const char *group, tp_pid member), void *context);
/* The memberships of this node's actors in a scope at this moment, and from then on a
 * tp_group_changed for each change in it, of far members too. */
tp_err tpi_groups_follow(tp_actor *self, const char *scope, tp_ref *ref,
                         void (*each)(void *context, const char *group, tp_pid member),
                         void *context);

#endif
