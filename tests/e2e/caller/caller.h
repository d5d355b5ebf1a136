/* caller: which process of this machine opened a TCP connection to us: for relays that part a mesh whose nodes share one address. */
#ifndef TESTS_E2E_CALLER_H
#define TESTS_E2E_CALLER_H

#include <stdbool.h>

/* The inode of the socket at the other end of an accepted connection; 0: it is gone, or of another machine. */
unsigned long caller_inode(int fd);
/* Does this process hold that socket? */
bool caller_is(unsigned long inode, long pid);

#endif
