/*
 * The texts of the codes.
 */
#include "actors/bank/messages.h"

const char *bank_code_text(bank_code code) {
    static const char *const texts[] = {
#define BANK_CODE_TEXT(name, text) text,
        BANK_CODE_MAP(BANK_CODE_TEXT)
#undef BANK_CODE_TEXT
    };
    size_t index = (size_t)code;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown";
}
