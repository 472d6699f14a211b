/* A header of a high room. */
#ifndef TPI_HIGH_H
#define TPI_HIGH_H
#endif
