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

/*
 * Encodes by the fields of a type, in their order; those that are not given are zero, behind the
 * last that is given they are left out. False: `why` says what is wrong.
 */
bool value_by_fields(const tp_inspect_field *fields, size_t field_count, char **words, int count,
                     uint64_t home, struct value_message *out, char why[VALUE_WHY_SIZE]);
/* Encodes words as what they look like: true, false, nil, numbers, <pids>, else text. */
bool value_by_looks(char **words, int count, uint64_t home, struct value_message *out,
                    char why[VALUE_WHY_SIZE]);

#endif
