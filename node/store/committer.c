#include "node/store/committer.h"

#include "node/process/clock.h"
#include "node/store/waltail.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct queue {
    struct commit *first;
    struct commit *last;
};

struct committer {
    struct rocks *rocks;
    bool sync;
    int event_fd;
    uint64_t run, groups; /* of this opening, for the marks in the log */
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work;
    pthread_cond_t idle;
    struct queue waiting;
    struct queue done;
    size_t pending; /* waiting or in the group under way */
    bool stop;
    bool gather; /* more belongs to this group: do not begin it yet */
    struct histogram times;
    enum err error;
    char why[ROCKS_WHY_BYTES];
};

static void queue_put(struct queue *queue, struct commit *first, struct commit *last) {
    if (queue->last != NULL)
        queue->last->next = first;
    else
        queue->first = first;
    queue->last = last;
    last->next = NULL;
}

/* One group: all are written, one sync covers them. */
static enum err group_write(struct committer *committer, struct commit *group, char *why) {
    char *error = NULL;
    struct waltail_place place = {.run = committer->run, .group = ++committer->groups};
    for (const struct commit *commit = group; commit != NULL; commit = commit->next) place.count++;
    for (struct commit *commit = group; commit != NULL; commit = commit->next, place.index++) {
        if (commit->result != OK) return commit->result;
        waltail_mark(commit->batch, &place);
        rocksdb_write(committer->rocks->db, committer->rocks->write, commit->batch, &error);
        if (error != NULL) return rocks_err(error, why);
    }
    if (committer->sync) rocksdb_flush_wal(committer->rocks->db, 1, &error);
    return rocks_err(error, why);
}

static void *run(void *argument) {
    struct committer *committer = argument;
    pthread_mutex_lock(&committer->lock);
    for (;;) {
        while ((committer->waiting.first == NULL || committer->gather) && !committer->stop)
            pthread_cond_wait(&committer->work, &committer->lock);
        if (committer->waiting.first == NULL) break;
        struct queue group = committer->waiting;
        committer->waiting = (struct queue){NULL, NULL};
        enum err result = committer->error;
        pthread_mutex_unlock(&committer->lock);

        char why[ROCKS_WHY_BYTES] = "";
        uint64_t begun_ns = clock_monotonic_ns();
        if (result == OK) result = group_write(committer, group.first, why);
        uint64_t took_us = (clock_monotonic_ns() - begun_ns) / 1000;

        pthread_mutex_lock(&committer->lock);
        if (committer->error == OK) histogram_add(&committer->times, took_us);
        if (result != OK && committer->error == OK) {
            committer->error = result;
            snprintf(committer->why, sizeof committer->why, "%s", why);
        }
        for (struct commit *commit = group.first; commit != NULL; commit = commit->next) {
            commit->result = result;
            committer->pending--;
        }
        queue_put(&committer->done, group.first, group.last);
        uint64_t one = 1;
        if (write(committer->event_fd, &one, sizeof one) < 0) { /* only when 2^64 signals wait: it is readable then */
        }
        if (committer->pending == 0) pthread_cond_broadcast(&committer->idle);
    }
    pthread_mutex_unlock(&committer->lock);
    return NULL;
}

struct committer *committer_new(struct rocks *rocks, bool sync, int event_fd) {
    struct committer *committer = calloc(1, sizeof *committer);
    if (committer == NULL) return NULL;
    committer->rocks = rocks;
    committer->sync = sync;
    committer->event_fd = event_fd;
    randombytes_buf(&committer->run, sizeof committer->run);
    pthread_mutex_init(&committer->lock, NULL);
    pthread_cond_init(&committer->work, NULL);
    pthread_cond_init(&committer->idle, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&committer->thread, NULL, run, committer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        free(committer);
        return NULL;
    }
    return committer;
}

void committer_free(struct committer *committer) {
    if (committer == NULL) return;
    pthread_mutex_lock(&committer->lock);
    committer->stop = true;
    pthread_cond_signal(&committer->work);
    pthread_mutex_unlock(&committer->lock);
    pthread_join(committer->thread, NULL);
    assert(committer->done.first == NULL);
    pthread_cond_destroy(&committer->work);
    pthread_cond_destroy(&committer->idle);
    pthread_mutex_destroy(&committer->lock);
    free(committer);
}

void committer_add(struct committer *committer, struct commit *commit) {
    pthread_mutex_lock(&committer->lock);
    queue_put(&committer->waiting, commit, commit);
    committer->pending++;
    if (!committer->gather) pthread_cond_signal(&committer->work);
    pthread_mutex_unlock(&committer->lock);
}

void committer_gather(struct committer *committer, bool gather) {
    pthread_mutex_lock(&committer->lock);
    committer->gather = gather;
    if (!gather && committer->waiting.first != NULL) pthread_cond_signal(&committer->work);
    pthread_mutex_unlock(&committer->lock);
}

struct commit *committer_take(struct committer *committer) {
    pthread_mutex_lock(&committer->lock);
    struct commit *commit = committer->done.first;
    if (commit != NULL) {
        committer->done.first = commit->next;
        if (committer->done.first == NULL) committer->done.last = NULL;
        commit->next = NULL;
    }
    pthread_mutex_unlock(&committer->lock);
    return commit;
}

size_t committer_pending(struct committer *committer) {
    pthread_mutex_lock(&committer->lock);
    size_t pending = committer->pending;
    pthread_mutex_unlock(&committer->lock);
    return pending;
}

void committer_wait(struct committer *committer) {
    pthread_mutex_lock(&committer->lock);
    committer->gather = false;
    pthread_cond_signal(&committer->work);
    while (committer->pending > 0) pthread_cond_wait(&committer->idle, &committer->lock);
    pthread_mutex_unlock(&committer->lock);
}

void committer_times(struct committer *committer, struct histogram *out) {
    pthread_mutex_lock(&committer->lock);
    *out = committer->times;
    pthread_mutex_unlock(&committer->lock);
}

enum err committer_error(struct committer *committer, char *why) {
    pthread_mutex_lock(&committer->lock);
    enum err error = committer->error;
    if (error != OK && why != NULL) snprintf(why, ROCKS_WHY_BYTES, "%s", committer->why);
    pthread_mutex_unlock(&committer->lock);
    return error;
}
