/*
 * Encoding a value and opening it for a handler, with memory of the actor for what is decoded.
 */
#include "actors/behaviors/machine_event.h"

struct chunk {
    struct chunk *next;
    _Alignas(16) uint8_t bytes[];
};

struct tpi_content *tpi_content_new(tp_actor *self, const tp_message_type *type,
                                    const void *value) {
    size_t room = type->bound != 0 ? type->bound : type->measure(value);
    if (room > TP_MESSAGE_SIZE_MAX) return NULL;
    struct tpi_content *content = tp_alloc(self, sizeof *content + room);
    if (content == NULL) return NULL;
    tp_writer out = tp_writer_over(content->bytes, room);
    type->encode(value, &out);
    content->type = type;
    content->size = (size_t)(out.at - content->bytes);
    return content;
}

bool tpi_event_is(const tpi_event *event, const tp_message_type *type) {
    if (event->message != NULL) return tp_message_is_type(event->message, type);
    return tp_message_type_equal(event->type, type);
}

static void *take_chunk(tp_scratch *scratch, size_t size) {
    tpi_event *event = (tpi_event *)((char *)scratch - offsetof(tpi_event, scratch));
    struct chunk *chunk = tp_alloc(event->self, sizeof *chunk + size);
    if (chunk == NULL) return NULL;
    chunk->next = event->chunks;
    event->chunks = chunk;
    return chunk->bytes;
}

static tp_err decode_bytes(tpi_event *event, const tp_message_type *type, void *out) {
    event->scratch.alloc = take_chunk;
    tp_reader in = tp_reader_over(event->bytes, event->size);
    in.scratch = &event->scratch;
    type->decode(out, &in, type->field_count);
    if (!in.failed) return TP_OK;
    return in.starved ? TP_ENOMEM : TP_EBADMSG;
}

void tpi_event_decode(tp_actor *self, tpi_event *event, const tp_message_type *type, void *out) {
    tp_err err;
    event->self = self;
    if (event->message != NULL) err = tp_message_decode(self, event->message, type, out);
    else err = decode_bytes(event, type, out);
    if (err == TP_OK) return;
    tp_log(self, TP_LOG_ERROR, "an event of type %s does not decode", type->name);
    tp_exit(self, err == TP_ENOMEM ? TP_EXIT_NOMEM : TP_EXIT_BADMSG);
}

void tpi_event_end(tp_actor *self, tpi_event *event) {
    while (event->chunks != NULL) {
        struct chunk *chunk = event->chunks;
        event->chunks = chunk->next;
        tp_free(self, chunk);
    }
}
