/*
 * One actor, with all that is known of it.
 */
#include <string.h>

#include <troupe/call.h>
#include <troupe/sys.h>

#include "transport/admin/inspect.h"

#define LOOK_TIME TP_MS(500)
#define STATUS_TIME TP_MS(500)
#define TYPES_MAX 64u
#define FIELDS_MAX 512u

struct types {
    tp_inspect_type types[TYPES_MAX];
    tp_inspect_field fields[FIELDS_MAX];
    const tp_message_type *described[TYPES_MAX];
    size_t type_count, field_count;
};

struct detail {
    tp_actor_info info;
    tp_sys_status status;
    struct types handled, nested;
};

/* A type that there is no place for is left out. */
static void add_type(struct types *types, const tp_message_type *type, tp_str name) {
    if (types->type_count == TYPES_MAX || types->field_count + type->field_count > FIELDS_MAX)
        return;
    types->described[types->type_count] = type;
    types->types[types->type_count++] =
        (tp_inspect_type){.name = name, .fields = type->field_count};
    for (uint32_t i = 0; i < type->field_count; i++)
        types->fields[types->field_count++] =
            (tp_inspect_field){.name = tp_str_of(type->fields[i].name),
                               .kind = tp_str_of(type->fields[i].kind),
                               .form = type->fields[i].form};
}

static bool has_type(const struct types *types, tp_str name) {
    for (size_t i = 0; i < types->type_count; i++)
        if (tp_str_equal(types->types[i].name, name)) return true;
    return false;
}

/* The types that the fields of one hold. */
static void add_nested(struct types *nested, const tp_message_type *of) {
    for (uint32_t i = 0; i < of->field_count; i++) {
        tp_str kind = tp_str_of(of->fields[i].kind);
        if (of->fields[i].type != NULL && !has_type(nested, kind))
            add_type(nested, of->fields[i].type, kind);
    }
}

static void add_types(struct detail *detail, const tp_behavior *behavior) {
    struct types *handled = &detail->handled, *nested = &detail->nested;
    handled->type_count = handled->field_count = nested->type_count = nested->field_count = 0;
    for (uint32_t i = 0; behavior != NULL && i < behavior->handler_count; i++) {
        const tp_message_type *type = behavior->handlers[i].type;
        add_type(handled, type, (tp_str){type->name, type->name_size});
    }
    for (size_t i = 0; i < handled->type_count; i++) add_nested(nested, handled->described[i]);
    for (size_t i = 0; i < nested->type_count; i++) /* it grows meanwhile */
        add_nested(nested, nested->described[i]);
}

/* What only the actor itself can tell, between two of its messages. */
static void ask_status(tp_actor *self, struct detail *detail) {
    const tp_actor_info *info = &detail->info;
    bool asked =
        info->err == TP_OK && info->behavior != NULL && !tp_pid_equal(info->pid, tp_self(self));
    if (!asked || tp_sys_get_status(self, info->pid, STATUS_TIME, &detail->status) != TP_OK)
        detail->status = (tp_sys_status){.suspended = info->doing == TP_DOING_SUSPENDED};
}

void tpi_inspect_detail(tp_actor *self, tp_pid pid) {
    struct detail *detail = tp_alloc(self, sizeof *detail);
    tp_err err = detail == NULL ? TP_ENOMEM : tp_actor_look(self, pid, LOOK_TIME, &detail->info);
    if (err == TP_OK || err == TP_ETIMEDOUT) {
        ask_status(self, detail);
        add_types(detail, detail->info.behavior);
        err = tp_reply(self, tp_inspect_detail, .actor = tpi_inspect_describe(&detail->info),
                       .linked = detail->info.linked, .monitored = detail->info.monitored,
                       .suspended = detail->status.suspended, .state = detail->status.state,
                       .types = {detail->handled.types, detail->handled.type_count},
                       .fields = {detail->handled.fields, detail->handled.field_count},
                       .nested = {detail->nested.types, detail->nested.type_count},
                       .nested_fields = {detail->nested.fields, detail->nested.field_count});
    }
    if (err != TP_OK) (void)tp_reply_error(self, err);
    tp_free(self, detail);
}
