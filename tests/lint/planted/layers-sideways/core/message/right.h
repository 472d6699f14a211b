/* A neighbour. */
#ifndef TPI_RIGHT_H
#define TPI_RIGHT_H
#endif
