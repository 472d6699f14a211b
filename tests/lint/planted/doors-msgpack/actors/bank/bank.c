/* The codec's library, outside its door. */
#include <msgpack.h>
