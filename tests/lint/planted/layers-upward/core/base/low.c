/* A low room that includes a high one. */
#include "core/actor/high.h"
