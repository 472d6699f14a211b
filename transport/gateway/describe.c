/*
 * The listed types as data for clients: [[name, [[field, kind, form], ...]], ...]. `form` is a
 * tp_field_form; the kind of a nested type is its name on the wire.
 */
#include <stdlib.h>

#include "core/base/assert.h"
#include "transport/gateway/gateway.h"

static bool add_type(struct tpi_gateway *gateway, const tp_message_type *type) {
    for (size_t i = 0; i < gateway->type_count; i++)
        if (tp_message_type_equal(gateway->types[i], type)) return true;
    if (gateway->type_count == TPI_GATEWAY_TYPES_MAX) return false;
    gateway->types[gateway->type_count++] = type;
    return true;
}

/* Those that are nested in others come behind them: the loop reaches them, too. */
static tp_err collect(struct tpi_gateway *gateway) {
    const tp_message_type *const *listed = gateway->options.types;
    gateway->types = calloc(TPI_GATEWAY_TYPES_MAX, sizeof *gateway->types);
    if (gateway->types == NULL) return TP_ENOMEM;
    for (size_t i = 0; listed != NULL && listed[i] != NULL; i++)
        if (!add_type(gateway, listed[i])) return TP_EINVAL;
    for (size_t i = 0; i < gateway->type_count; i++) {
        const tp_message_type *type = gateway->types[i];
        TPI_ASSERT(type != NULL);
        for (uint32_t j = 0; j < type->field_count; j++)
            if (type->fields[j].type != NULL && !add_type(gateway, type->fields[j].type))
                return TP_EINVAL;
    }
    return TP_OK;
}

static size_t bound(const struct tpi_gateway *gateway) {
    size_t size = 5;
    for (size_t i = 0; i < gateway->type_count; i++) {
        const tp_message_type *type = gateway->types[i];
        size += 16 + type->name_size;
        for (uint32_t j = 0; j < type->field_count; j++) {
            const tp_field *field = &type->fields[j];
            size += 16 + strlen(field->name) + strlen(field->kind);
            if (field->type != NULL) size += field->type->name_size;
        }
    }
    return size;
}

static void write_type(tp_writer *out, const tp_message_type *type) {
    tp_write_array(out, 2);
    tp_write_str(out, (tp_str){type->name, type->name_size});
    tp_write_array(out, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const tp_field *field = &type->fields[i];
        const char *kind = field->type != NULL ? field->type->name : field->kind;
        tp_write_array(out, 3);
        tp_write_str(out, tp_str_of(field->name));
        tp_write_str(out, tp_str_of(kind));
        tp_write_u64(out, (uint64_t)field->form);
    }
}

tp_err tpi_gateway_describe(struct tpi_gateway *gateway) {
    tp_err err = collect(gateway);
    if (err != TP_OK) return err;
    size_t room = bound(gateway);
    gateway->welcome = malloc(room);
    if (gateway->welcome == NULL) return TP_ENOMEM;
    tp_writer out = tp_writer_over(gateway->welcome, room);
    tp_write_array(&out, (uint32_t)gateway->type_count);
    for (size_t i = 0; i < gateway->type_count; i++) write_type(&out, gateway->types[i]);
    TPI_ASSERT(!out.failed);
    gateway->welcome_size = (size_t)(out.at - gateway->welcome);
    return TP_OK;
}
