/*
 * The checkers: a recursive-descent JSON reader and an XML tag matcher.
 */
#include "tests/bank/check.h"

#include <string.h>

size_t check_count(const char *text, const char *piece) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, piece)) != NULL; at += strlen(piece)) count++;
    return count;
}

/* ---- JSON ---- */

struct json {
    const char *at;
    const char *end;
    int depth;
};

static bool value(struct json *json);

static void space(struct json *json) {
    while (json->at < json->end && strchr(" \t\r\n", *json->at) != NULL && *json->at != '\0') {
        json->at++;
    }
}

static bool take(struct json *json, char c) {
    if (json->at >= json->end || *json->at != c) return false;
    json->at++;
    return true;
}

static bool hex4(struct json *json) {
    for (int i = 0; i < 4; i++, json->at++) {
        if (json->at >= json->end || *json->at == '\0') return false;
        if (strchr("0123456789abcdefABCDEF", *json->at) == NULL) return false;
    }
    return true;
}

static bool string(struct json *json) {
    if (!take(json, '"')) return false;
    while (json->at < json->end && *json->at != '"') {
        if ((unsigned char)*json->at < 0x20) return false;
        if (*json->at++ != '\\') continue;
        if (json->at >= json->end || *json->at == '\0') return false;
        char c = *json->at++;
        if (strchr("\"\\/bfnrtu", c) == NULL) return false;
        if (c == 'u' && !hex4(json)) return false;
    }
    return take(json, '"');
}

static size_t digits(struct json *json) {
    size_t count = 0;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') {
        json->at++;
        count++;
    }
    return count;
}

static bool number(struct json *json) {
    take(json, '-');
    const char *start = json->at;
    size_t whole = digits(json);
    if (whole == 0 || (whole > 1 && *start == '0')) return false;
    return !take(json, '.') || digits(json) > 0;
}

static bool word(struct json *json, const char *text) {
    size_t size = strlen(text);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, text, size) != 0) return false;
    json->at += size;
    return true;
}

static bool members(struct json *json, char close, bool keys) {
    space(json);
    if (take(json, close)) return true;
    do {
        space(json);
        if (keys && !string(json)) return false;
        space(json);
        if (keys && !take(json, ':')) return false;
        if (!value(json)) return false;
        space(json);
    } while (take(json, ','));
    return take(json, close);
}

static bool value(struct json *json) {
    space(json);
    if (json->at >= json->end || ++json->depth > 64) return false;
    bool good = *json->at == '"'   ? string(json)
                : take(json, '{')  ? members(json, '}', true)
                : take(json, '[')  ? members(json, ']', false)
                : *json->at == 't' ? word(json, "true")
                : *json->at == 'f' ? word(json, "false")
                : *json->at == 'n' ? word(json, "null")
                                   : number(json);
    json->depth--;
    return good;
}

bool check_json(const char *text, size_t size) {
    struct json json = {text, text + size, 0};
    if (!value(&json)) return false;
    space(&json);
    return json.at == json.end;
}

/* ---- XML ---- */

#define DEPTH_MAX 32
#define ATTRIBUTES_MAX 16

struct name {
    const char *at;
    size_t size;
};

struct xml {
    const char *at;
    const char *end;
    struct name open[DEPTH_MAX];
    size_t depth;
    size_t roots;
};

static bool name_equal(struct name a, struct name b) {
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

static struct name name_read(struct xml *xml) {
    struct name name = {xml->at, 0};
    while (xml->at < xml->end && *xml->at != '\0' && strchr(" \n=/><\"", *xml->at) == NULL)
        xml->at++;
    name.size = (size_t)(xml->at - name.at);
    return name;
}

static bool starts(const struct xml *xml, const char *text) {
    size_t size = strlen(text);
    return (size_t)(xml->end - xml->at) >= size && memcmp(xml->at, text, size) == 0;
}

static bool entity(struct xml *xml) {
    static const char *const known[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!starts(xml, known[i])) continue;
        xml->at += strlen(known[i]);
        return true;
    }
    return false;
}

/* Characters up to one of two; no raw '<' or '&' in between. */
static bool text_read(struct xml *xml, char stop) {
    while (xml->at < xml->end && *xml->at != stop) {
        unsigned char c = (unsigned char)*xml->at;
        if (c == '<' || (c < 0x20 && c != '\n')) return false;
        if (c == '&' && !entity(xml)) return false;
        if (c != '&') xml->at++;
    }
    return true;
}

/* ` name="value"`, any number of times; no name twice. */
static bool attributes_read(struct xml *xml) {
    struct name seen[ATTRIBUTES_MAX];
    size_t count = 0;
    while (xml->at < xml->end && (*xml->at == ' ' || *xml->at == '\n')) {
        xml->at++;
        struct name name = name_read(xml);
        if (name.size == 0 || count == ATTRIBUTES_MAX || !starts(xml, "=\"")) return false;
        for (size_t i = 0; i < count; i++) {
            if (name_equal(seen[i], name)) return false;
        }
        seen[count++] = name;
        xml->at += 2;
        if (!text_read(xml, '"') || xml->at >= xml->end) return false;
        xml->at++;
    }
    return true;
}

static bool tag_read(struct xml *xml) {
    xml->at++;
    bool closing = xml->at < xml->end && *xml->at == '/';
    if (closing) xml->at++;
    struct name name = name_read(xml);
    if (name.size == 0) return false;
    if (closing) {
        if (xml->depth == 0 || !name_equal(xml->open[--xml->depth], name)) return false;
        return xml->at < xml->end && *xml->at++ == '>';
    }
    if (xml->depth == 0 && ++xml->roots > 1) return false;
    if (!attributes_read(xml)) return false;
    if (starts(xml, "/>")) {
        xml->at += 2;
        return true;
    }
    if (xml->at >= xml->end || *xml->at++ != '>' || xml->depth == DEPTH_MAX) return false;
    xml->open[xml->depth++] = name;
    return true;
}

bool check_xml(const char *text, size_t size) {
    struct xml xml = {.at = text, .end = text + size};
    if (starts(&xml, "<!DOCTYPE html>")) xml.at += strlen("<!DOCTYPE html>");
    while (xml.at < xml.end) {
        if (*xml.at == '<' && !tag_read(&xml)) return false;
        if (!text_read(&xml, '<')) return false;
    }
    return xml.depth == 0 && xml.roots == 1;
}
