/*
 * Following the directory of one's node.
 */
#include "actors/bank/follow.h"

#include <string.h>
#include <troupe/name.h>

tp_pid bank_directory_follow(tp_actor *self, tp_str name) {
    char text[TP_NAME_SIZE_MAX + 1];
    if (name.size >= sizeof text) tp_fail(self, "the name of the directory is too long");
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    tp_pid directory = tp_whereis(tp_self_runtime(self), text);
    if (tp_pid_is_null(directory)) tp_fail(self, "no directory '%s'", text);
    tp_send(self, directory, bank_follow);
    return directory;
}
