/*
 * Text for reports, within a fixed room. What does not fit is cut, and it is noted that it was:
 * JSON that was cut is not used.
 */
#ifndef TPI_CRASH_OUT_H
#define TPI_CRASH_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <troupe/codec.h>

struct tpi_out {
    size_t size;
    size_t room;
    bool cut;
    char *text;
};

struct tpi_out tpi_out_over(char *bytes, size_t room);
void tpi_out_put(struct tpi_out *out, const char *bytes, size_t size);
/* The pieces that a report is made of. A crash makes one of them in full, read or not, while others
 * wait for a restart: printf would be most of its cost. */
void tpi_out_text(struct tpi_out *out, const char *text);
void tpi_out_number(struct tpi_out *out, int64_t number);
/* A span as seconds, with three places behind the point. */
void tpi_out_seconds(struct tpi_out *out, tp_duration span);
void tpi_out_pid(struct tpi_out *out, tp_pid pid); /* <slot.generation> */
/* At most 1,023 bytes at a time. For what is rare. */
void tpi_out_print(struct tpi_out *out, const char *format, ...) TP_PRINTF(2, 3);
/* `key`, as it is, then the text as a JSON string. */
void tpi_out_json_text(struct tpi_out *out, const char *key, tp_str text);
void tpi_out_json_pid(struct tpi_out *out, const char *before, tp_pid pid);

#endif
