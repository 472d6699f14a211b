/* Conditionals in logic. */
#ifdef A1
int a1;
#endif
#ifdef A2
int a2;
#endif
#ifdef A3
int a3;
#endif
#ifdef A4
int a4;
#endif
#ifdef A5
int a5;
#endif
#ifdef A6
int a6;
#endif
