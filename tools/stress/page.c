/*
 * The page: plots as inline SVG, nothing from elsewhere.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tools/stress/stress.h"

#define WIDTH 760.0
#define HEIGHT 220.0
#define LEFT 70.0
#define TOP 14.0
#define LEAVES_SHOWN 512
#define LABELS 10 /* at most, on an axis */

static void begin_svg(FILE *out, const char *title, double height) {
    fprintf(out,
            "<h2>%s</h2>\n<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">"
            "<title>%s</title>\n",
            title, LEFT + WIDTH + 20, height, title, title);
}

static void put_text(FILE *out, double x, double y, const char *anchor, const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

static void put_number(FILE *out, double x, double y, const char *anchor, double value,
                       const char *unit) {
    char text[64];
    (void)snprintf(text, sizeof text, "%.4g%s", value, unit);
    put_text(out, x, y, anchor, text);
}

/* As people say it: 18.9 ms, not 18870 us. */
static void duration_text(char *out, size_t size, double us) {
    if (us < 999.5) (void)snprintf(out, size, "%.3g us", us);
    else if (us < 999.5e3) (void)snprintf(out, size, "%.3g ms", us / 1e3);
    else (void)snprintf(out, size, "%.3g s", us / 1e6);
}

static void put_grid(FILE *out, double high, const char *unit) {
    for (int i = 0; i <= 4; i++) {
        double y = TOP + HEIGHT - HEIGHT * i / 4;
        fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", LEFT, y,
                LEFT + WIDTH, y);
        put_number(out, LEFT - 6, y + 4, "end", high * i / 4, unit);
    }
}

/* ---- latency: both axes by doublings or tens ---- */

static void put_bars(FILE *out, const struct stress_histogram *histogram, const char *style,
                     size_t from, size_t to, double high) {
    double wide = WIDTH / (double)(to - from);
    for (size_t i = from; i < to; i++) {
        uint64_t count = histogram->buckets[i];
        if (count == 0) continue;
        double tall = 2;
        for (double rest = (double)count; rest >= 2; rest /= 2) tall += HEIGHT / high;
        if (tall > HEIGHT) tall = HEIGHT;
        fprintf(out,
                "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
                "<title>up to %.1f us: %" PRIu64 "</title></rect>\n",
                style, LEFT + wide * (double)(i - from), TOP + HEIGHT - tall, wide, tall,
                stress_bucket_edge(i) / 1e3, count);
    }
}

static double doublings(const struct stress_result *result) {
    uint64_t most = 1;
    for (size_t i = 0; i < STRESS_BUCKETS; i++) {
        if (result->plain.buckets[i] > most) most = result->plain.buckets[i];
        if (result->delayed.buckets[i] > most) most = result->delayed.buckets[i];
    }
    return 1 + 63 - (double)__builtin_clzll(most);
}

static void put_latency(FILE *out, const struct stress_result *result) {
    size_t from = STRESS_BUCKETS, to = 0;
    for (size_t i = 0; i < STRESS_BUCKETS; i++) {
        if (result->plain.buckets[i] + result->delayed.buckets[i] == 0) continue;
        if (from > i) from = i / 8 * 8;
        to = i / 8 * 8 + 8;
    }
    begin_svg(out, "Restart latency, from death to serving (both axes logarithmic)", HEIGHT + 50);
    size_t step = 8 * (1 + (to > from ? to - from : 0) / 8 / LABELS);
    for (size_t i = from; i < to; i += step) {
        char text[32];
        duration_text(text, sizeof text, stress_bucket_edge(i) / 1e3);
        put_text(out, LEFT + WIDTH * (double)(i - from) / (double)(to - from), TOP + HEIGHT + 16,
                 "start", text);
    }
    if (from < to) {
        put_bars(out, &result->delayed, "b", from, to, doublings(result));
        put_bars(out, &result->plain, "a", from, to, doublings(result));
    }
    fprintf(out, "</svg>\n<p><b class=\"a\">plain</b>, <b class=\"b\">behind a hanging, slow or "
                 "failing sibling</b></p>\n");
}

/* ---- over time ---- */

static double value_of(const struct stress_sample *sample, bool memory) {
    return memory ? sample->memory / 1048576 : sample->queued;
}

static void put_line(FILE *out, const struct stress_result *result, const char *title,
                     bool memory) {
    double high = 1, end = (double)result->span / 1e9;
    for (size_t i = 0; i < result->sample_count; i++)
        if (value_of(&result->samples[i], memory) > high)
            high = value_of(&result->samples[i], memory);
    begin_svg(out, title, HEIGHT + 40);
    put_grid(out, high, "");
    fprintf(out, "<polyline points=\"");
    for (size_t i = 0; i < result->sample_count && end > 0; i++)
        fprintf(out, "%.1f,%.1f ", LEFT + result->samples[i].seconds / end * WIDTH,
                TOP + HEIGHT - value_of(&result->samples[i], memory) / high * HEIGHT);
    fprintf(out, "\"/>\n");
    put_number(out, LEFT, TOP + HEIGHT + 16, "start", 0, " s");
    put_number(out, LEFT + WIDTH, TOP + HEIGHT + 16, "end", end, " s");
    fprintf(out, "</svg>\n");
}

/* ---- the tree: a row for each level, a cell for each actor ---- */

static void put_leaves(FILE *out, const struct stress *stress, double y, size_t shown) {
    double wide = WIDTH / (double)shown;
    uint64_t most = 1;
    for (size_t i = 0; i < shown; i++)
        if (stress->slots[i].served > most) most = stress->slots[i].served;
    for (size_t i = 0; i < shown; i++)
        fprintf(out,
                "<rect class=\"a\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"20\" "
                "fill-opacity=\"%.2f\"><title>%s: %" PRIu64 " starts</title></rect>\n",
                LEFT + wide * (double)i, y, wide * 0.9,
                0.15 + 0.85 * (double)stress->slots[i].served / (double)most,
                stress_leaf_name(stress, i), stress->slots[i].served);
}

static void put_tree(FILE *out, const struct stress *stress) {
    size_t fanout = (size_t)stress->options->fanout, level = 1, at = 0;
    size_t shown = stress->leaf_count < LEAVES_SHOWN ? stress->leaf_count : LEAVES_SHOWN;
    double y = TOP;
    begin_svg(out, "The tree", TOP + 26 * (double)(stress->options->depth + 2));
    for (int64_t depth = 0; depth < stress->options->depth; depth++, y += 26) {
        double wide = WIDTH * (double)stress->leaf_count / (double)level / (double)shown;
        for (size_t i = 0; i < level && wide * (double)i < WIDTH; i++)
            fprintf(out,
                    "<rect class=\"c\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"20\">"
                    "<title>%s</title></rect>\n",
                    LEFT + wide * (double)i, y,
                    (wide * (double)(i + 1) > WIDTH ? WIDTH - wide * (double)i : wide) * 0.98,
                    stress_supervisor_name(stress, at + i));
        at += level;
        level *= fanout;
    }
    put_leaves(out, stress, y, shown);
    fprintf(out, "</svg>\n<p>%zu of %zu leaves; the darker, the more often started.</p>\n", shown,
            stress->leaf_count);
}

/* ---- all ---- */

static const char *const head =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<title>troupe-stress</title>\n<style>body{font:15px system-ui,sans-serif;max-width:60rem;"
    "margin:2rem auto;padding:0 1rem;color-scheme:light dark}svg{width:100%}"
    "text{font:12px system-ui,sans-serif;fill:currentColor}line{stroke:#8885}"
    "polyline{fill:none;stroke:#3b6ea8;stroke-width:1.5}"
    "rect.a{fill:#3b6ea8}rect.b{fill:#c76b29}rect.c{fill:#3f8f5b}"
    "b.a{color:#3b6ea8}b.b{color:#c76b29}td{padding:0 1rem 0 0}</style></head><body>\n";

static void put_row(FILE *out, const char *name, const struct stress_histogram *histogram) {
    static const double quantiles[] = {0.5, 0.99, 0.999};
    fprintf(out, "<tr><td>%s</td><td>%" PRIu64 "</td>", name, histogram->count);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        char text[32];
        duration_text(text, sizeof text, stress_quantile(histogram, quantiles[i]) / 1e3);
        fprintf(out, "<td>%s</td>", text);
    }
    fprintf(out, "</tr>\n");
}

static void put_figures(FILE *out, const struct stress *stress) {
    const struct stress_result *result = stress->result;
    const tp_counters *c = &result->counters;
    fprintf(out,
            "<h1>troupe-stress: %s</h1>\n<p>Seed %" PRIu64 ", %s, %.1f s, %" PRIu64 " restarts. ",
            result->broken[0] == '\0' ? "OK" : result->broken, stress->options->seed,
            stress_strategy_name(stress->options->strategy), (double)result->span / 1e9,
            result->restarts);
    fprintf(out,
            "%" PRIu64 " messages sent: %" PRIu64 " handled, %" PRIu64 " dropped, %" PRIu64
            " dead. ",
            c->sent, c->handled, c->dropped, c->dead_letters);
    fprintf(out,
            "%" PRIu64 " escalations expected, %" PRIu64 " seen, %" PRIu64 " unexpected.</p>\n",
            result->escalations_expected, result->escalations_seen, result->escalations_unexpected);
    fprintf(out,
            "<table><tr><td></td><td>restarts</td><td>p50</td><td>p99</td><td>p99.9</td></tr>");
    put_row(out, "plain", &result->plain);
    put_row(out, "delayed", &result->delayed);
    fprintf(out, "</table>\n");
}

bool stress_page(const struct stress *stress, const char *path) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        return false;
    }
    fprintf(out, "%s", head);
    put_figures(out, stress);
    put_latency(out, stress->result);
    put_line(out, stress->result, "Memory, MiB", true);
    put_line(out, stress->result, "Messages that wait in mailboxes", false);
    put_tree(out, stress);
    fprintf(out, "</body></html>\n");
    bool good = ferror(out) == 0;
    if (fclose(out) != 0) good = false;
    if (!good) fprintf(stderr, "troupe-stress: %s cannot be written\n", path);
    return good;
}
