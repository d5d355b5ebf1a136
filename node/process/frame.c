/* frame: the messages between our processes, and between the engine and its local clients. */
#include "node/process/frame.h"

#include "crypto/secret.h"
#include "node/process/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES_MAX  (1024 * 1024)     /* one channel_fill */
#define READ_BYTES_STEP (256 * 1024)      /* what one read asks for at least: more than a socket buffer holds */
#define BODY_COPY_MAX   (16 * 1024)       /* larger bodies go to the socket without a copy when nothing waits before them */
#define KEEP_BYTES_MAX  (4 * 1024 * 1024) /* an empty buffer larger than this is given back */
#define SEND_FD_MS      5000

/* Of the clients' numbers some have no meaning yet: who is asked closes the connection then, who asked takes them for no answer. */
static bool type_known(uint16_t type) {
    return (type >= FRAME_SETTINGS && type <= FRAME_RELOADED) || (type >= FRAME_READY && type <= FRAME_RELOAD) ||
           (type >= FRAME_NET_ALLOW && type <= FRAME_NET_CLOSE) || (type >= FRAME_NET_UP && type <= FRAME_NET_CUT) ||
           (type >= FRAME_KEY_SIGN && type <= FRAME_KEY_RENEW) || (type >= FRAME_KEY_SIGNED && type <= FRAME_KEY_RENEWED) ||
           type == FRAME_KEY_CURVE || (type >= FRAME_ASK_PUBLISH && type <= FRAME_CLIENT_LAST);
}

enum err frame_parse(struct bytes in, struct frame *out, size_t *used) {
    if (in.size < FRAME_HEADER_BYTES) return ERR_NOT_FOUND;
    uint32_t body_bytes = get_be32(in.data);
    uint16_t type = get_be16(in.data + 4);
    if (body_bytes > FRAME_BODY_BYTES_MAX || !type_known(type) || get_be16(in.data + 6) != 0) return ERR_FORMAT;
    if (in.size - FRAME_HEADER_BYTES < body_bytes) return ERR_NOT_FOUND;
    out->type = (enum frame_type)type;
    out->tag = get_be64(in.data + 8);
    out->body = bytes_of(in.data + FRAME_HEADER_BYTES, body_bytes);
    out->fd = -1;
    *used = FRAME_HEADER_BYTES + (size_t)body_bytes;
    return OK;
}

static void header_put(uint8_t out[static FRAME_HEADER_BYTES], enum frame_type type, uint64_t tag, size_t body_bytes) {
    put_be32(out, (uint32_t)body_bytes);
    put_be16(out + 4, (uint16_t)type);
    put_be16(out + 6, 0);
    put_be64(out + 8, tag);
}

void channel_init(struct channel *channel, int fd) {
    *channel = (struct channel){.fd = fd};
    buf_init(&channel->in, FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX + READ_BYTES_MAX);
    buf_init(&channel->out, 0);
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void channel_take_fds(struct channel *channel) { channel->takes_fds = true; }

void channel_close(struct channel *channel) {
    for (size_t i = 0; i < channel->fd_count; i++) close(channel->fds_in[i]);
    if (channel->fd >= 0) close(channel->fd);
    channel_wipe(channel);
    buf_free(&channel->in);
    buf_free(&channel->out);
    *channel = (struct channel){.fd = -1};
}

void channel_wipe(struct channel *channel) {
    if (channel->in_used > 0) secret_wipe(channel->in.data, channel->in_used);
    if (channel->in.capacity > channel->in.size)
        secret_wipe(channel->in.data + channel->in.size, channel->in.capacity - channel->in.size);
    if (channel->out_sent > 0) secret_wipe(channel->out.data, channel->out_sent);
    if (channel->out.capacity > channel->out.size)
        secret_wipe(channel->out.data + channel->out.size, channel->out.capacity - channel->out.size);
}

size_t channel_backlog(const struct channel *channel) { return channel->out.size - channel->out_sent; }

/* --- sending --- */

/* Moves what is unsent to the front when the sent prefix is the larger part, so that the copy is paid by what was sent. */
static void out_compact(struct channel *channel) {
    struct buf *out = &channel->out;
    if (channel->out_sent == out->size) {
        if (out->capacity > KEEP_BYTES_MAX) buf_free(out);
        buf_clear(out);
        channel->out_sent = 0;
    } else if (channel->out_sent > out->size - channel->out_sent) {
        memmove(out->data, out->data + channel->out_sent, out->size - channel->out_sent);
        out->size -= channel->out_sent;
        channel->out_sent = 0;
    }
}

enum err channel_queue(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body) {
    assert(body.size <= FRAME_BODY_BYTES_MAX);
    if (channel->fd < 0) return ERR_CLOSED;
    if (channel->out.capacity - channel->out.size < FRAME_HEADER_BYTES + body.size) out_compact(channel);
    uint8_t *at = buf_grow(&channel->out, FRAME_HEADER_BYTES + body.size);
    if (at == NULL) {
        channel->out.failed = channel->out.memory_failed = false;
        return ERR_MEMORY;
    }
    header_put(at, type, tag, body.size);
    if (body.size > 0) memcpy(at + FRAME_HEADER_BYTES, body.data, body.size);
    return OK;
}

/* Bytes taken by the socket; 0 when it is full, negative when it is gone. */
static ssize_t socket_send(int fd, const struct msghdr *message) {
    for (;;) {
        ssize_t sent = sendmsg(fd, message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return sent;
        if (errno == EINTR) continue;
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -1;
    }
}

enum err channel_flush(struct channel *channel) {
    if (channel->fd < 0) return ERR_CLOSED;
    while (channel_backlog(channel) > 0) {
        struct iovec piece = {channel->out.data + channel->out_sent, channel_backlog(channel)};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
        ssize_t sent = socket_send(channel->fd, &message);
        if (sent < 0) return ERR_CLOSED;
        if (sent == 0) return OK;
        channel->out_sent += (size_t)sent;
    }
    out_compact(channel);
    return OK;
}

/* sendmsg never writes through iov_base, but its type cannot say so. */
static struct iovec iovec_of(const void *data, size_t size) {
    struct iovec piece = {.iov_len = size};
    memcpy(&piece.iov_base, &data, sizeof data);
    return piece;
}

enum err channel_send(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body) {
    if (channel->fd < 0) return ERR_CLOSED;
    if (body.size <= BODY_COPY_MAX || channel_backlog(channel) > 0) {
        enum err error = channel_queue(channel, type, tag, body);
        return error != OK ? error : channel_flush(channel);
    }
    assert(body.size <= FRAME_BODY_BYTES_MAX);
    out_compact(channel);
    uint8_t header[FRAME_HEADER_BYTES];
    header_put(header, type, tag, body.size);
    struct iovec pieces[2] = {iovec_of(header, sizeof header), iovec_of(body.data, body.size)};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t result = socket_send(channel->fd, &message);
    if (result < 0) return ERR_CLOSED;
    size_t sent = (size_t)result, header_sent = sent < sizeof header ? sent : sizeof header;
    buf_put_raw(&channel->out, header + header_sent, sizeof header - header_sent);
    buf_put_raw(&channel->out, body.data + (sent - header_sent), body.size - (sent - header_sent));
    /* Half a frame is out: without memory for its rest the stream cannot be continued. */
    if (channel->out.failed) return ERR_CLOSED;
    return channel_flush(channel);
}

static enum err wait_writable(int fd, uint64_t deadline_ms) {
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms >= deadline_ms) return ERR_TIMEOUT;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (poll(&wait, 1, (int)(deadline_ms - now_ms)) < 0 && errno != EINTR) return ERR_IO;
    return OK;
}

enum err channel_send_fd(struct channel *channel, enum frame_type type, uint64_t tag, struct bytes body, int fd) {
    uint64_t deadline_ms = clock_monotonic_ms() + SEND_FD_MS;
    enum err error;
    while ((error = channel_flush(channel)) == OK && channel_backlog(channel) > 0) {
        if ((error = wait_writable(channel->fd, deadline_ms)) != OK) return error;
    }
    if (error == OK) error = channel_queue(channel, type, tag, body);
    if (error != OK) return error;

    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof fd)];
    } control = {0};
    struct iovec piece = {channel->out.data, channel->out.size};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    ssize_t sent;
    while ((sent = socket_send(channel->fd, &message)) == 0) {
        if ((error = wait_writable(channel->fd, deadline_ms)) != OK) return error;
    }
    if (sent < 0) return ERR_CLOSED;
    channel->out_sent += (size_t)sent;
    return channel_flush(channel);
}

/* --- receiving --- */

static void fds_take(struct channel *channel, struct msghdr *message) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (channel->fd_count < sizeof channel->fds_in / sizeof channel->fds_in[0]) {
                channel->fds_in[channel->fd_count++] = fd;
            } else {
                close(fd);
            }
        }
    }
}

/* One read into the end of `in`. ERR_NOT_FOUND: nothing there now. */
static enum err socket_receive(struct channel *channel, size_t room, size_t *received) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 8)];
    } control;
    struct iovec piece = {channel->in.data + channel->in.size, room};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    /* Without room for them the kernel closes descriptors that somebody sends. */
    if (channel->takes_fds) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
    }
    ssize_t result;
    do {
        result = recvmsg(channel->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (result < 0 && errno == EINTR);
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return ERR_NOT_FOUND;
    if (result < 0) return errno == ECONNRESET || errno == EPIPE ? ERR_CLOSED : ERR_IO;
    if (result == 0) return ERR_CLOSED;
    if (channel->takes_fds) fds_take(channel, &message);
    channel->in.size += (size_t)result;
    *received = (size_t)result;
    return OK;
}

enum err channel_fill(struct channel *channel) {
    if (channel->fd < 0) return ERR_CLOSED;
    struct buf *in = &channel->in;
    size_t total = 0;
    while (total < READ_BYTES_MAX) {
        size_t pending = in->size - channel->in_used;
        /* A whole frame is there for sure: the caller takes it first. */
        if (pending >= FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX) return OK;
        if (pending == 0) {
            in->size = channel->in_used = 0;
        } else if (in->capacity - in->size < READ_BYTES_STEP && channel->in_used > 0) {
            memmove(in->data, in->data + channel->in_used, pending);
            in->size = pending;
            channel->in_used = 0;
        }
        if (!buf_reserve(in, READ_BYTES_STEP)) {
            in->failed = in->memory_failed = false;
            return ERR_MEMORY;
        }
        size_t room = in->capacity - in->size, received = 0;
        if (room > READ_BYTES_MAX - total) room = READ_BYTES_MAX - total;
        enum err error = socket_receive(channel, room, &received);
        if (error == ERR_NOT_FOUND) return OK;
        if (error != OK) return total > 0 ? OK : error;
        total += received;
    }
    return OK;
}

enum err channel_next(struct channel *channel, struct frame *frame) {
    struct bytes unread = bytes_of(channel->in.data + channel->in_used, channel->in.size - channel->in_used);
    size_t used = 0;
    enum err error = frame_parse(unread, frame, &used);
    if (error != OK) return error;
    if (frame->type == FRAME_PEER) {
        if (!channel->takes_fds || channel->fd_count == 0) return ERR_FORMAT;
        frame->fd = channel->fds_in[0];
        channel->fd_count--;
        memmove(channel->fds_in, channel->fds_in + 1, channel->fd_count * sizeof channel->fds_in[0]);
    }
    channel->in_used += used;
    return OK;
}

enum err channel_wait(struct channel *channel, struct frame *frame, int timeout_ms) {
    uint64_t deadline_ms = timeout_ms < 0 ? UINT64_MAX : clock_monotonic_ms() + (uint64_t)timeout_ms;
    for (;;) {
        enum err error = channel_next(channel, frame);
        if (error != ERR_NOT_FOUND) return error;
        uint64_t now_ms = clock_monotonic_ms();
        int left_ms = -1;
        if (timeout_ms >= 0) left_ms = now_ms >= deadline_ms ? 0 : (int)(deadline_ms - now_ms);
        if (channel->fd < 0) return ERR_CLOSED;
        /* A peer that closed after its last answer is still heard: a failed send does not end the wait. */
        bool unsent = channel_backlog(channel) > 0 && channel_flush(channel) == OK && channel_backlog(channel) > 0;
        struct pollfd wait = {.fd = channel->fd, .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
        int ready = poll(&wait, 1, left_ms);
        if (ready < 0 && errno != EINTR) return ERR_IO;
        if (ready == 0) return ERR_TIMEOUT;
        if (ready > 0 && (wait.revents & ~POLLOUT) != 0) {
            error = channel_fill(channel);
            if (error != OK) return error;
        }
    }
}
