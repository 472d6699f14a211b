/*
 * Links, monitors, aliases and exit signals, with Erlang's meaning.
 *
 * Signals from one actor to another arrive in the order in which they were sent, messages included.
 */
#ifndef TROUPE_SIGNAL_H
#define TROUPE_SIGNAL_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* What an actor that traps exits gets in the place of an exit signal. */
TP_MESSAGE_AS(tp_exited, "tp.exited", TP_FIELD(pid, from), TP_FIELD(i32, code),
              TP_FIELD(bin, detail))
/* What a monitor gives, exactly once, when its target is gone. */
TP_MESSAGE_AS(tp_down, "tp.down", TP_FIELD(u64, ref), TP_FIELD(pid, from), TP_FIELD(i32, code),
              TP_FIELD(bin, detail))

/* Links this actor and another: when one ends, the other gets an exit signal. Idempotent. */
TP_API tp_err tp_link(tp_actor *self, tp_pid other);
/* After it returns no exit signal of that link reaches this actor. */
TP_API tp_err tp_unlink(tp_actor *self, tp_pid other);
/* From now on exit signals arrive as tp_exited messages (true), or end this actor again (false).
 * Returns what was set before. */
TP_API bool tp_trap_exits(tp_actor *self, bool trap);

/* Watches another actor: a tp_down arrives when it ends, at once if it has. 0: tp_error(self). */
TP_API tp_ref tp_monitor(tp_actor *self, tp_pid other);
/* Ends a monitor: no tp_down of it comes any more, one that is already queued is removed. True
 * if it was active. */
TP_API bool tp_demonitor(tp_actor *self, tp_ref monitor);

/* Sends an exit signal with a code, as if from a link but not because of one; TP_EXIT_KILL
 * cannot be trapped. */
TP_API tp_err tp_send_exit(tp_actor *self, tp_pid to, int32_t code);
/* The same with a detail, which is copied. */
TP_API tp_err tp_send_exit_with(tp_actor *self, tp_pid to, tp_reason reason);
/* Ends an actor for certain: tp_send_exit with TP_EXIT_KILL. */
TP_API tp_err tp_kill(tp_actor *self, tp_pid to);
/*
 * Kills an actor and gives it up, because its code does not come back: an endless loop, a system
 * call. Such an actor cannot end; but from now on nobody finds it. Its name is free, messages to it
 * are dead letters, new calls to it fail, new links and monitors answer `noproc`. Actors of this
 * node that are linked to it or watch it hear `killed` now, and those who wait for its answer or
 * for room in its mailbox wait no more (TP_ENOPROC): as if it had ended. A future counts as
 * the one's who was asked, also if that one has passed it on. Inboxes, isolated actors' own calls
 * and other nodes hear when it really ends: when its code comes back to the library. Until then it
 * keeps its thread and all that it owns. Supervisors do this to a child that a kill did not end in
 * time. It costs a signal to each actor of the node.
 * TP_OK; TP_ENOPROC: it has ended, or been abandoned before; TP_ENOTSUP: of another node;
 * TP_EDEADLOCK: itself; TP_ENOMEM.
 */
TP_API tp_err tp_abandon(tp_actor *self, tp_pid other);

/* The answer to tp_ping. */
TP_MESSAGE_AS(tp_pong, "tp.pong", TP_FIELD(u64, ref), TP_FIELD(pid, from))
/*
 * Asks the runtime whether an actor still comes back from its code: a tp_pong with this ref arrives
 * once it is between two messages, or waits in a call, a receive or a sleep. No code of its own
 * runs for it. While it computes or blocks its thread there is no answer, and none when there is no
 * such actor: that is for tp_monitor. 0: tp_error(self) says why; TP_ENOTSUP for actors of other
 * nodes.
 */
TP_API tp_ref tp_ping(tp_actor *self, tp_pid other);

/* When an alias dies on its own. */
typedef enum tp_alias_mode {
    TP_ALIAS_EXPLICIT,       /* only by tp_unalias */
    TP_ALIAS_REPLY,          /* with the first message through it */
    TP_ALIAS_DEMONITOR,      /* with its monitor (tp_monitor_alias): demonitored, or down */
    TP_ALIAS_REPLY_DEMONITOR /* with either; the first message also removes the monitor */
} tp_alias_mode;

/* A second address of an actor, which it can close: what is sent to a closed one is dropped. */
typedef struct tp_alias {
    tp_pid owner;
    tp_ref ref;
} tp_alias;

/* Opens an alias (EXPLICIT or REPLY). A zero ref: tp_error(self). */
TP_API tp_alias tp_alias_open(tp_actor *self, tp_alias_mode mode);
/* A monitor with an alias tied to it; the alias's ref is the monitor's. A zero ref: tp_error(self);
 * TP_EINVAL: no such mode. */
TP_API tp_alias tp_monitor_alias(tp_actor *self, tp_pid other, tp_alias_mode mode);
/* Closes it: true if it was open. What is already queued stays. */
TP_API bool tp_unalias(tp_actor *self, tp_ref alias);
/* Sends to an alias; dropped at the receiver when it is closed. Otherwise as tp_send. */
#define tp_send_alias(self, alias, type, ...)                                                      \
    tp_send_alias_value((self), (alias), &type##_message, TP_VALUE(type, __VA_ARGS__))
/* The function behind tp_send_alias. */
TP_API tp_err tp_send_alias_value(tp_actor *self, tp_alias alias, const tp_message_type *type,
                                  const void *value);

TP_EXTERN_END

#endif
