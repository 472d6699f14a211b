/* The atomics, past their door. */
#include <stdatomic.h>
