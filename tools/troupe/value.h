/*
 * Messages out of words: FIELD=VALUE by the fields of a type, or VALUE as it looks.
 */
#ifndef TROUPE_CLI_VALUE_H
#define TROUPE_CLI_VALUE_H

#include <troupe/inspect.h>

#define VALUE_SIZE_MAX 65536u /* of an encoded message */
#define VALUE_WHY_SIZE 200

/* A message's fields, encoded. */
struct value_message {
    uint8_t bytes[VALUE_SIZE_MAX];
    size_t size;
    uint32_t count;
};

/* The fields of a type, and those of the types within it (tp_inspect_detail). */
struct value_shape {
    const tp_inspect_field *fields;
    size_t field_count;
    const tp_inspect_type *nested;
    size_t nested_count;
    const tp_inspect_field *nested_fields;
    size_t nested_field_count;
    uint64_t home; /* the node of pids that name none */
};

/*
 * Encodes by the fields of a type, in their order; those that are not given are zero, behind the
 * last that is given they are left out. The words are FIELD=VALUE each, or one JSON object.
 * False: `why` says what is wrong.
 */
bool value_by_fields(const struct value_shape *shape, char **words, int count,
                     struct value_message *out, char why[VALUE_WHY_SIZE]);
/* Encodes words as what they look like: true, false, nil, numbers, <pids>, JSON that begins with
 * {, [ or ", else text. */
bool value_by_looks(char **words, int count, uint64_t home, struct value_message *out,
                    char why[VALUE_WHY_SIZE]);

/* The fields, maybe none, of the type of that name, of types whose fields stand one after the
 * other. False: there is no such type, or the list of fields is too short. */
bool value_find_type(const tp_inspect_type *types, size_t type_count,
                     const tp_inspect_field *fields, size_t field_count, tp_str name,
                     const tp_inspect_field **out, size_t *count);

/* ---- parts ---- */

/* Writes a word as a value of a plain kind; false: it is none. */
bool value_write_word(tp_writer *out, tp_str kind, const char *word, uint64_t home);
/* Writes what a field has that was not given. */
void value_write_zero(tp_writer *out, const tp_inspect_field *field);
/* Writes a JSON text as the value of a field. False: `why`. */
bool value_json_field(tp_writer *out, const struct value_shape *shape,
                      const tp_inspect_field *field, const char *text, char why[VALUE_WHY_SIZE]);
/* Writes a JSON object as a message's fields; their number goes to `count`. False: `why`. */
bool value_json_message(tp_writer *out, const struct value_shape *shape, const char *text,
                        uint32_t *count, char why[VALUE_WHY_SIZE]);
/* Writes a JSON text as it looks. False: `why`. */
bool value_json_any(tp_writer *out, const char *text, char why[VALUE_WHY_SIZE]);

#endif
