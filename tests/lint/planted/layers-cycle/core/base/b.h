/* The other half of a cycle. */
#ifndef TPI_B_H
#define TPI_B_H
#include "core/base/a.h"
#endif
