/* Atomics that explain nothing. */

static void push(_Atomic(int) *at) {
    int one = 1;
    int two = 2;
    int three = 3;
    atomic_store_explicit(at, one + two + three, memory_order_release);
    atomic_fetch_add(at, 1);
    atomic_thread_fence(memory_order_seq_cst);
    __atomic_load_n(at, 0);
}
