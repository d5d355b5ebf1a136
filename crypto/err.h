/* err: the one list of error codes and their texts. Lowest of all headers, because everyone returns it. */
#ifndef CRYPTO_ERR_H
#define CRYPTO_ERR_H

/* A result that matters cannot be dropped. */
#define MUST_USE __attribute__((warn_unused_result))

#define ERR_LIST(X)                                                                                                                \
    X(OK, "success")                                                                                                               \
    X(ERR_MEMORY, "out of memory")                                                                                                 \
    X(ERR_TRUNCATED, "the data ends too early")                                                                                    \
    X(ERR_FORMAT, "the data does not have the expected form")                                                                      \
    X(ERR_VERSION, "unknown version")                                                                                              \
    X(ERR_SUITE, "unknown cryptographic suite")                                                                                    \
    X(ERR_TOO_BIG, "larger than the limit")                                                                                        \
    X(ERR_RANGE, "a value is out of range")                                                                                        \
    X(ERR_SYNTAX, "syntax error")                                                                                                  \
    X(ERR_UTF8, "invalid UTF-8")                                                                                                   \
    X(ERR_SIGNATURE, "the signature does not verify")                                                                              \
    X(ERR_KEY, "the public key is not acceptable")                                                                                 \
    X(ERR_DECRYPT, "decryption failed")                                                                                            \
    X(ERR_COMMITMENT, "the secret does not match its commitment")                                                                  \
    X(ERR_HASH, "the hash does not match")                                                                                         \
    X(ERR_CHAIN, "the entry does not follow its predecessor")                                                                      \
    X(ERR_FORK, "two different entries stand at one sequence number")                                                              \
    X(ERR_SPLIT, "its root keys signed two chains that contradict each other")                                                     \
    X(ERR_UNKNOWN_AUTHOR, "the author is not trusted here")                                                                        \
    X(ERR_REVOKED, "the key was revoked")                                                                                          \
    X(ERR_EXPIRED, "expired")                                                                                                      \
    X(ERR_NOT_READER, "not addressed to this node")                                                                                \
    X(ERR_NO_PREKEY, "no usable prekey of the reader is known")                                                                    \
    X(ERR_NOT_FOUND, "not found")                                                                                                  \
    X(ERR_EXISTS, "exists already")                                                                                                \
    X(ERR_DENIED, "not permitted")                                                                                                 \
    X(ERR_PASSPHRASE, "wrong passphrase, or the key file was altered")                                                             \
    X(ERR_CORRUPT, "stored data is damaged")                                                                                       \
    X(ERR_IO, "input or output failed")                                                                                            \
    X(ERR_FULL, "no space or quota left")                                                                                          \
    X(ERR_LIMIT, "a limit was reached")                                                                                            \
    X(ERR_BUSY, "busy")                                                                                                            \
    X(ERR_CLOSED, "closed by the other side")                                                                                      \
    X(ERR_TIMEOUT, "timed out")                                                                                                    \
    X(ERR_SELFTEST, "a start-up self-test failed")                                                                                 \
    X(ERR_INTERNAL, "internal error")

enum err {
#define ERR_AS_ENUM(name, text) name,
    ERR_LIST(ERR_AS_ENUM)
#undef ERR_AS_ENUM
        ERR_COUNT
};

/* The text of an error; never null, also for a number outside the list. */
const char *err_text(enum err error);

/* The code's own name ("ERR_CHAIN"), for logs and tests. */
const char *err_name(enum err error);

#endif
