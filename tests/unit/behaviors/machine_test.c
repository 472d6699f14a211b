/*
 * The order of a machine's events. Every expectation here was compared with what gen_statem of
 * OTP 25 does with the same script.
 */
#include "tests/unit/behaviors/machine_scene.h"

/* ---- postponing ---- */

TP_TEST(machine, postponed_events_come_again_after_a_change_of_state_before_newer_ones) {
    play(SCENE({"p1", "post", ""}, {"p2", "post", ""}, {"go", ">s2", NULL}), "p1 p2 go ext",
         "s1\\s1 p1@s1 p2@s1 go@s1 s2\\s1 p1@s2 p2@s2 ext@s2 ");
}
TP_TEST(machine, to_the_same_state_is_no_change_and_retries_nothing) {
    play(SCENE({"p1", "post", ""}, {"go", ">s1", NULL}), "p1 go ext", "s1\\s1 p1@s1 go@s1 ext@s1 ");
}
TP_TEST(machine, an_event_postponed_again_waits_for_the_next_change) {
    play(SCENE({"p1", "post", NULL}, {"a", ">s2", NULL}, {"b", ">s3", NULL}), "p1 a x b",
         "s1\\s1 p1@s1 a@s1 s2\\s1 p1@s2 x@s2 b@s2 s3\\s2 p1@s3 ");
}
TP_TEST(machine, an_event_may_postpone_itself_and_change_the_state) {
    play(SCENE({"p1", "post >s2", ""}), "p1 x", "s1\\s1 p1@s1 s2\\s1 p1@s2 x@s2 ");
}
TP_TEST(machine, one_that_is_retried_and_changes_the_state_again_stays_before_the_others) {
    play(SCENE({"p1", "post", "post >s3"}, {"p2", "post", ""}, {"go", ">s2", NULL}), "p1 p2 go ext",
         "s1\\s1 p1@s1 p2@s1 go@s1 s2\\s1 p1@s2 s3\\s2 p1@s3 p2@s3 ext@s3 ");
}
TP_TEST(machine, the_retried_that_stay_postponed_keep_their_order_across_changes) {
    play(SCENE({"p1", "post", NULL}, {"p2", "post", "post >s3"}, {"p3", "post", NULL},
               {"go", ">s2", NULL}, {"end", ">s1", NULL}),
         "p1 p2 p3 go x end",
         "s1\\s1 p1@s1 p2@s1 p3@s1 go@s1 s2\\s1 p1@s2 p2@s2 s3\\s2 p1@s3 p2@s3 p3@s3 x@s3 end@s3 "
         "s1\\s3 p1@s1 p2@s1 s3\\s1 p1@s3 p2@s3 p3@s3 ");
}
TP_TEST(machine, inserted_events_can_be_postponed) {
    play(SCENE({"x", "+i1 +i2", NULL}, {"i1", "post", ""}, {"p1", "post", ""},
               {"y", ">s2 +n", NULL}),
         "x p1 y ext", "s1\\s1 x@s1 i1@s1 i2@s1 p1@s1 y@s1 s2\\s1 n@s2 i1@s2 p1@s2 ext@s2 ");
}
TP_TEST(machine, a_timeouts_event_can_be_postponed) {
    play(SCENE({"x", "s0:st", NULL}, {"st", "post", ""}, {"y", ">s2", NULL}), "x y ext",
         "s1\\s1 x@s1 st@s1 y@s1 s2\\s1 st@s2 ext@s2 ");
}

/* ---- inserted events ---- */

TP_TEST(machine, inserted_events_come_in_order_before_queued_ones) {
    play(SCENE({"x", "+a +b", NULL}), "x ext", "s1\\s1 x@s1 a@s1 b@s1 ext@s1 ");
}
TP_TEST(machine, an_inserted_event_inserts_before_those_inserted_earlier) {
    play(SCENE({"x", "+a +b", NULL}, {"a", "+c", NULL}), "x ext",
         "s1\\s1 x@s1 a@s1 c@s1 b@s1 ext@s1 ");
}
TP_TEST(machine, the_postponed_come_after_the_newly_inserted_and_before_the_rest_of_the_queue) {
    play(SCENE({"p1", "post", ""}, {"x", "+a +b", NULL}, {"a", ">s2 +c", NULL}), "p1 x ext",
         "s1\\s1 p1@s1 x@s1 a@s1 s2\\s1 c@s2 p1@s2 b@s2 ext@s2 ");
}
TP_TEST(machine, inserted_events_see_the_new_state) {
    play(SCENE({"x", ">s2 +a", NULL}), "x", "s1\\s1 x@s1 s2\\s1 a@s2 ");
}
TP_TEST(machine, init_may_insert_events_and_start_timeouts) {
    struct scene with = SCENE({"a", "", NULL});
    with.init = "+a s20:st >s2";
    play(with, "ext", "s2\\s2 a@s2 ext@s2 st@s2 ");
}
TP_TEST(machine, a_long_chain_of_inserted_events_lets_a_kill_through) {
    tp_sim *sim = open_scene(SCENE({"x", "+x", NULL}));
    tp_pid actor = send_all(sim, "x");
    tp_sim_monitor(sim, actor);
    for (int i = 0; i < 20; i++) (void)tp_sim_step(sim);
    TP_ASSERT_EQ_INT(tp_sim_send(sim, actor, ev, .name = TP_STR("late")), TP_OK);
    tp_sim_free(sim); /* ends it: it would insert for ever */
}

/* ---- the state timeout ---- */

TP_TEST(machine, a_state_timeout_fires_in_its_state) {
    play(SCENE({"x", "s20:st", NULL}), "x y", "s1\\s1 x@s1 y@s1 st@s1 ");
}
TP_TEST(machine, a_change_of_state_cancels_the_state_timeout) {
    play(SCENE({"x", "s20:st", NULL}, {"y", ">s2", NULL}), "x y", "s1\\s1 x@s1 y@s1 s2\\s1 ");
}
TP_TEST(machine, a_state_timeout_set_with_the_change_belongs_to_the_new_state) {
    play(SCENE({"x", "s20:st >s2", NULL}, {"y", ">s2", NULL}), "x y",
         "s1\\s1 x@s1 s2\\s1 y@s2 st@s2 ");
}
TP_TEST(machine, repeating_the_state_cancels_no_state_timeout) {
    play(SCENE({"x", "s20:st rep", NULL}, {"y", "rep", NULL}), "x y",
         "s1\\s1 x@s1 s1\\s1 y@s1 s1\\s1 st@s1 ");
}
TP_TEST(machine, a_state_timeout_that_is_set_again_is_replaced) {
    play(SCENE({"x", "s20:a s10:b", NULL}), "x", "s1\\s1 x@s1 b@s1 ");
}
TP_TEST(machine, forever_and_cancel_end_a_timeout) {
    play(SCENE({"x", "s20:a n20:b", NULL}, {"y", "sF:a n-", NULL}), "x y", "s1\\s1 x@s1 y@s1 ");
}
TP_TEST(machine, an_update_changes_the_content_and_not_the_time) {
    tp_sim *sim = open_scene(SCENE({"x", "s30:a", NULL}, {"y", "s*:b", NULL}));
    (void)send_all(sim, "x y");
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(29)), TP_OK);
    TP_ASSERT_EQ_STR(story, "s1\\s1 x@s1 y@s1 ");
    TP_ASSERT_EQ_INT(tp_sim_advance(sim, TP_MS(2)), TP_OK);
    TP_ASSERT_EQ_STR(story, "s1\\s1 x@s1 y@s1 b@s1 ");
    tp_sim_free(sim);
}
TP_TEST(machine, an_update_of_what_does_not_run_comes_at_once) {
    play(SCENE({"x", "n*:b", NULL}), "x ext", "s1\\s1 x@s1 b@s1 ext@s1 ");
}

/* ---- the event timeout ---- */

TP_TEST(machine, an_event_timeout_fires_when_nothing_comes) {
    play(SCENE({"x", "e20:t", NULL}), "x", "s1\\s1 x@s1 t@s1 ");
}
TP_TEST(machine, any_message_cancels_the_event_timeout) {
    play(SCENE({"x", "e20:t", NULL}), "x y", "s1\\s1 x@s1 y@s1 ");
}
TP_TEST(machine, another_timeout_cancels_the_event_timeout) {
    play(SCENE({"x", "e40:t n10:n", NULL}), "x", "s1\\s1 x@s1 n@s1 ");
}
TP_TEST(machine, an_inserted_event_cancels_the_event_timeout) {
    play(SCENE({"x", "e20:t +a", NULL}), "x", "s1\\s1 x@s1 a@s1 ");
}
TP_TEST(machine, a_retried_event_cancels_the_event_timeout_even_of_zero) {
    play(SCENE({"p1", "post", ""}, {"x", ">s2 e0:t", NULL}), "p1 x ext",
         "s1\\s1 p1@s1 x@s1 s2\\s1 p1@s2 ext@s2 ");
}
TP_TEST(machine, a_cancelled_timer_whose_tick_is_on_its_way_is_no_event) {
    /* both fire at the same time; the handler of the first cancels the second, whose tick waits */
    play(SCENE({"x", "n20:n s20:s e30:e", NULL}, {"n", "s- e30:e2", NULL}), "x",
         "s1\\s1 x@s1 n@s1 e2@s1 ");
}

/* ---- named timeouts ---- */

TP_TEST(machine, named_timeouts_survive_changes_of_state) {
    play(SCENE({"x", "n20:n m10:m >s2", NULL}, {"y", ">s3", NULL}), "x y",
         "s1\\s1 x@s1 s2\\s1 y@s2 s3\\s2 m@s3 n@s3 ");
}
TP_TEST(machine, a_named_timeout_that_is_set_again_is_replaced) {
    play(SCENE({"x", "n40:n40 n10:n10", NULL}), "x ext", "s1\\s1 x@s1 ext@s1 n10@s1 ");
}
TP_TEST(machine, of_two_wishes_for_one_timeout_in_a_handler_the_last_counts) {
    play(SCENE({"x", "n70:a n*:b", NULL}), "x ext", "s1\\s1 x@s1 b@s1 ext@s1 ");
}
TP_TEST(machine, timeouts_start_when_the_handler_returns_and_never_fire_early) {
    tp_sim *sim = open_scene(SCENE({"x", "n20:n", NULL}));
    (void)send_all(sim, "x");
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT(tp_sim_now(sim) >= TP_MS(20) && tp_sim_now(sim) < TP_MS(21));
    tp_sim_free(sim);
}

/* ---- timeouts of zero ---- */

TP_TEST(machine, timeouts_of_zero_come_in_order_before_messages_that_wait) {
    play(SCENE({"x", "e0:e s0:s n0:n", NULL}), "x ext", "s1\\s1 x@s1 e@s1 s@s1 n@s1 ext@s1 ");
}
TP_TEST(machine, an_event_timeout_of_zero_is_cancelled_by_another_of_zero) {
    play(SCENE({"x", "s0:s e0:e n0:n", NULL}), "x ext", "s1\\s1 x@s1 s@s1 n@s1 ext@s1 ");
}
TP_TEST(machine, timeouts_of_zero_come_after_inserted_events) {
    play(SCENE({"x", "e0:e s0:s n0:n +i", NULL}), "x ext", "s1\\s1 x@s1 i@s1 s@s1 n@s1 ext@s1 ");
}
TP_TEST(machine, timeouts_of_zero_come_after_retried_events) {
    play(SCENE({"p1", "post", ""}, {"x", ">s2 s0:s", NULL}), "p1 x ext",
         "s1\\s1 p1@s1 x@s1 s2\\s1 p1@s2 s@s2 ext@s2 ");
}
TP_TEST(machine, a_change_of_state_cancels_a_state_timeout_of_zero) {
    play(SCENE({"x", "s0:s +i", NULL}, {"i", ">s2", NULL}), "x ext",
         "s1\\s1 x@s1 i@s1 s2\\s1 ext@s2 ");
}
TP_TEST(machine, a_timeout_of_zero_set_again_goes_to_the_end) {
    play(SCENE({"x", "s0:a n0:n s0:b", NULL}), "x ext", "s1\\s1 x@s1 n@s1 b@s1 ext@s1 ");
}
TP_TEST(machine, a_timeout_of_zero_set_by_another_comes_last) {
    play(SCENE({"x", "s0:s n0:n", NULL}, {"s", "m0:m", NULL}), "x ext",
         "s1\\s1 x@s1 s@s1 n@s1 m@s1 ext@s1 ");
}
TP_TEST(machine, an_update_of_a_timeout_of_zero_keeps_its_place) {
    play(SCENE({"x", "s0:s n0:n +i", NULL}, {"i", "s*:t", NULL}), "x ext",
         "s1\\s1 x@s1 i@s1 t@s1 n@s1 ext@s1 ");
}

/* ---- entering ---- */

TP_TEST(machine, enter_runs_at_the_start_and_on_every_change) {
    play(SCENE({"x", ">s2", NULL}, {"y", ">s1", NULL}), "x y", "s1\\s1 x@s1 s2\\s1 y@s2 s1\\s2 ");
}
TP_TEST(machine, repeat_runs_enter_and_retries_nothing) {
    play(SCENE({"p1", "post", ""}, {"r", "rep", NULL}), "p1 r ext",
         "s1\\s1 p1@s1 r@s1 s1\\s1 ext@s1 ");
}
TP_TEST(machine, repeat_with_postpone_keeps_the_event_for_the_next_change) {
    play(SCENE({"p1", "rep post", ""}, {"y", ">s2", NULL}), "p1 y ext",
         "s1\\s1 p1@s1 s1\\s1 y@s1 s2\\s1 p1@s2 ext@s2 ");
}
TP_TEST(machine, entering_may_set_timeouts_after_those_of_the_handler) {
    struct scene with = SCENE({"x", ">s2 s30:a", NULL});
    with.on_enter = "s10:b";
    play(with, "x", "s1\\s1 x@s1 s2\\s1 b@s2 ");
}
static void fails_on_entering(const char *act) {
    tp_sim *sim = open_scene(SCENE({"x", "", NULL}));
    tp_down down;
    scene.on_enter = act;
    tp_sim_monitor(sim, send_all(sim, "x"));
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, tp_pid_null(), &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_FAILED);
    TP_ASSERT_EQ_STR(story, "s1\\s1 ");
    tp_sim_free(sim);
}
TP_TEST(machine, entering_may_not_change_the_state) {
    fails_on_entering(">s2");
}
TP_TEST(machine, entering_may_not_postpone) {
    fails_on_entering("post");
}
TP_TEST(machine, entering_may_not_insert_events) {
    fails_on_entering("+a");
}
TP_TEST(machine, init_may_not_postpone) {
    tp_sim *sim = open_scene(SCENE({"x", "", NULL}));
    tp_down down;
    scene.init = "post";
    tp_sim_monitor(sim, send_all(sim, "x"));
    TP_ASSERT_EQ_INT(tp_sim_run(sim), TP_OK);
    TP_ASSERT_EQ_INT(tp_sim_expect(sim, tp_pid_null(), &down, tp_down), TP_OK);
    TP_ASSERT_EQ_INT(down.code, TP_EXIT_FAILED);
    tp_sim_free(sim);
}
