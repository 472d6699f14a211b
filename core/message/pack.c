/*
 * The array form of a message, with msgpack-c's packer: the head is off the hot path, and it is one
 * more proof that what we write is what msgpack-c writes.
 */
#include <msgpack.h>

#include "core/message/message.h"

#include "core/base/assert.h"

static int write_bounded(void *context, const char *bytes, size_t size) {
    tp_writer *out = context;
    TPI_ASSERT(out->at <= out->end);
    if (out->failed || (size_t)(out->end - out->at) < size) {
        out->failed = true;
        return -1;
    }
    tpi_put_bytes(out, bytes, size);
    return 0;
}

static void pack_head(const tp_message_type *type, tp_writer *out) {
    msgpack_packer packer;
    TPI_ASSERT(type->name_size <= TP_NAME_SIZE_MAX && type->field_count <= TP_FIELDS_MAX);
    msgpack_packer_init(&packer, out, write_bounded);
    msgpack_pack_array(&packer, 1u + type->field_count);
    msgpack_pack_str(&packer, type->name_size);
    msgpack_pack_str_body(&packer, type->name, type->name_size);
}

size_t tpi_message_head_size(const tp_message_type *type) {
    uint8_t head[TP_NAME_SIZE_MAX + 16];
    tp_writer out = tp_writer_over(head, sizeof head);
    pack_head(type, &out);
    TPI_ASSERT(!out.failed);
    return (size_t)(out.at - head);
}

tp_err tpi_message_pack(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                        uint8_t *out, size_t size, size_t *used) {
    TPI_CHECK(payload != NULL || payload_size == 0);
    tp_writer writer = tp_writer_over(out, size);
    pack_head(type, &writer);
    if (!writer.failed) (void)write_bounded(&writer, (const char *)payload, payload_size);
    if (writer.failed) return TP_ETOOBIG;
    *used = (size_t)(writer.at - out);
    TPI_ASSERT(*used <= size);
    return TP_OK;
}

tp_err tpi_message_open(const uint8_t *bytes, size_t size, tp_str *name, uint32_t *count,
                        tp_reader *fields) {
    TPI_CHECK(bytes != NULL || size == 0);
    *fields = tp_reader_over(bytes, size);
    uint32_t elements = tp_read_array(fields);
    *name = tp_read_str(fields);
    if (fields->failed || elements == 0 || name->size == 0 || name->size > TP_NAME_SIZE_MAX ||
        !tp_utf8_valid(name->data, name->size))
        return TP_EBADMSG;
    *count = elements - 1;
    TPI_ASSERT(*count <= size);
    fields->depth =
        1; /* they stand in the array, so that what is skipped is not too deep for others */
    return TP_OK;
}
