/* Texts, names and the version. */
#include <string.h>

#include <troupe/base.h>

#include "tests/support/test.h"

TP_TEST(err, every_error_has_a_name_and_a_sentence) {
    for (int i = 0; i < TP_ERR_COUNT; i++) {
        TP_ASSERT(strncmp(tp_err_name((tp_err)i), "TP_", 3) == 0);
        TP_ASSERT(strlen(tp_strerror((tp_err)i)) > 0);
    }
    TP_ASSERT_EQ_STR(tp_err_name(TP_EFULL), "TP_EFULL");
    TP_ASSERT_EQ_STR(tp_strerror(TP_OK), "success");
}

TP_TEST(err, an_unknown_number_is_named_too) {
    TP_ASSERT_EQ_STR(tp_strerror((tp_err)9999), "unknown error");
    TP_ASSERT_EQ_STR(tp_err_name((tp_err)9999), "TP_UNKNOWN");
}

TP_TEST(err, version_is_three_numbers) {
    TP_ASSERT_EQ_STR(tp_version(), "0.1.0");
}
