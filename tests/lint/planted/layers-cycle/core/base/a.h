/* One half of a cycle. */
#ifndef TPI_A_H
#define TPI_A_H
#include "core/base/b.h"
#endif
