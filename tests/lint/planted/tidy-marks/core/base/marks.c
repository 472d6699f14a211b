/* Lines, marks and calls that the house does not have. */
#include "core/base/other.h"

static void copy(char *to, const char *from) {
	strcpy(to, from);
    int number = atoi(from); /* this line is much too long for the house, which has one hundred columns in all */
    // TODO: do better
    // FIXME
    srand(1);
}

#if 0
static int dead;
#endif
static int last; 