/* The network library, outside its door. */
#include <nng/nng.h>
