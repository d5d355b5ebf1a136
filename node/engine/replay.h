/* replay: what a node that came from a backup does first. Objects of the backup may have been recalled since; until a peer has told
   what happened meanwhile, and the recalls are carried out, no object is shown and nothing is published. DIR/restored marks such a
   directory; it goes when that is over. The functions stand in node/engine/engine_core.h. */
#ifndef NODE_REPLAY_H
#define NODE_REPLAY_H

#define REPLAY_REASON                                                                                                              \
    "this node was restored from a backup and has not heard from any peer yet what was recalled since: objects are shown after "   \
    "that. "                                                                                                                       \
    "If no peer will come, stop it and remove the file \"restored\" of its directory"

#endif
