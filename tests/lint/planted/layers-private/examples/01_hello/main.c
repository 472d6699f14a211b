/* An example that looks behind the public headers. */
#include "core/base/inside.h"
