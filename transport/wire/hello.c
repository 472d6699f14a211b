/*
 * Payloads of the handshake as msgpack; nothing is allocated, every length has its limit.
 */
#include "transport/wire/hello.h"

#include <troupe/codec.h>

#include "core/base/assert.h"

#define HELLO_FIELDS 12

const char *tpi_verdict_text(unsigned verdict) {
    static const char *const texts[] = {
#define TEXT(name, text) text,
        TPI_VERDICT_MAP(TEXT)
#undef TEXT
    };
    return verdict < TPI_VERDICT_COUNT ? texts[verdict] : "no verdict yet";
}

static bool text_valid(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f) return false;
    return tp_utf8_valid(text, size);
}

bool tpi_node_name_valid(const char *name, size_t size) {
    return size > 0 && size <= TPI_NODE_NAME_MAX && text_valid(name, size);
}

uint64_t tpi_hello_id(const struct tpi_hello *hello) {
    return tpi_wire_node_id(hello->incarnation, hello->name, strlen(hello->name));
}

static size_t written(const tp_writer *writer, const uint8_t *out) {
    TPI_ASSERT(!writer->failed);
    return (size_t)(writer->at - out);
}

size_t tpi_hello_write(const struct tpi_hello *hello, uint8_t *out, size_t room) {
    tp_writer writer = tp_writer_over(out, room);
    tp_write_array(&writer, HELLO_FIELDS);
    tp_write_u64(&writer, hello->version);
    tp_write_str(&writer, tp_str_of(hello->cluster));
    tp_write_str(&writer, tp_str_of(hello->name));
    tp_write_bin(&writer, (tp_bin){hello->incarnation, TPI_INCARNATION_SIZE});
    tp_write_u64(&writer, hello->connection);
    tp_write_u64(&writer, hello->features);
    tp_write_u64(&writer, hello->limits.frame_max);
    tp_write_u64(&writer, hello->limits.message_max);
    tp_write_u64(&writer, hello->limits.window);
    tp_write_u64(&writer, hello->limits.sequences_max);
    tp_write_u64(&writer, hello->limits.assembly_max);
    tp_write_u64(&writer, hello->limits.heartbeat_ms);
    return written(&writer, out);
}

static void read_text(tp_reader *in, char *out, size_t most) {
    tp_str text = tp_read_str(in);
    if (!in->failed && (text.size > most || !text_valid(text.data, text.size))) in->failed = true;
    size_t size = in->failed ? 0 : text.size;
    if (size > 0) memcpy(out, text.data, size);
    out[size] = 0;
}

static void read_limits(tp_reader *in, struct tpi_wire_limits *limits) {
    limits->frame_max = (uint32_t)tp_read_u64(in, UINT32_MAX);
    limits->message_max = (uint32_t)tp_read_u64(in, UINT32_MAX);
    limits->window = (uint32_t)tp_read_u64(in, UINT32_MAX);
    limits->sequences_max = (uint32_t)tp_read_u64(in, UINT32_MAX);
    limits->assembly_max = (uint32_t)tp_read_u64(in, UINT32_MAX);
    limits->heartbeat_ms = (uint32_t)tp_read_u64(in, UINT32_MAX);
}

/* What a later version appended is walked over; then the bytes must be at their end. */
static bool read_end(tp_reader *in, uint32_t count, uint32_t known) {
    in->depth = 1;
    for (uint32_t i = known; i < count && !in->failed; i++) tp_read_skip(in);
    return !in->failed && in->at == in->end;
}

enum tpi_wire_code tpi_hello_read(const uint8_t *bytes, size_t size, struct tpi_hello *out) {
    memset(out, 0, sizeof *out);
    tp_reader in = tp_reader_over(bytes, size);
    uint32_t count = tp_read_array(&in);
    if (in.failed || count < HELLO_FIELDS) return TPI_WIRE_HELLO;
    out->version = (uint8_t)tp_read_u64(&in, UINT8_MAX);
    read_text(&in, out->cluster, TPI_CLUSTER_NAME_MAX);
    read_text(&in, out->name, TPI_NODE_NAME_MAX);
    tp_bin incarnation = tp_read_bin(&in);
    if (in.failed || incarnation.size != TPI_INCARNATION_SIZE) return TPI_WIRE_HELLO;
    memcpy(out->incarnation, incarnation.data, TPI_INCARNATION_SIZE);
    out->connection = tp_read_u64(&in, UINT64_MAX);
    out->features = tp_read_u64(&in, UINT64_MAX);
    read_limits(&in, &out->limits);
    if (!read_end(&in, count, HELLO_FIELDS) || out->name[0] == 0) return TPI_WIRE_HELLO;
    return tpi_wire_limits_valid(&out->limits) ? TPI_WIRE_OK : TPI_WIRE_LIMITS;
}

size_t tpi_offer_write(uint8_t version_min, uint8_t version_max, uint8_t *out, size_t room) {
    tp_writer writer = tp_writer_over(out, room);
    tp_write_array(&writer, 2);
    tp_write_u64(&writer, version_min);
    tp_write_u64(&writer, version_max);
    return written(&writer, out);
}

enum tpi_wire_code tpi_offer_read(const uint8_t *bytes, size_t size, uint8_t *version_min,
                                  uint8_t *version_max) {
    tp_reader in = tp_reader_over(bytes, size);
    uint32_t count = tp_read_array(&in);
    if (in.failed || count < 2) return TPI_WIRE_HELLO;
    *version_min = (uint8_t)tp_read_u64(&in, UINT8_MAX);
    *version_max = (uint8_t)tp_read_u64(&in, UINT8_MAX);
    if (!read_end(&in, count, 2)) return TPI_WIRE_HELLO;
    return *version_min > 0 && *version_min <= *version_max ? TPI_WIRE_OK : TPI_WIRE_HELLO;
}

size_t tpi_verdict_write(enum tpi_verdict verdict, uint8_t *out, size_t room) {
    TPI_ASSERT(verdict < TPI_VERDICT_COUNT);
    tp_writer writer = tp_writer_over(out, room);
    tp_write_array(&writer, 1);
    tp_write_u64(&writer, verdict);
    return written(&writer, out);
}

enum tpi_wire_code tpi_verdict_read(const uint8_t *bytes, size_t size, enum tpi_verdict *verdict) {
    tp_reader in = tp_reader_over(bytes, size);
    uint32_t count = tp_read_array(&in);
    if (in.failed || count < 1) return TPI_WIRE_HELLO;
    uint64_t number = tp_read_u64(&in, UINT64_MAX);
    if (!read_end(&in, count, 1)) return TPI_WIRE_HELLO;
    *verdict = number < TPI_VERDICT_COUNT ? (enum tpi_verdict)number : TPI_VERDICT_DENIED;
    return TPI_WIRE_OK;
}
