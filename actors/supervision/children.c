/*
 * Children as records: checked, made, copied, found; and what changes with their status.
 */
#include <string.h>

#include "actors/supervision/supervision.h"

/* ---- what may stand in a specification ---- */

static const char *backoff_wrong(const tp_backoff *backoff) {
    if (backoff->min < 0 || backoff->max < 0 || backoff->reset_after < 0)
        return "a backoff with a negative time";
    if (backoff->factor != 0 && !(backoff->factor >= 1)) return "a backoff whose factor is below 1";
    if (!(backoff->jitter >= 0 && backoff->jitter <= 1)) return "a backoff's jitter is from 0 to 1";
    return NULL;
}

/* How its node starts a remote child is that node's affair. */
static bool has_options(const tp_spawn_options *options) {
    return options->name != NULL || options->priority != TP_PRIORITY_NORMAL ||
           options->mailbox_limit != 0 || options->overflow != TP_OVERFLOW_SUSPEND ||
           options->workers != 0 || options->dedicated_thread || options->stack_size != 0 ||
           options->isolate || options->limits != NULL || options->contain || options->capsule != 0;
}

const char *tpi_child_wrong(const tp_supervisor_spec *spec, const tp_child_spec *child) {
    int kinds = (child->behavior != NULL) + (child->body != NULL) + (child->supervisor != NULL) +
                (child->remote != NULL);
    if (child->id == NULL) return "a child without an id";
    if (kinds != 1) return "a child has one of behavior, body, supervisor and remote";
    if ((unsigned)child->restart > TP_TEMPORARY) return "an unknown restart";
    if ((unsigned)child->type > TP_SUPERVISOR) return "an unknown type of child";
    if (child->shutdown < 0 && child->shutdown != TP_BRUTAL_KILL) return "a negative shutdown";
    if (child->significant && child->restart == TP_PERMANENT)
        return "a permanent child is significant";
    if (child->significant && spec->auto_shutdown == TP_AUTO_SHUTDOWN_NEVER)
        return "a significant child, and no auto_shutdown";
    if (child->probe_every < 0 || child->probe_timeout < 0) return "a negative time for probes";
    if (child->probe_timeout > 0 && child->probe_every == 0)
        return "probe_timeout without probe_every";
    if (child->remote != NULL && child->probe_every > 0) return "a remote child is not probed";
    if (child->remote != NULL && has_options(&child->options))
        return "a remote child takes no spawn options";
    return backoff_wrong(&child->backoff);
}

const char *tpi_supervisor_wrong(const tp_supervisor_spec *spec) {
    if ((unsigned)spec->strategy > TP_SIMPLE_ONE_FOR_ONE) return "an unknown strategy";
    if ((unsigned)spec->auto_shutdown > TP_AUTO_SHUTDOWN_ALL) return "an unknown auto_shutdown";
    if (spec->period < 0) return "a negative period";
    if (spec->kill_grace < 0) return "a negative kill_grace";
    bool one =
        spec->children != NULL && !tpi_is_end(&spec->children[0]) && tpi_is_end(&spec->children[1]);
    if (spec->strategy == TP_SIMPLE_ONE_FOR_ONE && !one) return "there is not one template";
    return backoff_wrong(&spec->backoff);
}

bool tpi_is_end(const tp_child_spec *spec) {
    return spec->id == NULL && spec->behavior == NULL && spec->body == NULL &&
           spec->supervisor == NULL && spec->remote == NULL;
}

/* ---- records ---- */

/* Memory that a child owns: what follows this header. */
struct tpi_copy {
    struct tpi_copy *next;
    uint64_t unused; /* what follows is aligned to 16 */
};

/* Where the lists of decoded arguments go. */
struct copy_scratch {
    tp_scratch scratch;
    tp_actor *self;
    struct tpi_child *child;
};

static void *own(tp_actor *self, struct tpi_child *child, size_t size) {
    struct tpi_copy *copy = tp_alloc(self, sizeof *copy + size);
    if (copy == NULL) return NULL;
    copy->next = child->copy;
    child->copy = copy;
    return copy + 1;
}

static void *own_scratch(struct tp_scratch *scratch, size_t size) {
    struct copy_scratch *to = (struct copy_scratch *)(void *)scratch;
    return own(to->self, to->child, size);
}

/* *failed is set when there is no memory; an empty text is none. */
static const char *own_text(tp_actor *self, struct tpi_child *child, tp_str text, bool *failed) {
    if (text.size == 0) return NULL;
    char *copy = own(self, child, text.size + 1);
    if (copy == NULL) *failed = true;
    else memcpy(copy, text.data, text.size); /* the rest is zero */
    return copy;
}

static bool own_arguments(tp_actor *self, struct tpi_child *child, const tpi_child_start *from) {
    const tp_message_type *type = (const tp_message_type *)(uintptr_t)from->type;
    struct copy_scratch scratch = {{own_scratch}, self, child};
    uint8_t *bytes = own(self, child, from->arguments.size + 1);
    void *value = own(self, child, type->struct_size);
    if (bytes == NULL || value == NULL) return false;
    if (from->arguments.size > 0) memcpy(bytes, from->arguments.data, from->arguments.size);
    tp_reader reader = tp_reader_over(bytes, from->arguments.size);
    reader.scratch = &scratch.scratch;
    type->decode(value, &reader, type->field_count);
    child->arguments = (tp_arguments){type, value};
    return !reader.failed;
}

static bool own_spec(tp_actor *self, struct tpi_child *child, const tpi_child_start *from) {
    bool failed = false;
    tp_child_spec *spec = own(self, child, sizeof *spec);
    if (spec == NULL) return false;
    memcpy(spec, from->spec.data, sizeof *spec);
    spec->id = own_text(self, child, from->id, &failed);
    spec->options.name = own_text(self, child, from->name, &failed);
    spec->arguments = (tp_arguments){0};
    child->spec = spec;
    return !failed;
}

struct tpi_child *tpi_child_new(tp_actor *self, const tp_child_spec *spec) {
    struct tpi_child *child = tp_alloc(self, sizeof *child);
    if (child == NULL) return NULL;
    child->spec = spec;
    child->arguments = spec->arguments;
    return child;
}

struct tpi_child *tpi_child_copy(tp_actor *self, const tp_child_spec *template,
                                 const tpi_child_start *from) {
    struct tpi_child *child = tp_alloc(self, sizeof *child);
    if (child == NULL) return NULL;
    bool done = true;
    if (template != NULL) {
        child->spec = template;
        child->arguments = template->arguments;
    } else {
        done = from->spec.size == sizeof(tp_child_spec) && own_spec(self, child, from);
    }
    if (done && from->type != 0) done = own_arguments(self, child, from);
    if (done) return child;
    tpi_child_free(self, child);
    return NULL;
}

void tpi_child_free(tp_actor *self, struct tpi_child *child) {
    while (child->copy != NULL) {
        struct tpi_copy *copy = child->copy;
        child->copy = copy->next;
        tp_free(self, copy);
    }
    tp_free(self, child);
}

/* ---- among the others ---- */

static uint64_t key_of_id(tp_str id) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t key_of_pid(tp_pid pid) {
    return (uint64_t)pid.slot << 32 | pid.generation;
}

bool tpi_child_add(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    if (!tpi_table_room(self, &supervisor->by_key, TPI_BY_KEY, supervisor->count + 1) ||
        !tpi_table_room(self, &supervisor->by_id, TPI_BY_ID, supervisor->count + 1))
        return false;
    tpi_list_add(&supervisor->order, TPI_IN_ORDER, child);
    if (!tpi_is_simple(supervisor))
        tpi_table_add(&supervisor->by_id, TPI_BY_ID, child, key_of_id(tp_str_of(child->spec->id)));
    supervisor->count++;
    return true;
}

void tpi_child_remove(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    tpi_child_rests(self, supervisor, child);
    tpi_list_take(&supervisor->order, TPI_IN_ORDER, child);
    if (!tpi_is_simple(supervisor)) tpi_table_take(&supervisor->by_id, TPI_BY_ID, child);
    supervisor->count--;
    tpi_child_free(self, child);
}

struct tpi_child *tpi_child_of_id(const struct tpi_supervisor *supervisor, tp_str id) {
    struct tpi_child *child = tpi_table_chain(&supervisor->by_id, key_of_id(id));
    while (child != NULL && !tp_str_equal(tp_str_of(child->spec->id), id))
        child = child->chain[TPI_BY_ID];
    return child;
}

struct tpi_child *tpi_child_of_pid(const struct tpi_supervisor *supervisor, tp_pid pid) {
    struct tpi_child *child = tpi_table_chain(&supervisor->by_key, key_of_pid(pid));
    while (child != NULL &&
           !(child->status == TP_CHILD_IS_RUNNING && tp_pid_equal(child->pid, pid)))
        child = child->chain[TPI_BY_KEY];
    return child;
}

struct tpi_child *tpi_child_of_token(const struct tpi_supervisor *supervisor, uint64_t token) {
    struct tpi_child *child = tpi_table_chain(&supervisor->by_key, token);
    while (child != NULL && !(child->status == TP_CHILD_IS_RESTARTING && child->token == token))
        child = child->chain[TPI_BY_KEY];
    return child;
}

/* ---- status ---- */

void tpi_child_rests(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    if (child->status == TP_CHILD_IS_STOPPED) return;
    tpi_table_take(&supervisor->by_key, TPI_BY_KEY, child);
    if (child->status == TP_CHILD_IS_RESTARTING) supervisor->waiting--;
    if (child->queued) tpi_list_take(&supervisor->retries, TPI_TO_RETRY, child);
    if (child->timer != 0) (void)tp_cancel_timer(self, child->timer);
    child->queued = false;
    child->timer = 0;
    child->ping = 0;
    child->killed = false;
    child->pid = tp_pid_null();
    child->status = TP_CHILD_IS_STOPPED;
}

void tpi_child_runs(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child,
                    tp_pid pid) {
    tpi_child_rests(self, supervisor, child);
    child->status = TP_CHILD_IS_RUNNING;
    child->pid = pid;
    tpi_table_add(&supervisor->by_key, TPI_BY_KEY, child, key_of_pid(pid));
    if (child->spec->probe_every > 0) tpi_probe_begin(self, child);
}

void tpi_child_waits(tp_actor *self, struct tpi_supervisor *supervisor, struct tpi_child *child) {
    tpi_child_rests(self, supervisor, child);
    child->status = TP_CHILD_IS_RESTARTING;
    child->token = ++supervisor->tokens;
    supervisor->waiting++;
    tpi_table_add(&supervisor->by_key, TPI_BY_KEY, child, child->token);
}
