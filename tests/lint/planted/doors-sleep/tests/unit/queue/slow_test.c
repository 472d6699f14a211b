/* A test that sleeps. */
TP_TEST(slow, sleeps) {
    usleep(1000);
}
