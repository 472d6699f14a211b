/*
 * The chart of a balance: a step line over the days, as inline SVG. Colours come from the page's
 * style, so that it follows light and dark.
 */
#include <inttypes.h>

#include "actors/bank/date.h"
#include "actors/bank/report.h"

#define WIDTH 760
#define HEIGHT 260
#define LEFT 104
#define RIGHT 16
#define TOP 14
#define BOTTOM 34
#define LINES 4 /* of the grid, besides the lowest */

/* What maps days and money to the drawing. */
struct scale {
    int64_t first;
    int64_t last;
    double low;
    double high;
};

/* A round step that divides a range into about LINES parts: 1, 2 or 5 times a power of ten. */
static double step_of(double range) {
    double step = 1;
    while (step * 10 <= range / LINES) step *= 10;
    if (step * 5 <= range / LINES) return step * 5;
    return step * 2 <= range / LINES ? step * 2 : step;
}

/* The largest multiple of a step that is not above a value. */
static double step_floor(double value, double step) {
    double floored = (double)(int64_t)(value / step) * step;
    return floored > value ? floored - step : floored;
}

/* Zero always belongs to the picture; the highest and lowest lines are round numbers. */
static struct scale scale_of(const struct bank_report_account *account, double *step) {
    struct scale scale = {bank_date_days(account->days[0].date),
                          bank_date_days(account->days[account->day_count - 1].date), 0, 0};
    for (size_t i = 0; i < account->day_count; i++) {
        double closing = (double)account->days[i].closing_minor / 100;
        if (closing < scale.low) scale.low = closing;
        if (closing > scale.high) scale.high = closing;
    }
    if (scale.last == scale.first) scale.last++;
    if (scale.high - scale.low < 1) scale.high = scale.low + 1;
    *step = step_of(scale.high - scale.low);
    scale.low = step_floor(scale.low, *step);
    scale.high = -step_floor(-scale.high, *step);
    return scale;
}

static double x_of(const struct scale *scale, int64_t day) {
    return LEFT + (double)(day - scale->first) / (double)(scale->last - scale->first) *
                      (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct scale *scale, double amount) {
    return HEIGHT - BOTTOM -
           (amount - scale->low) / (scale->high - scale->low) * (HEIGHT - TOP - BOTTOM);
}

static void grid_put(const struct scale *scale, double step, struct bank_text *out) {
    int lines = (int)((scale->high - scale->low) / step + 0.5);
    for (int i = 0; i <= lines; i++) {
        double amount = scale->low + i * step;
        double y = y_of(scale, amount);
        bool zero = amount > -step / 2 && amount < step / 2;
        bank_text_print(out, "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n",
                        zero ? "zero" : "grid", LEFT, y, WIDTH - RIGHT, y);
        bank_text_print(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n",
                        LEFT - 8, y + 4, zero ? 0.0 : amount);
    }
}

static void dates_put(const struct scale *scale, struct bank_text *out) {
    static const char *const anchors[] = {"start", "middle", "end"};
    for (int i = 0; i < 3; i++) {
        int64_t day = scale->first + (scale->last - scale->first) * i / 2;
        char date[BANK_DATE_SIZE];
        bank_date_format(bank_date_of_days(day), date);
        bank_text_print(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
                        x_of(scale, day), HEIGHT - 12, anchors[i], date);
    }
}

static void line_put(const struct bank_report_account *account, const struct scale *scale,
                     struct bank_text *out) {
    bank_text_put(out, "<path class=\"balance\" d=\"");
    for (size_t i = 0; i < account->day_count; i++) {
        double x = x_of(scale, bank_date_days(account->days[i].date));
        double y = y_of(scale, (double)account->days[i].closing_minor / 100);
        if (i == 0) {
            bank_text_print(out, "M%.1f %.1f", x, y);
        } else {
            bank_text_print(out, "H%.1fV%.1f", x, y);
        }
    }
    if (account->day_count == 1) bank_text_print(out, "H%d", WIDTH - RIGHT);
    bank_text_put(out, "\"/>\n");
}

void bank_report_chart(const struct bank_report_account *account, size_t number,
                       struct bank_text *out) {
    if (account->day_count == 0) return;
    double step;
    struct scale scale = scale_of(account, &step);
    char first[BANK_DATE_SIZE];
    char last[BANK_DATE_SIZE];
    char closing[BANK_MONEY_SIZE];
    bank_date_format(account->days[0].date, first);
    bank_date_format(account->days[account->day_count - 1].date, last);
    bank_wide_money(account->balance_minor, closing);
    bank_text_print(out,
                    "<svg role=\"img\" viewBox=\"0 0 %d %d\" xmlns=\"http://www.w3.org/2000/svg\" "
                    "aria-labelledby=\"chart-title-%zu chart-desc-%zu\">\n",
                    WIDTH, HEIGHT, number, number);
    bank_text_print(out, "<title id=\"chart-title-%zu\">Balance of account %" PRIu64 "</title>\n",
                    number, account->id);
    bank_text_print(out,
                    "<desc id=\"chart-desc-%zu\">The balance in CZK from %s to %s; at the end %s. "
                    "The numbers are in the tables.</desc>\n",
                    number, first, last, closing);
    grid_put(&scale, step, out);
    dates_put(&scale, out);
    line_put(account, &scale, out);
    bank_text_put(out, "</svg>\n");
}
