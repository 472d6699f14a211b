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

struct detail {
    tp_actor_info info;
    tp_sys_status status;
    tp_inspect_type types[TYPES_MAX];
    tp_inspect_field fields[FIELDS_MAX];
    size_t type_count, field_count;
};

static void add_type(struct detail *detail, const tp_message_type *type) {
    if (detail->type_count == TYPES_MAX || detail->field_count + type->field_count > FIELDS_MAX)
        return;
    detail->types[detail->type_count++] =
        (tp_inspect_type){.name = {type->name, type->name_size}, .fields = type->field_count};
    for (uint32_t i = 0; i < type->field_count; i++)
        detail->fields[detail->field_count++] =
            (tp_inspect_field){.name = tp_str_of(type->fields[i].name),
                               .kind = tp_str_of(type->fields[i].kind),
                               .form = type->fields[i].form};
}

static void add_types(struct detail *detail, const tp_behavior *behavior) {
    for (uint32_t i = 0; behavior != NULL && i < behavior->handler_count; i++)
        add_type(detail, behavior->handlers[i].type);
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
                       .types = {detail->types, detail->type_count},
                       .fields = {detail->fields, detail->field_count});
    }
    if (err != TP_OK) (void)tp_reply_error(self, err);
    tp_free(self, detail);
}
