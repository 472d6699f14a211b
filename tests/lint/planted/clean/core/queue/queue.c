/* A source without a fault: the lints must accept it. */
#include "core/base/atomic.h"

#include <stddef.h>

static int head(_Atomic(int) *at) {
    /* Acquire pairs with the release in push; weaker, the reader sees a node half written. */
    return atomic_load_explicit(at, memory_order_acquire);
}
