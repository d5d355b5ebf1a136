/* version: of the program; the protocol's versions stand in what is sent and stored. */
#ifndef NODE_VERSION_H
#define NODE_VERSION_H

#define COMITY_VERSION "0.1.0"

#endif
