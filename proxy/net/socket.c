#include "proxy/net/socket.h"

#include <ares.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

// A peer that vanished without a word is noticed after a minute of silence and six unanswered
// questions.
enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 10, KEEPALIVE_COUNT = 6 };
// Where something else says so as well: in a row, at growing distances of 200 ms and more, or of a
// second where nothing is sent.
enum { UNHEARD_COUNT = 3 };

// Repeats a system call that a signal interrupted; the result, or a negative errno.
#define RETRIED(call)                                                                              \
    ({                                                                                             \
        ssize_t retried_result;                                                                    \
        do {                                                                                       \
            retried_result = (call);                                                               \
        } while (retried_result < 0 && errno == EINTR);                                            \
        retried_result < 0 ? -errno : retried_result;                                              \
    })

// --- addresses ----------------------------------------------------------------------------------

union name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

static socklen_t name_from_address(union name *name, const struct address *address)
{
    memset(name, 0, sizeof(*name));
    switch (address->kind) {
    case ADDRESS_IP4:
        name->in.sin_family = AF_INET;
        name->in.sin_port = htons(address->port);
        memcpy(&name->in.sin_addr, address->ip4, sizeof(address->ip4));
        return sizeof(name->in);
    case ADDRESS_IP6:
        name->in6.sin6_family = AF_INET6;
        name->in6.sin6_port = htons(address->port);
        name->in6.sin6_scope_id = address->scope;
        memcpy(&name->in6.sin6_addr, address->ip6, sizeof(address->ip6));
        return sizeof(name->in6);
    case ADDRESS_PATH:
        name->un.sun_family = AF_UNIX;
        slice_to_text(slice_text(address->path), name->un.sun_path, sizeof(name->un.sun_path));
        return sizeof(name->un);
    case ADDRESS_NONE:
        break;
    }
    name->any.sa_family = AF_UNSPEC;
    return sizeof(name->any);
}

static struct address address_from_un(const struct sockaddr_un *un, socklen_t len)
{
    struct address address = {.kind = ADDRESS_NONE};
    size_t size = len > offsetof(struct sockaddr_un, sun_path)
                      ? len - offsetof(struct sockaddr_un, sun_path)
                      : 0;
    if (size > 0 && un->sun_path[0] != '\0') {
        address_from_path(&address, slice_make(un->sun_path, strnlen(un->sun_path, size)));
    }
    return address;
}

struct address address_from_sockaddr(const struct sockaddr *any, socklen_t len)
{
    union name name;
    struct address address = {.kind = ADDRESS_NONE};
    if (len < sizeof(any->sa_family)) {
        return address;
    }
    memset(&name, 0, sizeof(name));
    memcpy(&name, any, len < sizeof(name) ? len : sizeof(name));
    if (name.any.sa_family == AF_INET && len >= sizeof(name.in)) {
        address.kind = ADDRESS_IP4;
        address.port = ntohs(name.in.sin_port);
        memcpy(address.ip4, &name.in.sin_addr, sizeof(address.ip4));
    } else if (name.any.sa_family == AF_INET6 && len >= sizeof(name.in6)) {
        address.kind = ADDRESS_IP6;
        address.port = ntohs(name.in6.sin6_port);
        address.scope = name.in6.sin6_scope_id;
        memcpy(address.ip6, &name.in6.sin6_addr, sizeof(address.ip6));
    } else if (name.any.sa_family == AF_UNIX) {
        address = address_from_un(&name.un, len);
    }
    return address;
}

struct address socket_peer(int fd)
{
    union name name;
    socklen_t len = sizeof(name);
    if (getpeername(fd, &name.any, &len) != 0) {
        return (struct address){.kind = ADDRESS_NONE};
    }
    return address_from_sockaddr(&name.any, len);
}

struct address socket_local(int fd)
{
    union name name;
    socklen_t len = sizeof(name);
    if (getsockname(fd, &name.any, &len) != 0) {
        return (struct address){.kind = ADDRESS_NONE};
    }
    return address_from_sockaddr(&name.any, len);
}

bool socket_is_listening(int fd)
{
    int answer = 0;
    socklen_t len = sizeof(answer);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &len) == 0 && answer != 0;
}

// --- peers that have vanished -------------------------------------------------------------------

static void option_set(int fd, int level, int option, int value)
{
    // An option that this kernel or kind of socket lacks changes nothing that we rely on.
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

void socket_watch(int fd, bool closely)
{
    option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, closely ? 1 : KEEPALIVE_IDLE_S);
    option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, closely ? 1 : KEEPALIVE_INTERVAL_S);
}

bool socket_is_unheard(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
           (info.tcpi_retransmits >= UNHEARD_COUNT || info.tcpi_probes >= UNHEARD_COUNT);
}

// --- opening ------------------------------------------------------------------------------------

static int socket_open(const struct address *address)
{
    static const int families[] = {
        [ADDRESS_IP4] = AF_INET, [ADDRESS_IP6] = AF_INET6, [ADDRESS_PATH] = AF_UNIX};
    if (address->kind == ADDRESS_NONE) {
        return -EAFNOSUPPORT;
    }
    int fd = socket(families[address->kind], SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (address->kind != ADDRESS_PATH) {
        option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        socket_watch(fd, false);
        option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT);
    }
    return fd;
}

int socket_connect(const struct address *address, int *fd)
{
    union name name;
    socklen_t len = name_from_address(&name, address);
    *fd = socket_open(address);
    if (*fd < 0) {
        return *fd;
    }
    int result = connect(*fd, &name.any, len) == 0 ? 0 : -errno;
    // An interrupted connect goes on by itself (POSIX).
    if (result == -EINTR) {
        result = -EINPROGRESS;
    }
    if (result != 0 && result != -EINPROGRESS) {
        close(*fd);
        *fd = -1;
    }
    return result;
}

int socket_connect_result(int fd)
{
    int result = 0;
    socklen_t len = sizeof(result);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &len) != 0) {
        return -errno;
    }
    return -result;
}

// Binds, opens the file of a Unix socket to everybody, and listens: in this order, so that nobody
// is turned away in between.
static int bind_and_listen(int fd, const struct address *address,
                           const struct socket_listen_options *options)
{
    union name name;
    socklen_t len = name_from_address(&name, address);
    if (bind(fd, &name.any, len) != 0) {
        return -errno;
    }
    if (address->kind == ADDRESS_PATH && chmod(address->path, 0777) != 0) {
        return -errno;
    }
    return listen(fd, options->backlog > 0 ? options->backlog : SOMAXCONN) == 0 ? 0 : -errno;
}

int socket_listen(const struct address *address, const struct socket_listen_options *options)
{
    int fd = socket_open(address);
    if (fd < 0) {
        return fd;
    }
    if (address->kind != ADDRESS_PATH) {
        option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        option_set(fd, SOL_SOCKET, SO_REUSEPORT, options->is_shared);
    }
    if (address->kind == ADDRESS_IP6) {
        option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    int result = bind_and_listen(fd, address, options);
    if (result != 0) {
        close(fd);
        return result;
    }
    return fd;
}

int socket_accept(int fd, struct address *peer)
{
    union name name;
    socklen_t len = sizeof(name);
    int accepted = (int)RETRIED(accept4(fd, &name.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted >= 0) {
        *peer = address_from_sockaddr(&name.any, len);
    }
    return accepted;
}

// --- the file of a Unix socket ------------------------------------------------------------------

static bool is_socket_file(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

void socket_file_clear(const char *path)
{
    struct address address;
    int fd;
    // A connection refused is asked of sockets only: a plain file refuses too.
    if (!is_socket_file(path) || !address_from_path(&address, slice_text(path))) {
        return;
    }
    if (socket_connect(&address, &fd) == -ECONNREFUSED) {
        unlink(path);
    }
    if (fd >= 0) {
        close(fd);
    }
}

bool socket_file_identify(const char *path, struct socket_file *file)
{
    struct stat status;
    if (lstat(path, &status) != 0) {
        return false;
    }
    *file = (struct socket_file){status.st_dev, status.st_ino};
    return true;
}

void socket_file_remove(const char *path, const struct socket_file *file)
{
    struct socket_file now;
    if (socket_file_identify(path, &now) && now.device == file->device &&
        now.inode == file->inode) {
        unlink(path);
    }
}

// --- bytes --------------------------------------------------------------------------------------

ssize_t socket_recv(int fd, void *out, size_t size)
{
    return RETRIED(recv(fd, out, size, 0));
}

ssize_t socket_peek(int fd)
{
    char byte;
    return RETRIED(recv(fd, &byte, 1, MSG_PEEK));
}

ssize_t socket_send(int fd, const void *bytes, size_t len)
{
    return RETRIED(send(fd, bytes, len, MSG_NOSIGNAL));
}

ssize_t socket_send_parts(int fd, const struct slice *parts, size_t count)
{
    struct iovec vector[SOCKET_PARTS_MAX];
    assert(count <= SOCKET_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        vector[i] = (struct iovec){(char *)parts[i].ptr, parts[i].len};
    }
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};
    return RETRIED(sendmsg(fd, &message, MSG_NOSIGNAL));
}

void socket_end_sending(int fd)
{
    (void)shutdown(fd, SHUT_WR); // fails where the peer is gone already
}

void socket_close(int fd)
{
    (void)close(fd);
}

// --- for c-ares ---------------------------------------------------------------------------------
// It wants the system's own manner: -1 and errno.

static int ares_open(int domain, int type, int protocol, void *user)
{
    (void)user;
    return socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int ares_close(int fd, void *user)
{
    (void)user;
    return close(fd);
}

static int ares_connect(int fd, const struct sockaddr *name, socklen_t len, void *user)
{
    (void)user;
    return connect(fd, name, len);
}

static ssize_t ares_receive(int fd, void *out, size_t size, int flags, struct sockaddr *from,
                            socklen_t *len, void *user)
{
    (void)user;
    return recvfrom(fd, out, size, flags, from, len);
}

static ssize_t ares_sendv(int fd, const struct iovec *parts, int count, void *user)
{
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = (size_t)count};
    (void)user;
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

const struct ares_socket_functions socket_ares_functions = {
    .asocket = ares_open,
    .aclose = ares_close,
    .aconnect = ares_connect,
    .arecvfrom = ares_receive,
    .asendv = ares_sendv,
};
