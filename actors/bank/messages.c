/*
 * The texts of the codes, and what the rules mean.
 */
#include "actors/bank/messages.h"

#include "actors/bank/money.h"

const char *bank_code_text(bank_code code) {
    static const char *const texts[] = {
#define BANK_CODE_TEXT(name, text) text,
        BANK_CODE_MAP(BANK_CODE_TEXT)
#undef BANK_CODE_TEXT
    };
    size_t index = (size_t)code;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown";
}

bank_code bank_rule_debit(bank_rule rule, int64_t limit_minor, int64_t balance_minor,
                          int64_t amount_minor) {
    int64_t after;
    if (!bank_money_subtract(balance_minor, amount_minor, &after)) return BANK_OVERFLOW;
    if (after < -INT64_MAX) return BANK_OVERFLOW;
    if (rule == BANK_RULE_NONE && after < 0) return BANK_NO_FUNDS;
    if (rule == BANK_RULE_LIMIT && after < -limit_minor) return BANK_NO_FUNDS;
    return BANK_DONE;
}
