/*
 * TCP and unix stream sockets for actors: as calls with deadlines, and as messages (active once),
 * so that an idle connection holds no stack. A socket belongs to one actor and is closed when that
 * actor exits. In the simulator every call says TP_ENOTSUP.
 */
#ifndef TROUPE_SOCKET_H
#define TROUPE_SOCKET_H

#include <troupe/actor.h>

TP_EXTERN_BEGIN

/* A socket: a value, its owner's. 0 is none. */
typedef tp_ref tp_socket;

/* Bytes that came on an active socket. */
TP_MESSAGE_AS(tp_socket_data, "tp.socket_data", TP_FIELD(u64, socket), TP_FIELD(bin, bytes))
/* The peer ended its stream or the socket broke: err is TP_ECLOSED or TP_EIO. Close it. */
TP_MESSAGE_AS(tp_socket_closed, "tp.socket_closed", TP_FIELD(u64, socket), TP_FIELD(i32, err))
/* A connection came on an active listener; this actor owns it. */
TP_MESSAGE_AS(tp_socket_accepted, "tp.socket_accepted", TP_FIELD(u64, listener),
              TP_FIELD(u64, socket))

/*
 * Listens on "tcp://HOST:PORT" (port 0: the system picks one, see tp_socket_address) or
 * "unix:///path". TP_OK, TP_EINVAL, TP_EADDR, TP_ENOMEM, TP_ENOTSUP.
 */
TP_API tp_err tp_listen(tp_actor *self, const char *url, tp_socket *out);
/* Waits for a connection. TP_OK, TP_ETIMEDOUT, TP_ECLOSED, TP_EIO (out of descriptors, say),
 * TP_ENOMEM. */
TP_API tp_err tp_accept(tp_actor *self, tp_socket listener, tp_duration timeout, tp_socket *out);
/* Connects. TP_OK, TP_ETIMEDOUT, TP_EREFUSED, TP_EADDR, TP_EINVAL, TP_ENOMEM. */
TP_API tp_err tp_connect(tp_actor *self, const char *url, tp_duration timeout, tp_socket *out);
/* At least one byte, at most `size`; *done says how many. TP_OK, TP_ETIMEDOUT, TP_ECLOSED (end),
 * TP_EIO. */
TP_API tp_err tp_read(tp_actor *self, tp_socket socket, void *bytes, size_t size,
                      tp_duration timeout, size_t *done);
/* All bytes. On an error *done (may be NULL) says how many went out. TP_OK, TP_ETIMEDOUT,
 * TP_ECLOSED, TP_EIO. */
TP_API tp_err tp_write(tp_actor *self, tp_socket socket, const void *bytes, size_t size,
                       tp_duration timeout, size_t *done);
/* Ends this side's stream; reading goes on. */
TP_API tp_err tp_shutdown_write(tp_actor *self, tp_socket socket);
/* Closes it; 0 and unknown sockets are TP_ENOENT. */
TP_API tp_err tp_close(tp_actor *self, tp_socket socket);
/* Its own address as a URL, terminated; TP_ETOOBIG when `size` is too small. */
TP_API tp_err tp_socket_address(tp_actor *self, tp_socket socket, char *url, size_t size);

/*
 * Asks for the next bytes (or the next connection, on a listener) as one message: tp_socket_data,
 * tp_socket_closed or tp_socket_accepted. Call it again for more. At most `size_max` bytes a
 * message.
 */
TP_API tp_err tp_active_once(tp_actor *self, tp_socket socket, size_t size_max);
/* Gives the socket to another actor of this node; its value stays the same: tell it by a message
 * of your own. TP_ENOPROC: `to` is gone, the socket stays here. TP_EBUSY: what tp_active_once
 * asked for has not come yet. */
TP_API tp_err tp_socket_give(tp_actor *self, tp_socket socket, tp_pid to);

TP_EXTERN_END

#endif
