/* A path that climbs. */
#include "../../core/base/c.h"
