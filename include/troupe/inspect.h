/*
 * A node that lets others look at what runs in it: the program `troupe` (troupe ps, top, tree,
 * info, trace, ...) asks by these messages. Link with libtroupe-net.
 *
 *     tp_node_permit(node, "troupe@ops", TP_MAY_ALL);       who may; nobody may by default
 *     tp_inspect_start(node);
 *
 * The answers come from an actor of the name TP_INSPECT_NAME, which other nodes find with
 * tp_node_find. It answers who has TP_MAY_INSPECT (<troupe/node.h>), others get TP_EREFUSED. Every
 * answer has a bound, requests are served one after the other and at most TP_INSPECT_RATE a second:
 * more of them wait, and what does not fit into its mailbox gets TP_EFULL.
 */
#ifndef TROUPE_INSPECT_H
#define TROUPE_INSPECT_H

#include <troupe/info.h>
#include <troupe/node.h>

TP_EXTERN_BEGIN

/* Of the actor that answers. */
#define TP_INSPECT_NAME "troupe.inspect"
/* Goes up when the meaning of a message changes. */
#define TP_INSPECT_VERSION 1u
/* Requests a second. */
#define TP_INSPECT_RATE 1000u
/* The most actors of one tp_inspect_page. */
#define TP_INSPECT_PAGE_MAX 256u
/* Traces at a time. */
#define TP_INSPECT_TRACES_MAX 16u
/* The most events that one trace tells. */
#define TP_INSPECT_EVENTS_MAX 100000u
/* And in a second. */
#define TP_INSPECT_EVENT_RATE_MAX 1000u
/* How long it may last. */
#define TP_INSPECT_TRACE_SECONDS_MAX 3600u

/*
 * Starts the actor that answers, once for a node, and lets other nodes find it. TP_EEXIST: it runs
 * already; TP_EINVAL, TP_ENOMEM. Any thread.
 */
TP_API tp_err tp_inspect_start(tp_node *node);

/* ---- what is asked and answered: each a request (tp_call) ---- */

/* -> tp_inspect_node. */
TP_MESSAGE_AS(tp_inspect_hello, "tp.inspect.hello", )
/* The node itself; the counters are those of tp_counters and tp_node_counters. */
TP_MESSAGE_AS(tp_inspect_node, "tp.inspect.node", TP_FIELD(u32, version), TP_FIELD(str, name),
              TP_FIELD(u64, node), TP_FIELD(u32, may),   /* what the asking node may do: TP_MAY_* */
              TP_FIELD(u32, workers), TP_FIELD(i64, up), /* nanoseconds since the actor started */
              TP_FIELD(u64, actors), TP_FIELD(u64, spawned), TP_FIELD(u64, failed),
              TP_FIELD(u64, sent), TP_FIELD(u64, handled), TP_FIELD(u64, dropped),
              TP_FIELD(u64, dead_letters), TP_FIELD(u64, memory), TP_FIELD(u64, faults),
              TP_FIELD(u64, stuck), TP_FIELD(u64, peers), TP_FIELD(u64, remote_sent),
              TP_FIELD(u64, remote_received), TP_FIELD(u64, forbidden), TP_FIELD(u64, refused),
              TP_FIELD(u64, unreachable))

/* -> tp_inspect_peers. */
TP_MESSAGE_AS(tp_inspect_list_peers, "tp.inspect.list_peers", )
/* A node that is connected to this one: tp_node_peer. */
TP_MESSAGE_AS(tp_inspect_peer, "tp.inspect.peer", TP_FIELD(u64, node), TP_FIELD(str, name),
              TP_FIELD(u32, may), TP_FIELD(bool, outgoing), TP_FIELD(u64, backlog),
              TP_FIELD(i64, silent))
/* See tp_inspect_list_peers. */
TP_MESSAGE_AS(tp_inspect_peers, "tp.inspect.peers", TP_LIST_OF(tp_inspect_peer, peers))

/* Up to `max` actors from `cursor` on (0: from the first) -> tp_inspect_page. */
TP_MESSAGE_AS(tp_inspect_list, "tp.inspect.list", TP_FIELD(u32, cursor), TP_FIELD(u32, max))
/* An actor: tp_actor_info. `err`: a tp_err, TP_ETIMEDOUT of a busy one. */
TP_MESSAGE_AS(tp_inspect_actor, "tp.inspect.actor", TP_FIELD(pid, pid), TP_FIELD(i32, err),
              TP_ENUM(tp_doing, doing), TP_FIELD(str, name), TP_FIELD(str, behavior),
              TP_FIELD(pid, parent), TP_FIELD(pid, waits_for), TP_FIELD(u32, mailbox),
              TP_FIELD(u32, mailbox_limit), TP_FIELD(u32, postponed), TP_FIELD(u32, handled),
              TP_FIELD(u32, links), TP_FIELD(u32, monitors), TP_FIELD(u32, watchers),
              TP_FIELD(u64, state_size), TP_FIELD(bool, isolated), TP_FIELD(bool, traps_exits),
              TP_FIELD(bool, traced))
/* `more`: go on at `cursor`. `time`: the node's clock when it looked, in nanoseconds. */
TP_MESSAGE_AS(tp_inspect_page, "tp.inspect.page", TP_FIELD(u32, cursor), TP_FIELD(bool, more),
              TP_FIELD(i64, time), TP_LIST_OF(tp_inspect_actor, actors))

/* The actor of a name, exported or not -> tp_inspect_found. */
TP_MESSAGE_AS(tp_inspect_find, "tp.inspect.find", TP_FIELD(str, name))
/* Null: nobody has that name. */
TP_MESSAGE_AS(tp_inspect_found, "tp.inspect.found", TP_FIELD(pid, pid))

/* All that is known of one actor -> tp_inspect_detail, or the error TP_ENOPROC. */
TP_MESSAGE_AS(tp_inspect_look, "tp.inspect.look", TP_FIELD(pid, pid))
/* A field of a message that it handles; `form`: a tp_field_form. */
TP_MESSAGE_AS(tp_inspect_field, "tp.inspect.field", TP_FIELD(str, name), TP_FIELD(str, kind),
              TP_ENUM(tp_field_form, form))
/* A type of message that it handles: `fields` of tp_inspect_detail.fields, in order. */
TP_MESSAGE_AS(tp_inspect_type, "tp.inspect.type", TP_FIELD(str, name), TP_FIELD(u32, fields))
/* `state`: its TP_GET_STATE as text, or empty; `types` are of a behaviour only. `nested`: the types
 * of the messages within those, each once, by the `kind` of the fields that hold them. */
TP_MESSAGE_AS(tp_inspect_detail, "tp.inspect.detail", TP_NESTED(tp_inspect_actor, actor),
              TP_LIST(pid, linked), TP_LIST(pid, monitored), TP_FIELD(bool, suspended),
              TP_FIELD(str, state), TP_LIST_OF(tp_inspect_type, types),
              TP_LIST_OF(tp_inspect_field, fields), TP_LIST_OF(tp_inspect_type, nested),
              TP_LIST_OF(tp_inspect_field, nested_fields))

/*
 * From now on the asking actor gets a tp_inspect_event for what `target` does (a behaviour), and a
 * tp_inspect_traced at the end: after `limit` events, or `seconds`, or when the target ends; it
 * ends, too, when the asking actor does. Events beyond `rate` a second are counted and not told.
 * Each 0: as much as is allowed (TP_INSPECT_*_MAX, which cut what is more). -> tp_inspect_tracing;
 * errors: TP_EBUSY (it is traced already, or too many are), TP_ENOTSUP (not a behaviour), and as
 * tp_sys_trace.
 */
TP_MESSAGE_AS(tp_inspect_trace, "tp.inspect.trace", TP_FIELD(pid, target), TP_FIELD(u32, limit),
              TP_FIELD(u32, rate), TP_FIELD(u32, seconds))
/* Who traces; its end is the end of the trace. */
TP_MESSAGE_AS(tp_inspect_tracing, "tp.inspect.tracing", TP_FIELD(pid, tracer))
/* A tp_sys_event with the time of the node's clock; `skipped`: events before it that were not
 * told. */
TP_MESSAGE_AS(tp_inspect_event, "tp.inspect.event", TP_FIELD(i64, time), TP_FIELD(pid, actor),
              TP_FIELD(str, kind), TP_FIELD(pid, other), TP_FIELD(str, type), TP_FIELD(str, text),
              TP_FIELD(u64, skipped))
/* The trace is over: "limit", "time", "target ended" or why it could not go on. */
TP_MESSAGE_AS(tp_inspect_traced, "tp.inspect.traced", TP_FIELD(str, why), TP_FIELD(u64, told),
              TP_FIELD(u64, skipped))

TP_EXTERN_END

#endif
