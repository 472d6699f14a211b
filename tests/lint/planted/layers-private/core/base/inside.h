/* Not for users. */
#ifndef TPI_INSIDE_H
#define TPI_INSIDE_H
#endif
