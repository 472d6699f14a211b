/*
 * A guest at a server of this machine, with blocking calls: what the conversations of the examples
 * are made of.
 */
#ifndef EXAMPLES_COMMON_TALK_H
#define EXAMPLES_COMMON_TALK_H

#include <stddef.h>
#include <stdint.h>

/* Connects to 127.0.0.1; -1: nobody is there. */
int talk_connect(uint16_t port);
void talk_send(int descriptor, const char *bytes, size_t size);
void talk_say(int descriptor, const char *text);
/* Reads until the end of the stream, until so many bytes have come, or until nothing has come for
 * twenty seconds. Returns how many came. */
size_t talk_hear(int descriptor, char *bytes, size_t size, size_t enough);
/* A moment, so that two packets stay two. */
void talk_pause(void);

#endif
