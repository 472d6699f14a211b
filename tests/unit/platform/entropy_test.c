/* Random bytes. */
#include "core/platform/platform.h"

#include <string.h>

#include "tests/support/test.h"

TP_TEST(entropy, fills_all_and_differs) {
    unsigned char a[1000] = {0};
    unsigned char b[1000] = {0};
    TP_ASSERT_EQ_INT(tpi_entropy(a, sizeof(a)), TP_OK);
    TP_ASSERT_EQ_INT(tpi_entropy(b, sizeof(b)), TP_OK);
    TP_ASSERT(memcmp(a, b, sizeof(a)) != 0);
    TP_ASSERT(memcmp(a + 936, (unsigned char[64]){0}, 64) != 0);
    TP_ASSERT_EQ_INT(tpi_entropy(NULL, 0), TP_OK);
}
