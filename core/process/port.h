/*
 * What the two halves of ports say to each other: the calls of <troupe/port.h> and the port's
 * actor.
 */
#ifndef TPI_PORT_H
#define TPI_PORT_H

#include <troupe/port.h>

/* The start of a port. Texts end with a zero byte each. */
TP_MESSAGE_AS(tpi_port_start, "tp.port_start", TP_FIELD(pid, owner), TP_FIELD(bin, argv),
              TP_FIELD(bin, env), TP_FIELD(bool, has_env), TP_FIELD(bin, dir), TP_FIELD(u8, format),
              TP_FIELD(u8, errors), TP_FIELD(u32, message_max), TP_FIELD(u32, window),
              TP_FIELD(i64, grace))
TP_MESSAGE_AS(tpi_port_write, "tp.port_write", TP_FIELD(bin, bytes))
TP_MESSAGE_AS(tpi_port_written, "tp.port_written")
TP_MESSAGE_AS(tpi_port_end_input, "tp.port_end_input")
TP_MESSAGE_AS(tpi_port_close, "tp.port_close")

extern const tp_behavior tpi_port_behavior;

#endif
