/*
 * Names and sentences of errors, made from the one table in <troupe/base.h>, and the version text.
 */
#include <troupe/base.h>

#define VERSION_TEXT(number) #number
#define VERSION_EXPAND(number) VERSION_TEXT(number)

static const char *const err_text[] = {
#define ERR_TEXT(name, text) [TP_##name] = text,
    TP_ERR_MAP(ERR_TEXT)
#undef ERR_TEXT
};

static const char *const err_name[] = {
#define ERR_NAME(name, text) [TP_##name] = "TP_" #name,
    TP_ERR_MAP(ERR_NAME)
#undef ERR_NAME
};

_Static_assert(sizeof(err_text) / sizeof(err_text[0]) == TP_ERR_COUNT, "a text for every error");

/* Callers may hand in any number they got from elsewhere, so an unknown one is no programming
 * error. */
static bool err_known(tp_err err) {
    return (unsigned)err < TP_ERR_COUNT;
}

const char *tp_strerror(tp_err err) {
    return err_known(err) ? err_text[err] : "unknown error";
}

const char *tp_err_name(tp_err err) {
    return err_known(err) ? err_name[err] : "TP_UNKNOWN";
}

const char *tp_version(void) {
    return VERSION_EXPAND(TP_VERSION_MAJOR) "." VERSION_EXPAND(TP_VERSION_MINOR) "." VERSION_EXPAND(
        TP_VERSION_PATCH);
}
