/*
 * A run of helm is a port of the actor that runs it: its lines and its end come as messages.
 */
#include "examples/futures/helm.h"

#include <stdio.h>
#include <string.h>

#define GRACE TP_MS(100)
#define PATH_SIZE 4096
#define LIST_PATIENCE TP_SECONDS(300)

/* ---- one run ---- */

static bool of_port(const tp_message *message, void *context) {
    (void)context;
    return tp_message_is(message, tp_port_data) || tp_message_is(message, tp_port_exited);
}

static void keep_line(struct helm_end *end, tp_str line) {
    if (line.size == 0) return;
    snprintf(end->text, sizeof end->text, "%.*s", (int)line.size, line.data);
}

/* The next message of the port, or the end of its time. True: it has ended. */
static bool take(tp_actor *self, tp_pid port, tp_duration wait, helm_line line, void *context,
                 struct helm_end *end) {
    const tp_message *message;
    tp_port_data data;
    tp_port_exited exited;
    if (tp_receive_any(self, wait, of_port, NULL, &message) == TP_ETIMEDOUT) {
        end->late = true;
        (void)tp_port_close(self, port);
    } else if (tp_message_get(self, message, &exited, tp_port_exited) == TP_OK) {
        end->status = exited.status;
        end->signal = exited.signal;
        end->ended_us = now_us();
        return true;
    } else if (tp_message_get(self, message, &data, tp_port_data) == TP_OK) {
        tp_str text = {(const char *)data.bytes.data, data.bytes.size};
        keep_line(end, text);
        if (line != NULL) line(context, text);
    }
    return false;
}

tp_err helm_run(tp_actor *self, const char *const *argv, tp_duration timeout, helm_line line,
                void *context, struct helm_end *end) {
    tp_port_options options = {.argv = argv, .errors = TP_PORT_ERRORS_MERGE, .grace = GRACE};
    tp_pid port;
    *end = (struct helm_end){.status = -1, .began_us = now_us()};
    tp_time begin = tp_now(self);
    tp_err err = tp_port_open(self, &port, &options);
    if (err != TP_OK) return err;
    tp_duration left = timeout;
    while (!take(self, port, left, line, context, end)) {
        left = timeout - (tp_now(self) - begin);
        if (left < 0) left = 0;
        if (end->late) left = TP_FOREVER; /* until it is gone: its place is taken as long */
    }
    return TP_OK;
}

/* ---- a removal ---- */

static const char *text_of(tp_str text, char *room, size_t size) {
    snprintf(room, size, "%.*s", (int)text.size, text.data);
    return room;
}

static tp_err remove_release(tp_actor *self, const removal *in, removed *out) {
    char helm[PATH_SIZE], space[NAME_MAX_OF_HELM], name[NAME_MAX_OF_HELM], set[TEXT_MAX];
    bool install = in->set.size > 0;
    const char *argv[] = {text_of(in->helm, helm, sizeof helm),
                          install ? "install" : "uninstall",
                          text_of(in->name, name, sizeof name),
                          "--namespace",
                          text_of(in->space, space, sizeof space),
                          install ? "--set" : (in->dry ? "--dry-run" : NULL),
                          install ? text_of(in->set, set, sizeof set) : NULL,
                          NULL};
    struct helm_end end;
    tp_err err = helm_run(self, argv, in->timeout, NULL, NULL, &end);
    if (err != TP_OK) return err;
    bool good = end.status == 0;
    out->end = good ? REMOVED : (end.late ? LATE : REFUSED);
    out->status = end.status;
    out->signal = end.signal;
    out->ended_us = end.ended_us;
    out->took_us = end.ended_us - end.began_us;
    char *text = tp_alloc(self, sizeof end.text); /* the result is read when this has returned */
    if (text == NULL) return TP_ENOMEM;
    memcpy(text, end.text, sizeof end.text);
    out->text = tp_str_of(text);
    return good || !in->strict ? TP_OK : TP_EIO;
}
TP_TASK(remove_function, "remove", removal, removed, remove_release);

const tp_task_function *const remove_task = &remove_function;

/* ---- the list ---- */

struct listing {
    helm_release each;
    void *context;
};

static tp_str word_of(tp_str *line) {
    tp_str word = {line->data, 0};
    while (word.size < line->size && line->data[word.size] != '\t' && line->data[word.size] != ' ')
        word.size++;
    size_t next = word.size;
    while (next < line->size && (line->data[next] == '\t' || line->data[next] == ' ')) next++;
    line->data += next;
    line->size -= next;
    return word;
}

/* NAME NAMESPACE REVISION ..., below a line of headings. */
static void list_line(void *context, tp_str line) {
    const struct listing *listing = context;
    tp_str name = word_of(&line), space = word_of(&line);
    if (space.size == 0 || tp_str_equal(name, TP_STR("NAME"))) return;
    if (name.size >= NAME_MAX_OF_HELM || space.size >= NAME_MAX_OF_HELM) return;
    listing->each(listing->context, space, name);
}

tp_err helm_list(tp_actor *self, const char *helm, helm_release each, void *context,
                 struct helm_end *end) {
    struct listing listing = {each, context};
    const char *const argv[] = {helm, "list", "--all-namespaces", "--max", "0", NULL};
    tp_err err = helm_run(self, argv, LIST_PATIENCE, list_line, &listing, end);
    return err == TP_OK && end->status != 0 ? TP_EIO : err;
}
