/*
 * Signs of life: a child is asked for one again and again, and killed when it gives none.
 *
 * The runtime answers for the child, between two of its messages. So silence says that the child's
 * own code does not come back. One timer a child, its next act: to ask, or to find it silent.
 */
#include "actors/supervision/supervision.h"

static void probe_after(tp_actor *self, struct tpi_child *child, tp_duration span) {
    child->timer = tp_send_after(self, span, tp_self(self), tpi_probe, .child = child->pid);
    if (child->timer == 0)
        tp_log(self, TP_LOG_ERROR, "child %s: no memory to probe it", child->spec->id);
}

void tpi_probe_begin(tp_actor *self, struct tpi_child *child) {
    child->ping = 0;
    probe_after(self, child, child->spec->probe_every);
}

static void ask(tp_actor *self, struct tpi_child *child) {
    tp_duration timeout = child->spec->probe_timeout;
    child->ping = tp_ping(self, child->pid);
    if (child->ping == 0) timeout = 0; /* no memory: it is asked again in its time */
    probe_after(self, child, timeout > 0 ? timeout : child->spec->probe_every);
}

struct awaited {
    tp_actor *self;
    tp_ref ping;
};

static bool is_pong(const tp_message *message, void *context) {
    const struct awaited *awaited = context;
    tp_pong pong;
    return tp_message_get(awaited->self, message, &pong, tp_pong) == TP_OK &&
           pong.ref == awaited->ping;
}

/* The supervisor itself may have been busy: the answer is here, behind the end of its time. */
static bool has_answered(tp_actor *self, const struct tpi_child *child) {
    const tp_message *message;
    struct awaited awaited = {self, child->ping};
    return tp_receive_any(self, 0, is_pong, &awaited, &message) == TP_OK;
}

/* It is killed once. Its exit comes when its code lets go; if that is not soon it is abandoned. */
static void end_silent(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    tp_duration grace = tpi_kill_grace(supervisor);
    tp_log(self, TP_LOG_WARN, "child %s gives no sign of life, killing it", child->spec->id);
    child->ping = 0;
    child->killed = true;
    (void)tp_kill(self, child->pid);
    if (grace != TP_FOREVER) probe_after(self, child, grace);
}

static void give_up_silent(tp_actor *self, struct tpi_supervisor *supervisor,
                           struct tpi_child *child) {
    if (tpi_abandon_child(self, child))
        tpi_child_ended(self, supervisor, child, (tp_reason){.code = TP_EXIT_KILLED});
}

void tpi_on_probe(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_probe *msg) {
    struct tpi_child *child = tpi_child_of_pid(supervisor, msg->child);
    if (child == NULL || child->status != TP_CHILD_IS_RUNNING) return;
    child->timer = 0;
    if (child->killed) give_up_silent(self, supervisor, child);
    else if (child->ping == 0) ask(self, child);
    else if (has_answered(self, child)) tpi_probe_begin(self, child);
    else end_silent(self, supervisor, child);
}

void tpi_on_pong(tp_actor *self, struct tpi_supervisor *supervisor, const tp_pong *msg) {
    struct tpi_child *child = tpi_child_of_pid(supervisor, msg->from);
    if (child == NULL || child->ping == 0 || child->ping != msg->ref) return;
    child->ping = 0;
    if (child->timer != 0) (void)tp_cancel_timer(self, child->timer);
    probe_after(self, child, child->spec->probe_every);
}
