/*
 * Names and groups of one node.
 */
#ifndef TROUPE_NAME_H
#define TROUPE_NAME_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* Gives this actor a name (1 to TP_NAME_SIZE_MAX bytes of UTF-8). TP_EEXIST: taken, or it has
 * one; TP_EINVAL. */
TP_API tp_err tp_register(tp_actor *self, const char *name);
/* Takes the name back. TP_ENOENT. */
TP_API tp_err tp_unregister(tp_actor *self);
/* The actor of that name, or the null pid. Any thread. A name is free before anyone hears of its
 * actor's end. */
TP_API tp_pid tp_whereis(tp_runtime *runtime, const char *name);
/* Sends to a name. TP_ENOENT if nobody has it; otherwise as tp_send. */
#define tp_send_name(self, name, type, ...)                                                        \
    tp_send_name_value((self), (name), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_send_name. */
TP_API tp_err tp_send_name_value(tp_actor *self, const char *name, const tp_message_type *type,
                                 const void *value);

/* What a group monitor gives for every change; `joined` false: left. */
TP_MESSAGE_AS(tp_group_changed, "tp.group_changed", TP_FIELD(u64, ref), TP_FIELD(str, scope),
              TP_FIELD(str, group), TP_FIELD(pid, member), TP_FIELD(bool, joined))

/* This actor joins a group of a scope; it may join many times and leaves as often. Scope NULL:
 * "default". */
TP_API tp_err tp_group_join(tp_actor *self, const char *scope, const char *group);
/* Leaves once. TP_ENOENT: it is not a member. Exiting leaves everything. */
TP_API tp_err tp_group_leave(tp_actor *self, const char *scope, const char *group);
/* Up to `max` members, in order of joining, one entry a join; returns how many there are. Any
 * thread. */
TP_API size_t tp_group_members(tp_runtime *runtime, const char *scope, const char *group,
                               tp_pid *out, size_t max);
/* Sends to every member (once for each join); *count (may be NULL) gets their number. */
#define tp_group_send(self, scope, group, count, type, ...)                                        \
    tp_group_send_value((self), (scope), (group), (count), &type##_message,                        \
                        TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_group_send. */
TP_API tp_err tp_group_send_value(tp_actor *self, const char *scope, const char *group,
                                  size_t *count, const tp_message_type *type, const void *value);
/* From now on a tp_group_changed arrives for every join and leave; the members of this moment,
 * in order, go to `out` as of tp_group_members, with their number in *count. group NULL: all of
 * the scope. 0: tp_error. */
TP_API tp_ref tp_group_monitor(tp_actor *self, const char *scope, const char *group, tp_pid *out,
                               size_t max, size_t *count);
/* Ends it; changes already queued stay. True if it was active. */
TP_API bool tp_group_demonitor(tp_actor *self, tp_ref monitor);

TP_EXTERN_END

#endif
