/*
 * What the files of the supervisor share: its state, its children, its messages.
 */
#ifndef TPI_SUPERVISION_H
#define TPI_SUPERVISION_H

#include <troupe/call.h>
#include <troupe/name.h>
#include <troupe/signal.h>
#include <troupe/supervisor.h>
#include <troupe/timer.h>

/* ---- messages ---- */

/* A supervisor's arguments. Addresses travel as numbers: they stay within the process. */
TP_MESSAGE_AS(tpi_supervise, "tp.supervise", TP_FIELD(u64, spec), TP_FIELD(pid, parent),
              TP_FIELD(bool, root))
/* A root's last word to the program before it gives up. */
TP_MESSAGE_AS(tpi_gave_up, "tp.supervisor.gave_up")
/* To itself: the next child whose restart failed. Sent: a shutdown may come in between. */
TP_MESSAGE_AS(tpi_retry, "tp.supervisor.retry")
TP_MESSAGE_AS(tpi_waited, "tp.supervisor.waited", TP_FIELD(u64, token))
TP_MESSAGE_AS(tpi_probe, "tp.supervisor.probe", TP_FIELD(pid, child))

/* `spec` is the struct tp_child_spec as it lies in memory; what it points to and must be copied
 * follows in fields of its own. An empty one: from the template. */
TP_MESSAGE_AS(tpi_child_start, "tp.supervisor.start_child", TP_FIELD(bin, spec), TP_FIELD(str, id),
              TP_FIELD(str, name), TP_FIELD(u64, type), TP_FIELD(bin, arguments))
enum tpi_action { TPI_TERMINATE, TPI_TERMINATE_PID, TPI_RESTART, TPI_DELETE };
TP_MESSAGE_AS(tpi_child_act, "tp.supervisor.act", TP_ENUM(enum tpi_action, action),
              TP_FIELD(str, id), TP_FIELD(pid, child))
TP_MESSAGE_AS(tpi_child_answer, "tp.supervisor.answer", TP_ENUM(tp_child_result, result),
              TP_FIELD(pid, child), TP_FIELD(i32, code), TP_FIELD(bin, detail))
TP_MESSAGE_AS(tpi_children_which, "tp.supervisor.which", TP_FIELD(u64, max))
TP_MESSAGE_AS(tpi_child_is, "tp.supervisor.child", TP_FIELD(str, id), TP_FIELD(pid, child),
              TP_ENUM(tp_child_status, status), TP_ENUM(tp_child_type, type))
TP_MESSAGE_AS(tpi_children, "tp.supervisor.children", TP_FIELD(u64, count),
              TP_LIST_OF(tpi_child_is, list))
TP_MESSAGE_AS(tpi_children_count, "tp.supervisor.count")
TP_MESSAGE_AS(tpi_counts, "tp.supervisor.counts", TP_FIELD(u64, specs), TP_FIELD(u64, active),
              TP_FIELD(u64, supervisors), TP_FIELD(u64, workers))

/* ---- children ---- */

/* Each child is in two lists and two tables at most; links and chains are in the child itself, so
 * that a restart allocates nothing. */
enum tpi_list_of { TPI_IN_ORDER, TPI_TO_RETRY, TPI_LISTS };
enum tpi_table_of {
    TPI_BY_KEY, /* of a running child the pid, of a restarting one the token */
    TPI_BY_ID,
    TPI_TABLES
};

struct tpi_child {
    struct tpi_child *next[TPI_LISTS], *previous[TPI_LISTS];
    struct tpi_child *chain[TPI_TABLES];
    uint64_t key[TPI_TABLES];
    const tp_child_spec *spec;
    tp_arguments arguments; /* the spec's, or its own copy */
    tp_child_status status;
    bool queued;                 /* in TPI_TO_RETRY */
    bool started_before, killed; /* killed: for its silence; the timer is that of its grace */
    bool away;                   /* its node was not there: the next attempt does not count */
    tp_time not_before;          /* when the one that was lost has surely ended; 0: none was */
    tp_restart_history restarted;
    tp_time admitted;      /* the restart in progress; 0: none */
    tp_pid pid;            /* while it runs */
    uint64_t token;        /* while it is restarting: names this one wait */
    tp_ref timer;          /* of the wait, or while it runs of the next probe; 0: none */
    tp_ref ping;           /* that it has not answered, 0: none */
    tp_duration delay;     /* the last wait, 0: none since it ran for long */
    tp_time started;       /* with a backoff only */
    tp_ref stopping;       /* the monitor, while all are stopped at once */
    struct tpi_copy *copy; /* what it owns beside itself */
};

struct tpi_child_list {
    struct tpi_child *first, *last;
};
void tpi_list_add(struct tpi_child_list *list, enum tpi_list_of which, struct tpi_child *child);
void tpi_list_take(struct tpi_child_list *list, enum tpi_list_of which, struct tpi_child *child);

struct tpi_child_table {
    struct tpi_child **buckets;
    uint64_t size; /* a power of two, or 0 */
};
/* The first of the chain in which a key stands. */
struct tpi_child *tpi_table_chain(const struct tpi_child_table *table, uint64_t key);
/* Makes room for `count` in all, so that adding cannot fail. False: no memory at all. */
bool tpi_table_room(tp_actor *self, struct tpi_child_table *table, enum tpi_table_of which,
                    uint64_t count);
void tpi_table_add(struct tpi_child_table *table, enum tpi_table_of which, struct tpi_child *child,
                   uint64_t key);
void tpi_table_take(struct tpi_child_table *table, enum tpi_table_of which,
                    struct tpi_child *child);

/* The restarts of the last `period` seconds: seconds and how many each saw, in a ring. */
struct tpi_window {
    struct tpi_second {
        int64_t second;
        uint64_t count;
    } * ring;
    uint64_t size, first, used;
    uint64_t total;
    uint32_t intensity;
    int64_t period; /* seconds */
};
bool tpi_window_open(tp_actor *self, struct tpi_window *window, const tp_supervisor_spec *spec);
/* Notes a restart at this time; false: one too many. */
bool tpi_window_admit(struct tpi_window *window, tp_time now);

struct tpi_supervisor {
    const tp_supervisor_spec *spec;
    tp_pid parent;
    bool root;
    bool retrying; /* a tpi_retry is on its way */
    uint64_t tokens;
    uint64_t waiting; /* children that are restarting */
    uint64_t count;   /* children */
    struct tpi_window window;
    struct tpi_child_list order, retries;
    struct tpi_child_table by_key, by_id;
};

static inline bool tpi_is_simple(const struct tpi_supervisor *supervisor) {
    return supervisor->spec->strategy == TP_SIMPLE_ONE_FOR_ONE;
}
static inline tp_child_type tpi_type_of(const tp_child_spec *spec) {
    return spec->supervisor != NULL ? TP_SUPERVISOR : spec->type;
}

/* ---- children.c ---- */
/* What is wrong with a specification, as text; NULL: nothing. */
const char *tpi_supervisor_wrong(const tp_supervisor_spec *spec);
const char *tpi_child_wrong(const tp_supervisor_spec *spec, const tp_child_spec *child);
/* True for the entry behind the last one. */
bool tpi_is_end(const tp_child_spec *spec);

/* A child that is in no list yet. NULL: no memory. */
struct tpi_child *tpi_child_new(tp_actor *self, const tp_child_spec *spec);
/* One with copies of what the message brings. NULL: no memory, or bad bytes. */
struct tpi_child *tpi_child_copy(tp_actor *self, const tp_child_spec *template,
                                 const tpi_child_start *from);
void tpi_child_free(tp_actor *self, struct tpi_child *child);
/* Last in order. False: no memory; it stays the caller's. */
bool tpi_child_add(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
/* Takes it out and frees it; it does not run. */
void tpi_child_remove(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
struct tpi_child *tpi_child_of_id(const struct tpi_supervisor *supervisor, tp_str id);
struct tpi_child *tpi_child_of_pid(const struct tpi_supervisor *supervisor, tp_pid pid);
struct tpi_child *tpi_child_of_token(const struct tpi_supervisor *supervisor, uint64_t token);
/* Changes of status; the tables follow. */
void tpi_child_runs(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child,
                    tp_pid pid);
void tpi_child_waits(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
void tpi_child_rests(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);

/* ---- lifecycle.c ---- */
enum tpi_start { TPI_STARTED, TPI_DECLINED, TPI_FAILED, TPI_AWAY };
/* Starts one child in step. *reason is set when it failed or is away; its detail is borrowed. */
enum tpi_start tpi_start_child(tp_actor *self, struct tpi_supervisor *supervisor,
                               struct tpi_child *child, tp_reason *reason);
/* Stops one child, whatever its status, as its specification says; it is then at rest. */
void tpi_stop_child(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
void tpi_stop_all(tp_actor *self, struct tpi_supervisor *supervisor); /* in reverse, or at once */
/* Stops all from the last to this one; temporary ones are removed, but not `from` itself. */
void tpi_stop_from(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *from);
tp_duration tpi_kill_grace(const struct tpi_supervisor *supervisor);
bool tpi_abandon_child(tp_actor *self, struct tpi_child *child); /* false: it has just ended */
void tpi_reason_text(char *out, size_t size, tp_reason reason);  /* "user 1001", "failed: text" */
void tpi_child_lost(tp_actor *self, struct tpi_child *child); /* of a remote one: its connection */

/* ---- probe.c: signs of life ---- */
void tpi_probe_begin(tp_actor *self, struct tpi_child *child); /* of one that runs */
void tpi_on_probe(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_probe *msg);
void tpi_on_pong(tp_actor *self, struct tpi_supervisor *supervisor, const tp_pong *msg);

/* ---- restart.c ---- */
/* A child has ended by itself. */
void tpi_child_ended(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child,
                     tp_reason reason);
void tpi_restart(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
void tpi_restart_later(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);
void tpi_retry_next(tp_actor *self, struct tpi_supervisor *supervisor);
/* A child that is not restarted goes: temporary and dynamic ones with all that is known of them. */
void tpi_child_gone(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child);

/* ---- supervisor.c ---- */
/* As tp_supervisor_start; a root tells its parent when it gives up. options may be NULL. */
tp_err tpi_supervisor_start(tp_actor *self, tp_pid *out, const tp_supervisor_spec *spec,
                            const tp_spawn_options *options, bool root, tp_reason *reason);

/* ---- manage.c: the handlers of requests ---- */
void tpi_on_child_start(tp_actor *self, struct tpi_supervisor *supervisor,
                        const tpi_child_start *msg);
void tpi_on_child_act(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_child_act *msg);
void tpi_on_which(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_children_which *msg);
void tpi_on_count(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_children_count *msg);

#endif
