/* answer_pipe: the objects of a long answer, read and judged by a thread of its own while its caller writes those before them: what a
   large export costs is spread over two processors. The order stays. */
#ifndef NODE_ANSWER_PIPE_H
#define NODE_ANSWER_PIPE_H

#include "node/cmd/client.h"
#include "node/process/answer.h"

struct answer_pipe;

/* After client_ask: takes over the client's connection until answer_pipe_free. Null without memory or a thread. */
struct answer_pipe *answer_pipe_new(struct client *client);

/* The next object in *answer, whose views live until the next call; or, with *answer null, the frame that is none: DONE, ERROR or what
   should not be, whose body lives until answer_pipe_free. Then there is no next one. Errors as of client_answer and answer_read. */
enum err answer_pipe_next(struct answer_pipe *pipe, const struct answer **answer, struct frame *last) MUST_USE;

/* Also in the middle: the connection is of no use then. May be null. */
void answer_pipe_free(struct answer_pipe *pipe);

#endif
