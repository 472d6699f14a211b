/*
 * Management: the requests of other actors, from both sides.
 */
#include <string.h>

#include "actors/supervision/supervision.h"

/* ---- the supervisor's side ---- */

static void answer(tp_actor *self, tp_child_result result, tp_pid pid, tp_reason reason) {
    (void)tp_reply(self, tpi_child_answer, .result = result, .child = pid, .code = reason.code,
                   .detail = reason.detail);
}

static void answer_plain(tp_actor *self, tp_child_result result, tp_pid pid) {
    answer(self, result, pid, (tp_reason){0});
}

/* True when the new child may be started; otherwise it has been answered. */
static bool is_welcome(tp_actor *self, struct tpi_supervisor *supervisor,
                       const struct tpi_child *child) {
    if (tpi_is_simple(supervisor)) return true;
    const char *wrong = tpi_child_wrong(supervisor->spec, child->spec);
    if (wrong != NULL) {
        answer(self, TP_CHILD_BAD_SPEC, tp_pid_null(),
               (tp_reason){TP_EXIT_FAILED, {wrong, tp_str_of(wrong).size}});
        return false;
    }
    struct tpi_child *other = tpi_child_of_id(supervisor, tp_str_of(child->spec->id));
    if (other == NULL) return true;
    answer_plain(self,
                 other->status == TP_CHILD_IS_STOPPED ? TP_CHILD_ALREADY_PRESENT
                                                      : TP_CHILD_ALREADY_STARTED,
                 other->pid);
    return false;
}

/* In the list before it is started: a table that cannot grow is no reason to lose a child. */
static void start_new(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    tp_reason reason = {0};
    enum tpi_start started = tpi_start_child(self, supervisor, child, &reason);
    if (started == TPI_STARTED) {
        answer_plain(self, TP_CHILD_OK, child->pid);
        return;
    }
    if (started == TPI_AWAY) {
        tpi_restart_later(self, supervisor, child);
        answer_plain(self, TP_CHILD_RESTARTING, tp_pid_null());
        return;
    }
    if (started == TPI_FAILED) answer(self, TP_CHILD_START_FAILED, tp_pid_null(), reason);
    else answer_plain(self, TP_CHILD_OK, tp_pid_null());
    if (started == TPI_FAILED || tpi_is_simple(supervisor) || child->spec->restart == TP_TEMPORARY)
        tpi_child_remove(self, supervisor, child);
}

void tpi_on_child_start(tp_actor *self, struct tpi_supervisor *supervisor,
                        const tpi_child_start *msg) {
    bool simple = tpi_is_simple(supervisor);
    if (simple != (msg->spec.size == 0)) {
        answer_plain(self, TP_CHILD_WRONG_STRATEGY, tp_pid_null());
        return;
    }
    struct tpi_child *child = tpi_child_copy(self, simple ? supervisor->spec->children : NULL, msg);
    if (child == NULL) {
        (void)tp_reply_error(self, TP_ENOMEM);
    } else if (!is_welcome(self, supervisor, child)) {
        tpi_child_free(self, child);
    } else if (!tpi_child_add(self, supervisor, child)) {
        tpi_child_free(self, child);
        (void)tp_reply_error(self, TP_ENOMEM);
    } else {
        start_new(self, supervisor, child);
    }
}

static void restart_child(tp_actor *self, struct tpi_supervisor *supervisor,
                          struct tpi_child *child) {
    tp_reason reason = {0};
    enum tpi_start started = tpi_start_child(self, supervisor, child, &reason);
    if (started == TPI_AWAY) tpi_restart_later(self, supervisor, child);
    if (started == TPI_FAILED) answer(self, TP_CHILD_START_FAILED, tp_pid_null(), reason);
    else answer_plain(self, started == TPI_AWAY ? TP_CHILD_RESTARTING : TP_CHILD_OK, child->pid);
}

static struct tpi_child *find(const struct tpi_supervisor *supervisor, const tpi_child_act *msg) {
    if (msg->action == TPI_TERMINATE_PID) return tpi_child_of_pid(supervisor, msg->child);
    return tpi_child_of_id(supervisor, msg->id);
}

void tpi_on_child_act(tp_actor *self, struct tpi_supervisor *supervisor, const tpi_child_act *msg) {
    struct tpi_child *child = find(supervisor, msg);
    bool stop = msg->action == TPI_TERMINATE || msg->action == TPI_TERMINATE_PID;
    tp_child_result result = TP_CHILD_OK;
    if (tpi_is_simple(supervisor) && msg->action != TPI_TERMINATE_PID)
        result = TP_CHILD_WRONG_STRATEGY;
    else if (child == NULL) result = TP_CHILD_NOT_FOUND;
    else if (!stop && child->status == TP_CHILD_IS_RUNNING) result = TP_CHILD_RUNNING;
    else if (!stop && child->status == TP_CHILD_IS_RESTARTING) result = TP_CHILD_RESTARTING;
    if (result == TP_CHILD_OK && stop) {
        tpi_stop_child(self, supervisor, child);
        tpi_child_gone(self, supervisor, child);
    } else if (result == TP_CHILD_OK && msg->action == TPI_DELETE) {
        tpi_child_remove(self, supervisor, child);
    } else if (result == TP_CHILD_OK) {
        restart_child(self, supervisor, child);
        return;
    }
    answer_plain(self, result, tp_pid_null());
}

void tpi_on_which(tp_actor *self, struct tpi_supervisor *supervisor,
                  const tpi_children_which *msg) {
    uint64_t max = msg->max < supervisor->count ? msg->max : supervisor->count, at = 0;
    tpi_child_is *list = tp_alloc(self, (size_t)(max + 1) * sizeof *list);
    if (list == NULL) {
        (void)tp_reply_error(self, TP_ENOMEM);
        return;
    }
    struct tpi_child *child = supervisor->order.first;
    for (; child != NULL && at < max; child = child->next[TPI_IN_ORDER])
        list[at++] = (tpi_child_is){.id = tp_str_of(child->spec->id),
                                    .child = child->pid,
                                    .status = child->status,
                                    .type = tpi_type_of(child->spec)};
    tpi_children reply = {.count = supervisor->count, .list = {list, (size_t)at}};
    (void)tp_reply_value(self, &tpi_children_message, &reply);
    tp_free(self, list);
}

static bool is_active(tp_actor *self, const struct tpi_child *child) {
    if (child->status != TP_CHILD_IS_RUNNING) return false;
    return child->spec->remote != NULL || tp_alive(tp_self_runtime(self), child->pid);
}

void tpi_on_count(tp_actor *self, struct tpi_supervisor *supervisor,
                  const tpi_children_count *msg) {
    tpi_counts counts = {.specs = tpi_is_simple(supervisor) ? 1 : supervisor->count};
    struct tpi_child *child = supervisor->order.first;
    (void)msg;
    if (tpi_is_simple(supervisor)) { /* OTP does not look at each one either */
        counts.active = supervisor->count - supervisor->waiting;
        if (tpi_type_of(supervisor->spec->children) == TP_SUPERVISOR)
            counts.supervisors = supervisor->count;
        else counts.workers = supervisor->count;
        child = NULL;
    }
    for (; child != NULL; child = child->next[TPI_IN_ORDER]) {
        counts.active += is_active(self, child);
        if (tpi_type_of(child->spec) == TP_SUPERVISOR) counts.supervisors++;
        else counts.workers++;
    }
    (void)tp_reply_value(self, &tpi_counts_message, &counts);
}

/* ---- the caller's side ---- */

static tp_child_result ask(tp_actor *self, tp_pid supervisor, const tp_message_type *type,
                           const void *request, tp_child_answer *out) {
    tpi_child_answer reply = {0};
    tp_err err = tp_call_value(self, supervisor, TP_FOREVER, &tpi_child_answer_message, &reply,
                               type, request);
    tp_child_answer got = {.result = TP_CHILD_UNREACHABLE, .err = err};
    if (err == TP_OK)
        got = (tp_child_answer){reply.result, TP_OK, reply.child, {reply.code, reply.detail}};
    if (out != NULL) *out = got;
    return got.result;
}

static tp_child_result refused(tp_child_answer *out, tp_child_result result, tp_err err) {
    if (out != NULL) *out = (tp_child_answer){.result = result, .err = err};
    return result;
}

/* The arguments travel as their own encoding: the caller may be gone before they are needed. */
static tp_child_result ask_start(tp_actor *self, tp_pid supervisor, tpi_child_start *request,
                                 tp_arguments arguments, tp_child_answer *out) {
    uint8_t *bytes = NULL;
    if (arguments.type != NULL && arguments.value != NULL) {
        const tp_message_type *type = arguments.type;
        size_t size = type->bound != 0 ? type->bound : type->measure(arguments.value);
        bytes = size > TP_MESSAGE_SIZE_MAX ? NULL : tp_alloc(self, size + 1);
        if (bytes == NULL)
            return refused(out, TP_CHILD_UNREACHABLE,
                           size > TP_MESSAGE_SIZE_MAX ? TP_ETOOBIG : TP_ENOMEM);
        tp_writer writer = tp_writer_over(bytes, size + 1);
        type->encode(arguments.value, &writer);
        request->type = (uint64_t)(uintptr_t)type;
        request->arguments = (tp_bin){bytes, (size_t)(writer.at - bytes)};
    }
    tp_child_result result = ask(self, supervisor, &tpi_child_start_message, request, out);
    tp_free(self, bytes);
    return result;
}

tp_child_result tp_supervisor_start_child(tp_actor *self, tp_pid supervisor,
                                          const tp_child_spec *spec, tp_child_answer *out) {
    if (spec == NULL) return refused(out, TP_CHILD_BAD_SPEC, TP_OK);
    tpi_child_start request = {.spec = {spec, sizeof *spec},
                               .id = tp_str_of(spec->id),
                               .name = tp_str_of(spec->options.name)};
    return ask_start(self, supervisor, &request, spec->arguments, out);
}

tp_child_result tp_supervisor_spawn_value(tp_actor *self, tp_pid supervisor, tp_child_answer *out,
                                          const tp_message_type *type, const void *value) {
    tpi_child_start request = {0};
    return ask_start(self, supervisor, &request, (tp_arguments){type, value}, out);
}

static tp_child_result act(tp_actor *self, tp_pid supervisor, enum tpi_action action,
                           const char *id, tp_pid child, tp_child_answer *out) {
    tpi_child_act request = {.action = action, .id = tp_str_of(id), .child = child};
    return ask(self, supervisor, &tpi_child_act_message, &request, out);
}

tp_child_result tp_supervisor_terminate_child(tp_actor *self, tp_pid supervisor, const char *id) {
    return act(self, supervisor, TPI_TERMINATE, id, tp_pid_null(), NULL);
}

tp_child_result tp_supervisor_terminate_pid(tp_actor *self, tp_pid supervisor, tp_pid child) {
    return act(self, supervisor, TPI_TERMINATE_PID, NULL, child, NULL);
}

tp_child_result tp_supervisor_restart_child(tp_actor *self, tp_pid supervisor, const char *id,
                                            tp_child_answer *out) {
    return act(self, supervisor, TPI_RESTART, id, tp_pid_null(), out);
}

tp_child_result tp_supervisor_delete_child(tp_actor *self, tp_pid supervisor, const char *id) {
    return act(self, supervisor, TPI_DELETE, id, tp_pid_null(), NULL);
}

tp_err tp_supervisor_which_children(tp_actor *self, tp_pid supervisor, tp_child_info *out,
                                    size_t max, size_t *count) {
    tpi_children reply;
    if (count == NULL || (out == NULL && max > 0)) return TP_EINVAL;
    tp_err err =
        tp_call(self, supervisor, TP_FOREVER, &reply, tpi_children, tpi_children_which, .max = max);
    if (err != TP_OK) return err;
    for (size_t i = 0; i < reply.list.count && i < max; i++) {
        const tpi_child_is *child = &reply.list.items[i];
        out[i] = (tp_child_info){child->id, child->child, child->status, child->type};
    }
    *count = (size_t)reply.count;
    return TP_OK;
}

tp_err tp_supervisor_count_children(tp_actor *self, tp_pid supervisor, tp_child_counts *out) {
    tpi_counts reply;
    if (out == NULL) return TP_EINVAL;
    tp_err err = tp_call(self, supervisor, TP_FOREVER, &reply, tpi_counts, tpi_children_count);
    if (err == TP_OK)
        *out = (tp_child_counts){reply.specs, reply.active, reply.supervisors, reply.workers};
    return err;
}
