/*
 * Pictures: a Gantt chart as text and as SVG, lines and bars as SVG. The SVG stands alone and
 * follows light and dark.
 */
#ifndef EXAMPLES_COMMON_CHART_H
#define EXAMPLES_COMMON_CHART_H

#include <stdbool.h>
#include <stddef.h>

/* A bar of a Gantt chart. */
struct gantt_bar {
    int row;
    int colour;      /* which key, 0..7 */
    char letter;     /* in the text form */
    double from, to; /* in the chart's unit */
};

struct gantt {
    const char *title;
    const char *unit;        /* of the axis: "h", "ms" */
    const char *const *rows; /* their names, ended by NULL */
    const char *const *keys; /* what the colours mean, ended by NULL; may be NULL */
    const int *colours;      /* 0..7 of the palette for each key; NULL: in the palette's order */
    const struct gantt_bar *bars;
    size_t bar_count;
    double end;  /* of the axis; 0: of the last bar */
    double cell; /* of the text form: a character is so much */
    double tick; /* of the axis */
};

/* 1, 2 or 5 times a power of ten, not below the value: a distance for the axis' ticks. */
double chart_round_up(double value);
/* Prints it to standard output. */
void gantt_print(const struct gantt *gantt);
/* Writes FOLDER/name.svg; does nothing without a folder. False: it cannot be written. */
bool gantt_svg(const struct gantt *gantt, const char *folder, const char *name);

/* A line of a line chart, or a row of bars. */
struct plot_series {
    const char *name;
    const double *x; /* NULL: bars */
    const double *y;
    size_t count;
};

struct plot {
    const char *title;
    const char *x_name;
    const char *y_name;
    const struct plot_series *series;
    size_t series_count;
    const char *const *labels; /* of the bars, one for each value */
};

/* Lines over x, as FOLDER/name.svg; does nothing without a folder. */
bool plot_lines_svg(const struct plot *plot, const char *folder, const char *name);
/* A group of bars for each label. */
bool plot_bars_svg(const struct plot *plot, const char *folder, const char *name);

#endif
