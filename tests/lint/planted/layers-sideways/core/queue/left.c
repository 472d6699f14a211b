/* Two rooms of one floor know nothing of each other. */
#include "core/message/right.h"
