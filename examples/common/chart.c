/*
 * Gantt charts, line charts, bar charts.
 */
#include "examples/common/chart.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 760
#define LEFT 120
#define RIGHT 30
#define TOP 40
#define ROW 26
#define PLOT 220 /* the height of a plot */
#define COLUMNS_MAX 160

/* ---- numbers ---- */

double chart_round_up(double value) {
    double power = 1;
    if (value <= 0) return 1;
    while (power < value) power *= 10;
    while (power / 10 >= value) power /= 10;
    if (power / 5 >= value) return power / 5;
    return power / 2 >= value ? power / 2 : power;
}

/* ---- text ---- */

static double end_of(const struct gantt *gantt) {
    double end = gantt->end;
    for (size_t i = 0; i < gantt->bar_count; i++)
        if (gantt->bars[i].to > end) end = gantt->bars[i].to;
    return end > 0 ? end : 1;
}

static void print_row(const struct gantt *gantt, int row, int columns) {
    char line[COLUMNS_MAX + 1];
    memset(line, ' ', (size_t)columns);
    line[columns] = '\0';
    for (size_t i = 0; i < gantt->bar_count; i++) {
        const struct gantt_bar *bar = &gantt->bars[i];
        if (bar->row != row) continue;
        for (int c = 0; c < columns; c++) {
            double middle = (c + 0.5) * gantt->cell;
            if (middle >= bar->from && middle < bar->to) line[c] = bar->letter;
        }
    }
    printf("  %-10s|%s|\n", gantt->rows[row], line);
}

void gantt_print(const struct gantt *gantt) {
    int columns = (int)(end_of(gantt) / gantt->cell + 0.999);
    if (columns > COLUMNS_MAX) columns = COLUMNS_MAX;
    printf("%s\n", gantt->title);
    for (int row = 0; gantt->rows[row] != NULL; row++) print_row(gantt, row, columns);
    printf("  %10s ", "");
    int wide = (int)(gantt->tick / gantt->cell + 0.5);
    for (int c = 0; c <= columns; c += wide) printf("%-*.4g", wide, c * gantt->cell);
    printf("%s\n", gantt->unit);
}

/* ---- SVG ---- */

#define HEAD                                                                                       \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n"              \
    "<style>text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:14px}"      \
    ".g{stroke:#8885;stroke-width:1}.c0{--c:#3b6ea8}.c1{--c:#c76b29}.c2{--c:#3f8f5b}"              \
    ".c3{--c:#9a4f96}.c4{--c:#b5a12c}.c5{--c:#4aa3a3}.c6{--c:#b8445a}.c7{--c:#777}"                \
    "rect{fill:var(--c)}polyline{fill:none;stroke:var(--c);stroke-width:2}"                        \
    "@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>\n"                                 \
    "<title>%s</title><text class=\"t\" x=\"8\" y=\"20\">%s</text>\n"

static FILE *open_svg(const char *folder, const char *name, const char *title, int height) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.svg", folder, name);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return NULL;
    }
    fprintf(out, HEAD, WIDTH, height, title, title);
    return out;
}

static bool close_svg(FILE *out) {
    fprintf(out, "</svg>\n");
    return fclose(out) == 0;
}

static void put_key(FILE *out, int *x, int y, int colour, const char *text) {
    fprintf(out, "<rect class=\"c%d\" x=\"%d\" y=\"%d\" width=\"10\" height=\"10\"/>", colour, *x,
            y - 9);
    fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", *x + 14, y, text);
    *x += 30 + 7 * (int)strlen(text);
}

static void put_axis(FILE *out, const struct gantt *gantt, double scale, int bottom) {
    int ticks = (int)(end_of(gantt) / gantt->tick + 0.0001);
    for (int i = 0; i <= ticks; i++) {
        double at = i * gantt->tick;
        double x = LEFT + at * scale;
        fprintf(out, "<line class=\"g\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>", x, TOP - 6,
                x, bottom);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g %s</text>\n", x,
                bottom + 16, at, gantt->unit);
    }
}

static int colour_of(const struct gantt *gantt, int key) {
    return gantt->colours != NULL ? gantt->colours[key] : key;
}

bool gantt_svg(const struct gantt *gantt, const char *folder, const char *name) {
    if (folder == NULL) return true;
    int rows = 0, x = LEFT;
    while (gantt->rows[rows] != NULL) rows++;
    int row = rows > 10 ? 16 : ROW, bottom = TOP + rows * row;
    FILE *out = open_svg(folder, name, gantt->title, bottom + 44);
    if (out == NULL) return false;
    double scale = (WIDTH - LEFT - RIGHT) / end_of(gantt);
    put_axis(out, gantt, scale, bottom);
    for (int i = 0; i < rows; i++)
        fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LEFT - 8,
                TOP + i * row + row / 2 + 3, gantt->rows[i]);
    for (size_t i = 0; i < gantt->bar_count; i++) {
        const struct gantt_bar *bar = &gantt->bars[i];
        fprintf(out, "<rect class=\"c%d\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\"/>\n",
                colour_of(gantt, bar->colour), LEFT + bar->from * scale, TOP + bar->row * row + 2,
                (bar->to - bar->from) * scale, row - 5);
    }
    for (int i = 0; gantt->keys != NULL && gantt->keys[i] != NULL; i++)
        put_key(out, &x, bottom + 36, colour_of(gantt, i), gantt->keys[i]);
    return close_svg(out);
}

/* ---- plots ---- */

struct frame {
    double x_high;
    double y_high;
};

static struct frame frame_of(const struct plot *plot) {
    struct frame frame = {0, 0};
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        for (size_t i = 0; i < series->count; i++) {
            if (series->y[i] > frame.y_high) frame.y_high = series->y[i];
            if (series->x != NULL && series->x[i] > frame.x_high) frame.x_high = series->x[i];
        }
    }
    frame.y_high = chart_round_up(frame.y_high);
    if (frame.x_high <= 0) frame.x_high = 1;
    return frame;
}

static FILE *open_plot(const struct plot *plot, const struct frame *frame, const char *folder,
                       const char *name) {
    int bottom = TOP + PLOT, x = LEFT;
    FILE *out = open_svg(folder, name, plot->title, bottom + 60);
    if (out == NULL) return NULL;
    for (int i = 0; i <= 4; i++) {
        double y = bottom - PLOT * i / 4.0;
        fprintf(out, "<line class=\"g\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>", LEFT, y,
                WIDTH - RIGHT, y);
        fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT - 8, y + 4,
                frame->y_high * i / 4);
    }
    fprintf(out, "<text x=\"8\" y=\"%d\">%s</text>\n", bottom + 20, plot->y_name);
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", WIDTH - RIGHT,
            bottom + 34, plot->x_name);
    for (size_t s = 0; s < plot->series_count; s++)
        put_key(out, &x, bottom + 52, (int)s % 8, plot->series[s].name);
    return out;
}

bool plot_lines_svg(const struct plot *plot, const char *folder, const char *name) {
    if (folder == NULL) return true;
    struct frame frame = frame_of(plot);
    FILE *out = open_plot(plot, &frame, folder, name);
    if (out == NULL) return false;
    for (int i = 0; i <= 4; i++)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n",
                LEFT + (WIDTH - LEFT - RIGHT) * i / 4.0, TOP + PLOT + 16, frame.x_high * i / 4);
    for (size_t s = 0; s < plot->series_count; s++) {
        const struct plot_series *series = &plot->series[s];
        fprintf(out, "<polyline class=\"c%zu\" points=\"", s % 8);
        for (size_t i = 0; i < series->count; i++)
            fprintf(out, "%.1f,%.1f ", LEFT + series->x[i] / frame.x_high * (WIDTH - LEFT - RIGHT),
                    TOP + PLOT - series->y[i] / frame.y_high * PLOT);
        fprintf(out, "\"/>\n");
    }
    return close_svg(out);
}

bool plot_bars_svg(const struct plot *plot, const char *folder, const char *name) {
    if (folder == NULL) return true;
    struct frame frame = frame_of(plot);
    FILE *out = open_plot(plot, &frame, folder, name);
    if (out == NULL) return false;
    size_t groups = plot->series[0].count;
    double group = (double)(WIDTH - LEFT - RIGHT) / (double)groups;
    double wide = group * 0.7 / (double)plot->series_count;
    for (size_t i = 0; i < groups; i++) {
        double x = LEFT + group * ((double)i + 0.15);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                x + group * 0.35, TOP + PLOT + 16, plot->labels[i]);
        for (size_t s = 0; s < plot->series_count; s++) {
            double high = plot->series[s].y[i] / frame.y_high * PLOT;
            fprintf(out,
                    "<rect class=\"c%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                    "<title>%.6g</title></rect>\n",
                    s % 8, x + wide * (double)s, TOP + PLOT - high, wide * 0.95, high,
                    plot->series[s].y[i]);
        }
    }
    return close_svg(out);
}
