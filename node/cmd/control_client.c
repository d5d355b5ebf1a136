/* The client's half of node/engine/control.h. */
#include "node/engine/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum err control_connect(struct channel *out, const char *dir) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/" CONTROL_SOCKET_NAME, dir);
    if (size < 0 || (size_t)size >= sizeof address.sun_path) return ERR_TOO_BIG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return ERR_IO;
    int result;
    do {
        result = connect(fd, (const struct sockaddr *)&address, sizeof address);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        int number = errno;
        close(fd);
        if (number == EACCES || number == EPERM) return ERR_DENIED;
        return number == ENOENT || number == ECONNREFUSED || number == ENOTDIR || number == ECONNRESET ? ERR_CLOSED : ERR_IO;
    }
    channel_init(out, fd);
    return OK;
}
