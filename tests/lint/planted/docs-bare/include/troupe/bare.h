/*
 * The comment at the top of a file documents no declaration.
 */
#ifndef TROUPE_BARE_H
#define TROUPE_BARE_H

/* This one is documented. */
TP_API int tp_documented(void);
TP_API int tp_bare_function(void);

struct tp_bare_struct {
    int field; /* a field's comment is not the struct's */
};

typedef enum tp_bare_enum {
    TP_ONE
} tp_bare_enum;

typedef void (*tp_bare_callback)(int);

static inline int tp_bare_inline(int value) {
    return value;
}

#define TP_BARE_MACRO(x) (x)

#endif
