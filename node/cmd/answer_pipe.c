#include "node/cmd/answer_pipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH_ANSWERS 64
#define BATCH_BYTES   (256 * 1024) /* of bodies; a larger one comes alone */
#define BATCHES       4

/* Objects that change hands together. The bodies stay where they are: views point into them. */
struct batch {
    struct answer_reader readers[BATCH_ANSWERS];
    struct buf bodies;
    size_t count;
};

/* Batches go round: the thread fills [filled % BATCHES], the caller empties [emptied % BATCHES]. */
struct answer_pipe {
    struct client *client;
    struct jsonwalk *walk; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct batch batches[BATCHES];
    size_t filled, emptied;
    bool over, stop;
    enum err err; /* of the end, as what follows */
    struct frame last;
    struct buf last_body;
    size_t at; /* the caller's place in its batch */
};

/* --- the thread --- */

/* A batch to fill; null when nobody wants it any more. */
static struct batch *batch_take(struct answer_pipe *pipe) {
    struct batch *batch = &pipe->batches[pipe->filled % BATCHES];
    pthread_mutex_lock(&pipe->lock);
    while (!pipe->stop && pipe->filled - pipe->emptied == BATCHES) pthread_cond_wait(&pipe->moved, &pipe->lock);
    bool stop = pipe->stop;
    pthread_mutex_unlock(&pipe->lock);
    if (stop) return NULL;
    batch->count = 0;
    buf_clear(&batch->bodies);
    return buf_reserve(&batch->bodies, BATCH_BYTES) ? batch : NULL;
}

static void batch_give(struct answer_pipe *pipe) {
    pthread_mutex_lock(&pipe->lock);
    pipe->filled++;
    pthread_cond_broadcast(&pipe->moved);
    pthread_mutex_unlock(&pipe->lock);
}

static bool batch_fits(const struct batch *batch, size_t bytes) {
    return batch->count == 0 || (batch->count < BATCH_ANSWERS && batch->bodies.size + bytes <= BATCH_BYTES);
}

static enum err batch_put(struct answer_pipe *pipe, struct batch *batch, struct bytes body) {
    struct answer_reader *reader = &batch->readers[batch->count];
    size_t at = batch->bodies.size;
    buf_put(&batch->bodies, body);
    if (batch->bodies.failed) return ERR_MEMORY;
    reader->walk = pipe->walk;
    batch->count++;
    return answer_read(reader, bytes_of(batch->bodies.data + at, body.size));
}

/* Fills batches up to the frame that is no object. */
static enum err batches_fill(struct answer_pipe *pipe) {
    struct batch *batch = NULL;
    for (;;) {
        enum err err = client_answer(pipe->client, &pipe->last, -1);
        bool object = err == OK && pipe->last.type == FRAME_ANSWER_OBJECT;
        if (batch && (!object || !batch_fits(batch, pipe->last.body.size))) {
            batch_give(pipe);
            batch = NULL;
        }
        if (!object) return err;
        if (!batch) batch = batch_take(pipe);
        if (!batch) return ERR_MEMORY;
        err = batch_put(pipe, batch, pipe->last.body);
        if (err != OK) return err; /* the batch is not given: nothing of it counts beside the error */
    }
}

static void *thread_main(void *context) {
    struct answer_pipe *pipe = context;
    enum err err = batches_fill(pipe);
    if (err == OK) {
        buf_put(&pipe->last_body, pipe->last.body);
        err = buf_result(&pipe->last_body);
    }
    pipe->last.body = bytes_of_buf(&pipe->last_body);
    pthread_mutex_lock(&pipe->lock);
    pipe->err = err;
    pipe->over = true;
    pthread_cond_broadcast(&pipe->moved);
    pthread_mutex_unlock(&pipe->lock);
    return NULL;
}

/* --- the caller --- */

struct answer_pipe *answer_pipe_new(struct client *client) {
    struct answer_pipe *pipe = calloc(1, sizeof *pipe);
    struct answer_reader reader = {0};
    if (!pipe) return NULL;
    pipe->client = client;
    pthread_mutex_init(&pipe->lock, NULL);
    pthread_cond_init(&pipe->moved, NULL);
    bool good = answer_reader_init(&reader) == OK;
    pipe->walk = reader.walk;
    if (good && pthread_create(&pipe->thread, NULL, thread_main, pipe) == 0) return pipe;
    answer_reader_free(&reader);
    free(pipe);
    return NULL;
}

/* The batch read to its end goes back. False: there is no further one. */
static bool batch_next(struct answer_pipe *pipe, bool done) {
    pthread_mutex_lock(&pipe->lock);
    pipe->emptied += done;
    pthread_cond_broadcast(&pipe->moved);
    while (pipe->filled == pipe->emptied && !pipe->over) pthread_cond_wait(&pipe->moved, &pipe->lock);
    bool any = pipe->filled != pipe->emptied;
    pthread_mutex_unlock(&pipe->lock);
    return any;
}

enum err answer_pipe_next(struct answer_pipe *pipe, const struct answer **answer, struct frame *last) {
    struct batch *batch = &pipe->batches[pipe->emptied % BATCHES];
    *answer = NULL;
    if (pipe->at == 0 || pipe->at == batch->count) {
        bool any = batch_next(pipe, pipe->at > 0);
        pipe->at = 0;
        if (!any) {
            *last = pipe->last;
            return pipe->err;
        }
        batch = &pipe->batches[pipe->emptied % BATCHES];
    }
    *answer = &batch->readers[pipe->at++].answer;
    return OK;
}

void answer_pipe_free(struct answer_pipe *pipe) {
    struct answer_reader reader;
    if (!pipe) return;
    pthread_mutex_lock(&pipe->lock);
    pipe->stop = true;
    pthread_cond_broadcast(&pipe->moved);
    /* It may wait for the node, which has more to say to nobody. */
    if (!pipe->over) shutdown(pipe->client->channel.fd, SHUT_RDWR);
    pthread_mutex_unlock(&pipe->lock);
    pthread_join(pipe->thread, NULL);
    reader.walk = pipe->walk;
    answer_reader_free(&reader);
    for (size_t i = 0; i < BATCHES; i++) buf_free(&pipe->batches[i].bodies);
    buf_free(&pipe->last_body);
    pthread_mutex_destroy(&pipe->lock);
    pthread_cond_destroy(&pipe->moved);
    free(pipe);
}
