/* The seeded generator. */
#include "core/base/rng.h"

#include "tests/support/test.h"

TP_TEST(rng, equal_seeds_give_equal_numbers) {
    struct tpi_rng a;
    struct tpi_rng b;
    tpi_rng_seed(&a, 42);
    tpi_rng_seed(&b, 42);
    for (int i = 0; i < 1000; i++) TP_ASSERT(tpi_rng_next(&a) == tpi_rng_next(&b));
    tpi_rng_seed(&b, 43);
    TP_ASSERT(tpi_rng_next(&a) != tpi_rng_next(&b));
}

TP_TEST(rng, gives_the_published_sequence) {
    /* xoshiro256** from the state 1, 2, 3, 4: the reference implementation's first numbers. */
    struct tpi_rng rng = {{1, 2, 3, 4}};
    TP_ASSERT(tpi_rng_next(&rng) == 11520);
    TP_ASSERT(tpi_rng_next(&rng) == 0);
    TP_ASSERT(tpi_rng_next(&rng) == 1509978240);
    TP_ASSERT(tpi_rng_next(&rng) == UINT64_C(1215971899390074240));
}

TP_TEST(rng, below_stays_below_and_reaches_everything) {
    struct tpi_rng rng;
    tpi_rng_seed(&rng, 0);
    unsigned seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = tpi_rng_below(&rng, 7);
        TP_ASSERT(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++) TP_ASSERT(seen[i] > 9500 && seen[i] < 10500);
    TP_ASSERT(tpi_rng_below(&rng, 1) == 0);
    TP_ASSERT(tpi_rng_below(&rng, 0) == 0);
}

TP_TEST(rng, below_is_fair_for_bounds_that_do_not_divide) {
    struct tpi_rng rng;
    tpi_rng_seed(&rng, 9);
    uint64_t bound =
        (UINT64_C(3) << 62) - 1; /* without refusal, a third would come twice as often */
    unsigned low = 0;
    for (int i = 0; i < 30000; i++) low += tpi_rng_below(&rng, bound) < bound / 3;
    TP_ASSERT(low > 9600 && low < 10400);
}
