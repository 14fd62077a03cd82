#include "conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *secret_read_open(int file, struct buffer *out)
{
    for (;;) {
        ssize_t n = read(file, buffer_reserve(out, SECRET_SIZE_MAX), SECRET_SIZE_MAX);
        if (n < 0 && errno != EINTR) {
            return strerrordesc_np(errno);
        }
        if (n == 0) {
            return NULL;
        }
        buffer_added(out, n > 0 ? (size_t)n : 0);
        if (buffer_len(out) > SECRET_SIZE_MAX) {
            return "more than 4096 bytes";
        }
    }
}

static const char *secret_trim(struct buffer *out)
{
    struct slice text = buffer_slice(out);
    size_t len = text.len;
    if (len > 0 && text.ptr[len - 1] == '\n') {
        len--;
    }
    if (len > 0 && len < text.len && text.ptr[len - 1] == '\r') {
        len--;
    }
    buffer_truncate(out, len);
    if (len == 0) {
        return "empty";
    }
    return slice_find(slice_first(text, len), '\0') < len ? "holds a NUL byte" : NULL;
}

const char *secret_read(const char *path, struct buffer *out, bool *is_exposed)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *is_exposed = false;
    if (file < 0) {
        return strerrordesc_np(errno);
    }
    if (fstat(file, &status) == 0) {
        *is_exposed = (status.st_mode & S_IROTH) != 0;
    }
    const char *complaint = secret_read_open(file, out);
    close(file);
    return complaint != NULL ? complaint : secret_trim(out);
}
