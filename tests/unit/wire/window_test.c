/* The credit window, on both sides. */
#include "transport/wire/window.h"

#include "tests/support/test.h"

TP_TEST(wire_window, the_sender_stops_at_the_limit_and_goes_on_with_credit) {
    struct tpi_window_out out = {.limit = 100};
    TP_ASSERT(tpi_window_send(&out, 60));
    TP_ASSERT(!tpi_window_send(&out, 41));
    TP_ASSERT(tpi_window_send(&out, 40));
    TP_ASSERT_EQ_INT(tpi_window_room(&out), 0);
    TP_ASSERT_EQ_INT(tpi_window_credit(&out, 60), TPI_WIRE_OK);
    TP_ASSERT_EQ_INT(tpi_window_room(&out), 60);
}

TP_TEST(wire_window, credit_never_goes_back) {
    struct tpi_window_out out = {.limit = 100, .sent = 80, .routed = 50};
    TP_ASSERT_EQ_INT(tpi_window_credit(&out, 49), TPI_WIRE_CREDIT);
    TP_ASSERT_EQ_INT(tpi_window_credit(&out, 50), TPI_WIRE_OK);
}

TP_TEST(wire_window, credit_for_what_was_not_sent_is_refused) {
    struct tpi_window_out out = {.limit = 100, .sent = 80};
    TP_ASSERT_EQ_INT(tpi_window_credit(&out, 81), TPI_WIRE_CREDIT);
    TP_ASSERT_EQ_INT(tpi_window_credit(&out, UINT64_MAX), TPI_WIRE_CREDIT);
}

TP_TEST(wire_window, a_sender_without_credit_is_noticed) {
    struct tpi_window_in in = {.limit = 100};
    TP_ASSERT_EQ_INT(tpi_window_receive(&in, 100), TPI_WIRE_OK);
    TP_ASSERT_EQ_INT(tpi_window_receive(&in, 1), TPI_WIRE_WINDOW);
}

TP_TEST(wire_window, credit_is_due_at_half_of_the_window) {
    struct tpi_window_in in = {.limit = 100};
    TP_ASSERT_EQ_INT(tpi_window_receive(&in, 90), TPI_WIRE_OK);
    TP_ASSERT(!tpi_window_route(&in, 49));
    TP_ASSERT(tpi_window_route(&in, 1));
    in.told = in.routed;
    TP_ASSERT(!tpi_window_route(&in, 40));
    TP_ASSERT_EQ_INT(tpi_window_receive(&in, 60), TPI_WIRE_OK);
}

TP_TEST(wire_window, whole_signals_have_half_of_it_and_one_frame) {
    enum { LIMIT = 1000, FRAME = 100 };
    struct tpi_window_out out = {.limit = LIMIT};
    uint64_t kept = tpi_window_kept(&out, FRAME);
    TP_ASSERT_EQ_INT(LIMIT - kept, LIMIT / 2 + FRAME);
    /* the receiver need not tell of less than half: whatever has not been told, a frame may go */
    out.sent = LIMIT / 2 - 1;
    TP_ASSERT(tpi_window_room(&out) - kept >= FRAME);
}

TP_TEST(wire_window, a_small_one_keeps_nothing) {
    struct tpi_window_out out = {.limit = 150};
    TP_ASSERT_EQ_INT(tpi_window_kept(&out, 100), 0);
}
