/*
 * Whole messages: as text for people, and as the array [name, field...] for the wire and the
 * journal.
 */
#ifndef TPI_MESSAGE_H
#define TPI_MESSAGE_H

#include <troupe/message.h>

/* Text such as `deposit{cents=4200, to={x=1, y=2}}`, cut to `size` with its terminator; returns the
 * full length. `count` fields are in the payload. Bytes that do not parse show as `?`. Any
 * thread. */
size_t tpi_message_format(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                          uint32_t count, char *out, size_t size);
/* The same as a JSON object {"type":...,"fields":{...}}. */
size_t tpi_message_json(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                        uint32_t count, char *out, size_t size);

/* Bytes of the head [name, that tpi_message_pack puts before a payload. */
size_t tpi_message_head_size(const tp_message_type *type);
/* Writes head and payload; TP_ETOOBIG when `size` is too small. *used gets the bytes. Any
 * thread. */
tp_err tpi_message_pack(const tp_message_type *type, const uint8_t *payload, size_t payload_size,
                        uint8_t *out, size_t size, size_t *used);
/* Opens such bytes: the name, the number of fields, and a reader at the first. TP_EBADMSG. Any
 * thread. */
tp_err tpi_message_open(const uint8_t *bytes, size_t size, tp_str *name, uint32_t *count,
                        tp_reader *fields);

#endif
