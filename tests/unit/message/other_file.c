/* Declares types that name_test.c declares too. */
#include "tests/unit/message/other_file.h"

/* Another field, the same name on the wire: the same type, evolved. */
TP_MESSAGE_AS(shared, "test.shared", TP_FIELD(u32, number), TP_FIELD(str, added))
/* The same struct, another name: another type. */
TP_MESSAGE_AS(same_struct, "test.other", TP_FIELD(u32, number))

const tp_message_type *other_file_shared(void) {
    return &shared_message;
}

const tp_message_type *other_file_same_struct(void) {
    return &same_struct_message;
}
