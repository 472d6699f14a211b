/*
 * The same message types declared again, in another translation unit: see other_file.c.
 */
#ifndef TESTS_MESSAGE_OTHER_FILE_H
#define TESTS_MESSAGE_OTHER_FILE_H

#include <troupe/message.h>

const tp_message_type *other_file_shared(void);
const tp_message_type *other_file_same_struct(void);

#endif
