/* The growing buffer. */
#include "core/base/buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/runtime.h>

#include "tests/support/test.h"

struct purse {
    int allowed;
    size_t held;
};

static void *purse_alloc(void *context, size_t size) {
    struct purse *purse = context;
    if (purse->allowed-- <= 0) return NULL;
    purse->held += size;
    return malloc(size);
}

static void purse_free(void *context, void *pointer, size_t size) {
    struct purse *purse = context;
    purse->held -= size;
    free(pointer);
}

TP_TEST(buf, takes_no_memory_before_the_first_append) {
    struct tpi_buf buf;
    tpi_buf_init(&buf, NULL);
    TP_ASSERT(buf.data == NULL);
    TP_ASSERT_EQ_INT(tpi_buf_append(&buf, NULL, 0), TP_OK);
    tpi_buf_fini(&buf);
}

TP_TEST(buf, appends_bytes_strings_and_formats) {
    struct tpi_buf buf;
    tpi_buf_init(&buf, NULL);
    TP_ASSERT_EQ_INT(tpi_buf_append(&buf, "ab", 2), TP_OK);
    TP_ASSERT_EQ_INT(tpi_buf_string(&buf, "cd"), TP_OK);
    TP_ASSERT_EQ_INT(tpi_buf_printf(&buf, "%d-%s", 42, "x"), TP_OK);
    TP_ASSERT_EQ_STR(tpi_buf_text(&buf), "abcd42-x");
    TP_ASSERT_EQ_INT(buf.size, 8);
    tpi_buf_clear(&buf);
    TP_ASSERT_EQ_STR(tpi_buf_text(&buf), "");
    tpi_buf_fini(&buf);
}

TP_TEST(buf, keeps_its_contents_while_it_grows) {
    struct tpi_buf buf;
    tpi_buf_init(&buf, NULL);
    for (int i = 0; i < 5000; i++) TP_ASSERT_EQ_INT(tpi_buf_printf(&buf, "%04d,", i), TP_OK);
    TP_ASSERT_EQ_INT(buf.size, 25000);
    TP_ASSERT(memcmp(buf.data + 4321 * 5, "4321,", 5) == 0);
    tpi_buf_fini(&buf);
}

TP_TEST(buf, remembers_a_failure_and_appends_nothing_after_it) {
    struct purse purse = {1, 0};
    tp_allocator allocator = {purse_alloc, purse_free, &purse};
    struct tpi_buf buf;
    tpi_buf_init(&buf, &allocator);
    TP_ASSERT_EQ_INT(tpi_buf_string(&buf, "kept"), TP_OK);
    char big[300];
    memset(big, 'x', sizeof(big));
    TP_ASSERT_EQ_INT(tpi_buf_append(&buf, big, sizeof(big)), TP_ENOMEM);
    TP_ASSERT_EQ_INT(tpi_buf_string(&buf, "y"), TP_ENOMEM);
    TP_ASSERT(buf.failed);
    TP_ASSERT_EQ_INT(buf.size, 4);
    TP_ASSERT_EQ_INT(tpi_buf_reserve(&buf, SIZE_MAX), TP_ENOMEM);
    tpi_buf_fini(&buf);
    TP_ASSERT_EQ_INT(purse.held, 0);
}
