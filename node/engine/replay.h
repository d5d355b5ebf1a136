/* replay: what a node that came from a backup does first. Objects of the backup may have been recalled since; until a peer has told
   what happened meanwhile, and the recalls are carried out, no object is shown and nothing is published. DIR/restored marks such a
   directory; it goes when that is over. The functions stand in node/engine/engine_core.h. */
#ifndef NODE_REPLAY_H
#define NODE_REPLAY_H

/* It is also a notice, and those are cut at 159 bytes. */
#define REPLAY_REASON                                                                                                              \
    "restored from a backup: objects are shown when a peer has told what was recalled since. If none will come, stop the node "    \
    "and remove its file \"restored\""

#endif
