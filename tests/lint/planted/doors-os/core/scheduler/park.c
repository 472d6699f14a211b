/* An operating system's header above the platform. */
#include <pthread.h>
