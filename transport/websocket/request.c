/*
 * HTTP/1.1, as much as a WebSocket handshake takes: a GET with a head and no body.
 */
#include "transport/websocket/request.h"

#include <string.h>

static char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
}

bool tpi_request_same(tp_str a, tp_str b) {
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i])) return false;
    return true;
}

size_t tpi_request_end(const char *bytes, size_t size) {
    const char *end = size < 4 ? NULL : memmem(bytes, size, "\r\n\r\n", 4);
    return end == NULL ? 0 : (size_t)(end - bytes) + 4;
}

/* A letter of a field's name: RFC 9110, 5.6.2. */
static bool is_token(char c) {
    if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z')) return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static tp_str trim(tp_str text) {
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) text.data++, text.size--;
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Is one of the elements of a list, separated by commas, this word? */
static bool lists(tp_str list, const char *word) {
    while (list.size > 0) {
        const char *comma = memchr(list.data, ',', list.size);
        size_t size = comma == NULL ? list.size : (size_t)(comma - list.data);
        if (tpi_request_same(trim((tp_str){list.data, size}), tp_str_of(word))) return true;
        size_t step = comma == NULL ? size : size + 1;
        list.data += step;
        list.size -= step;
    }
    return false;
}

/* The client's nonce: 16 bytes in base64. */
static bool is_key(tp_str key) {
    if (key.size != 24 || memcmp(key.data + 22, "==", 2) != 0) return false;
    for (size_t i = 0; i < 22; i++) {
        char c = lower(key.data[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* Fields of which a second one would be a second opinion. */
static bool take_once(tp_str *place, tp_str value) {
    if (place->data != NULL) return false;
    *place = value;
    return true;
}

struct fields { /* what the lines said */
    struct tpi_request *request;
    tp_str version, accept;
    bool websocket, connection;
    bool extended; /* extensions: we know none */
};

static bool take_field(struct fields *fields, tp_str name, tp_str value) {
    struct tpi_request *out = fields->request;
    if (tpi_request_same(name, TP_STR("host"))) return take_once(&out->host, value);
    if (tpi_request_same(name, TP_STR("sec-websocket-key"))) return take_once(&out->key, value);
    if (tpi_request_same(name, TP_STR("sec-websocket-version")))
        return take_once(&fields->version, value);
    if (tpi_request_same(name, TP_STR("sec-websocket-accept")))
        return take_once(&fields->accept, value);
    if (tpi_request_same(name, TP_STR("origin"))) {
        out->has_origin = true;
        return take_once(&out->origin, value);
    }
    if (tpi_request_same(name, TP_STR("upgrade"))) fields->websocket |= lists(value, "websocket");
    if (tpi_request_same(name, TP_STR("connection"))) fields->connection |= lists(value, "upgrade");
    if (tpi_request_same(name, TP_STR("sec-websocket-protocol"))) {
        out->protocols = true;
        out->protocol |= lists(value, TPI_WS_PROTOCOL_NAME);
    }
    fields->extended |= tpi_request_same(name, TP_STR("sec-websocket-extensions"));
    if (tpi_request_same(name, TP_STR("transfer-encoding"))) return false; /* a body */
    if (tpi_request_same(name, TP_STR("content-length"))) return tp_str_equal(value, TP_STR("0"));
    return true;
}

static bool take_line(struct fields *fields, tp_str line) {
    const char *colon = memchr(line.data, ':', line.size);
    if (colon == NULL || colon == line.data) return false;
    tp_str name = {line.data, (size_t)(colon - line.data)};
    for (size_t i = 0; i < name.size; i++)
        if (!is_token(name.data[i])) return false; /* a folded line begins with a space */
    tp_str value = {colon + 1, line.size - name.size - 1};
    for (size_t i = 0; i < value.size; i++)
        if (((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return take_field(fields, name, trim(value));
}

/* "GET PATH HTTP/1.1". A query is refused, so that nobody puts a token there. */
static int take_first(struct tpi_request *out, tp_str line) {
    static const char version[] = " HTTP/1.1";
    size_t tail = sizeof version - 1;
    if (line.size < 4 + tail || memcmp(line.data + line.size - tail, version, tail) != 0)
        return 400;
    if (memcmp(line.data, "GET ", 4) != 0) return 405;
    out->path = (tp_str){line.data + 4, line.size - 4 - tail};
    if (out->path.size == 0 || out->path.data[0] != '/') return 400;
    for (size_t i = 0; i < out->path.size; i++) {
        char c = out->path.data[i];
        if (c <= ' ' || c >= 0x7f || c == '?' || c == '#') return 400;
    }
    return 0;
}

static int conclude(const struct fields *fields) {
    struct tpi_request *out = fields->request;
    out->upgrade = fields->websocket && fields->connection;
    out->version = tp_str_equal(fields->version, TP_STR("13"));
    if (out->host.data == NULL) return 400;
    if (!out->upgrade) return 0;
    if (!out->version) return 426;
    if (!is_key(out->key) || (out->protocols && !out->protocol)) return 400;
    return 0;
}

/* "HTTP/1.1 101 ..." */
static int take_status(struct tpi_request *out, tp_str line) {
    static const char begin[] = "HTTP/1.1 101";
    size_t size = sizeof begin - 1;
    (void)out;
    if (line.size < size || memcmp(line.data, begin, size) != 0) return 400;
    return line.size == size || line.data[size] == ' ' ? 0 : 400;
}

/* The lines of a head, of which `first` takes the first. */
static int take_lines(struct fields *fields, const char *head, size_t size,
                      int (*first)(struct tpi_request *out, tp_str line)) {
    unsigned number = 0;
    for (const char *end; size > 2; number++) {
        if (number > TPI_REQUEST_LINES) return 431;
        end = memmem(head, size, "\r\n", 2);
        if (end == NULL) return 400;
        tp_str line = {head, (size_t)(end - head)};
        if (number == 0) {
            int status = first(fields->request, line);
            if (status != 0) return status;
        } else if (!take_line(fields, line)) {
            return 400;
        }
        size -= line.size + 2;
        head = end + 2;
    }
    return number == 0 ? 400 : 0;
}

int tpi_request_parse(const char *head, size_t size, struct tpi_request *out) {
    struct fields fields = {.request = out};
    memset(out, 0, sizeof *out);
    int status = take_lines(&fields, head, size, take_first);
    return status != 0 ? status : conclude(&fields);
}

bool tpi_request_agreed(const char *head, size_t size, tp_str accept) {
    struct tpi_request unused = {0};
    struct fields fields = {.request = &unused};
    if (take_lines(&fields, head, size, take_status) != 0) return false;
    if (!fields.websocket || !fields.connection || fields.extended || unused.protocols)
        return false;
    return fields.accept.data != NULL && tp_str_equal(fields.accept, accept);
}

bool tpi_request_same_origin(const struct tpi_request *request) {
    tp_str origin = request->origin;
    if (origin.data == NULL) return false;
    size_t scheme = origin.size < request->host.size ? 0 : origin.size - request->host.size;
    tp_str before = {origin.data, scheme}, rest = {origin.data + scheme, origin.size - scheme};
    if (!tp_str_equal(before, TP_STR("http://")) && !tp_str_equal(before, TP_STR("https://")))
        return false;
    return tpi_request_same(rest, request->host);
}
