/*
 * The commands of a client; see the header.
 */
#include "transport/gateway/command.h"

#include "core/base/assert.h"

/* Bytes of the value at `at` without what is in it, and of its head; 0: it does not fit. */
static size_t value_size(const uint8_t *at, size_t left, size_t *head) {
    static const uint8_t fixed[32] = {
        1, 1, 1, 1, 2, 3, 5, 3,  4,  6, 5, 9, 2, 3, 5, 9, /* c0: nil ... uint64 */
        2, 3, 5, 9, 3, 4, 6, 10, 18, 2, 3, 5, 3, 5, 3, 5  /* d0: int8 ... map32 */
    };
    unsigned tag = at[0], length = 0;
    *head = 1;
    if (tag < 0xa0 || tag >= 0xe0) return 1;
    if (tag < 0xc0) return 1 + (tag & 31u);
    *head = fixed[tag - 0xc0];
    if (*head > left) return 0;
    if (tag >= 0xc4 && tag <= 0xc9) length = 1u << ((tag - 0xc4) % 3);
    else if (tag >= 0xd9 && tag <= 0xdb) length = 1u << (tag - 0xd9);
    uint64_t size = 0;
    for (unsigned i = 0; i < length; i++) size = size << 8 | at[1 + i];
    return size > left - *head ? 0 : *head + (size_t)size;
}

static tp_pid pid_at(const uint8_t *bytes, size_t size) {
    tp_reader in = tp_reader_over(bytes, size);
    return tp_read_pid(&in);
}

bool tpi_values_scan(const void *bytes, size_t size, bool (*visit)(void *context, tp_pid pid),
                     void *context) {
    const uint8_t *at = bytes;
    size_t left = size, head;
    while (left > 0) {
        size_t part = value_size(at, left, &head);
        if (part == 0 || part > left) return false;
        bool text = (at[0] >= 0xa0 && at[0] < 0xc0) || (at[0] >= 0xd9 && at[0] <= 0xdb);
        if (text && !tp_utf8_valid((const char *)at + head, part - head)) return false;
        if (visit != NULL && at[0] == 0xd8 && at[1] == TP_EXT_PID &&
            !visit(context, pid_at(at, part)))
            return false;
        at += part;
        left -= part;
    }
    return true;
}

/* ---- commands ---- */

static tp_bin read_message(tp_reader *in) {
    const uint8_t *begin = in->at;
    if (tp_read_kind(in) != TP_KIND_ARRAY) in->failed = true;
    tp_read_skip(in);
    return in->failed ? (tp_bin){NULL, 0} : (tp_bin){begin, (size_t)(in->at - begin)};
}

static tp_bin read_bytes(tp_reader *in) {
    if (tp_read_kind(in) != TP_KIND_STR) return tp_read_bin(in);
    tp_str text = tp_read_str(in);
    return (tp_bin){text.data, text.size};
}

static tp_str read_name(tp_reader *in) {
    tp_str name = tp_read_str(in);
    if (name.size == 0 || name.size > TP_NAME_SIZE_MAX) in->failed = true;
    return name;
}

static void read_argument(tp_reader *in, char kind, struct tpi_command *out) {
    switch (kind) {
    case 'i': out->id = tp_read_u64(in, UINT64_MAX); break;
    case 't':
        if (tp_read_kind(in) == TP_KIND_STR) out->name = read_name(in);
        else out->to = tp_read_pid(in);
        break;
    case 'p': out->to = tp_read_pid(in); break;
    case 'n': out->name = read_name(in); break;
    case 'm': out->message = read_message(in); break;
    case 'e': out->number = tp_read_i64(in, INT64_MIN, INT64_MAX); break;
    case 'f': out->flag = tp_read_bool(in); break;
    default: TPI_ASSERT(kind == 'b'); out->bytes = read_bytes(in);
    }
}

bool tpi_command_read(const void *bytes, size_t size, struct tpi_command *out) {
    static const char *const arguments[] = {"",
#define TPI_COMMAND_ARGUMENTS(name, text) text,
                                            TPI_COMMAND_MAP(TPI_COMMAND_ARGUMENTS)
#undef TPI_COMMAND_ARGUMENTS
    };
    tp_reader in = tp_reader_over(bytes, size);
    tp_read_skip(&in);
    if (in.failed || in.at != in.end || !tpi_values_scan(bytes, size, NULL, NULL)) return false;
    in = tp_reader_over(bytes, size);
    *out = (struct tpi_command){.op = TPI_COMMAND_NONE};
    uint32_t count = tp_read_array(&in);
    uint64_t op = tp_read_u64(&in, TPI_COMMAND_COUNT - 1);
    if (in.failed || op == 0) return false;
    out->op = (enum tpi_command_op)op;
    const char *kind = arguments[op];
    if (count < 1 + strlen(kind)) return false;
    for (; *kind != 0; kind++) read_argument(&in, *kind, out);
    return !in.failed;
}
