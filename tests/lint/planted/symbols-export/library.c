/* A library that exports what it should not, and lacks what is listed. */
int stray_helper(void) {
    return 1;
}
int tp_unlisted(void) {
    return 2;
}
int tpi_internal(void) {
    return 3;
}
