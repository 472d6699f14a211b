/*
 * Preprocessor machinery: applies a macro to each argument. Needs __VA_OPT__ (gcc 8, clang 6, C++20).
 */
#ifndef TROUPE_FOREACH_H
#define TROUPE_FOREACH_H

#define TPI_PARENS ()
#define TPI_EXPAND(...) TPI_EXPAND3(TPI_EXPAND3(TPI_EXPAND3(TPI_EXPAND3(__VA_ARGS__))))
#define TPI_EXPAND3(...) TPI_EXPAND2(TPI_EXPAND2(TPI_EXPAND2(TPI_EXPAND2(__VA_ARGS__))))
#define TPI_EXPAND2(...) TPI_EXPAND1(TPI_EXPAND1(TPI_EXPAND1(TPI_EXPAND1(__VA_ARGS__))))
#define TPI_EXPAND1(...) TPI_EXPAND0(TPI_EXPAND0(TPI_EXPAND0(TPI_EXPAND0(__VA_ARGS__))))
#define TPI_EXPAND0(...) __VA_ARGS__

/* macro(context, argument) for each argument; context is one token or a parenthesised list. Up to 250. */
#define TPI_FOREACH(macro, context, ...)                                                           \
    __VA_OPT__(TPI_EXPAND(TPI_FOREACH_STEP(macro, context, __VA_ARGS__)))
#define TPI_FOREACH_STEP(macro, context, argument, ...)                                            \
    macro(context, argument) __VA_OPT__(TPI_FOREACH_AGAIN TPI_PARENS(macro, context, __VA_ARGS__))
#define TPI_FOREACH_AGAIN() TPI_FOREACH_STEP

#endif
