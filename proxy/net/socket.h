// Every system call on sockets that the program makes, in one place, so that another network can be
// put underneath. Sockets are non-blocking and close-on-exec. Calls return what the system's do, or
// a negative errno; those that a signal interrupts are repeated. Inside the room only. Any thread.
#pragma once

#include "proxy/base/slice.h"
#include "proxy/net/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

// --- opening ------------------------------------------------------------------------------------

// Begins to connect `*fd`: 0 or -EINPROGRESS, then socket_connect_result() is asked once it is
// writable; any other error and no socket is left.
int socket_connect(const struct address *address, int *fd);
// 0, or the negative errno that connecting ended in.
int socket_connect_result(int fd);

struct socket_listen_options {
    bool is_shared; // SO_REUSEPORT
    int backlog;
};
// A listening socket, whose connections come with TCP_NODELAY and keep-alive set.
int socket_listen(const struct address *address, const struct socket_listen_options *options);
int socket_accept(int fd, struct address *peer);

// --- the file of a Unix socket ------------------------------------------------------------------

// Removes the file at `path` if it is a socket on which nobody listens.
void socket_file_clear(const char *path);
// Which file stands at `path`, so that it can be told from a later one. False: none.
struct socket_file {
    dev_t device;
    ino_t inode;
};
bool socket_file_identify(const char *path, struct socket_file *file);
// Removes the file at `path` if it is still this one.
void socket_file_remove(const char *path, const struct socket_file *file);

// --- bytes --------------------------------------------------------------------------------------

// 0 at the peer's end of stream.
ssize_t socket_recv(int fd, void *out, size_t size);
// 1 where a byte can be received, 0 at the end of stream.
ssize_t socket_peek(int fd);
ssize_t socket_send(int fd, const void *bytes, size_t len);
enum { SOCKET_PARTS_MAX = 16 };
ssize_t socket_send_parts(int fd, const struct slice *parts, size_t count);
void socket_end_sending(int fd);
void socket_close(int fd);

// What c-ares is to call instead of the system.
struct ares_socket_functions;
extern const struct ares_socket_functions socket_ares_functions;

// --- addresses ----------------------------------------------------------------------------------

struct address socket_peer(int fd);
struct address socket_local(int fd);
bool socket_is_listening(int fd);

// --- peers that have vanished -------------------------------------------------------------------

// Whether the peer's machine is asked every second if it is still there, also while nothing is
// sent, or as seldom as usual.
void socket_watch(int fd, bool closely);
// Several times in a row it has not even said that something came: tcp(7), TCP_INFO. Not so of a
// machine that is there, however busy or stopped the program at the other end is, nor of Unix
// sockets.
bool socket_is_unheard(int fd);

// ADDRESS_NONE for families that we don't know and unnamed Unix sockets.
struct address address_from_sockaddr(const struct sockaddr *any, socklen_t len);
