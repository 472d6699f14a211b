/* A room that relies on much and says little of it. */
void f0(void) {
    TPI_ASSERT(1);
}
void f1(void) {
    g();
}
void f2(void) {
    g();
}
void f3(void) {
    g();
}
void f4(void) {
    g();
}
void f5(void) {
    g();
}
void f6(void) {
    g();
}
void f7(void) {
    g();
}
void f8(void) {
    g();
}
void f9(void) {
    g();
}
void f10(void) {
    g();
}
void f11(void) {
    g();
}
void f12(void) {
    g();
}
void f13(void) {
    g();
}
void f14(void) {
    g();
}
void f15(void) {
    g();
}
void f16(void) {
    g();
}
void f17(void) {
    g();
}
void f18(void) {
    g();
}
void f19(void) {
    g();
}
void f20(void) {
    g();
}
void f21(void) {
    g();
}
void f22(void) {
    g();
}
void f23(void) {
    g();
}
void f24(void) {
    g();
}
