/* Not as clang-format would write it. */
int   tpi_crooked( int a ){
  return a ; }
