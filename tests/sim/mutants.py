#!/usr/bin/python3
"""mutants: planted bugs. Each is a small change of gossip/, built against the simulator with stand-in signatures, and must be caught
within 1,000 seeds.

Usage: tests/sim/mutants.py [--build DIR] [--seeds N] [--jobs N] [NAME...]

A mutant names the text that it replaces; the text stands exactly once in gossip/, so that a change of the core that moves it is
noticed here. Only the changed file is compiled anew: the linker takes it before the archive's own.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# name, what is wrong, invariants that may catch it first, [(text, replacement), ...]
MUTANTS = [
    ("claim-before-sync", "an entry is claimed before it is on the disk", "AckAfterSync",
     [("    log->head = batch.last.seq;\n    memcpy(log->head_id, batch.last.id, HASH_BYTES);",
       "    log->head = log->durable = batch.last.seq;\n    memcpy(log->durable_id, batch.last.id, HASH_BYTES);\n"
       "    memcpy(log->head_id, batch.last.id, HASH_BYTES);")]),
    ("send-before-sync", "an own entry is pushed before its sync", "AckAfterSync",
     [("    action->store_entries.own = true;\n    action->store_entries.all_verified = true;\n    return OK;",
       "    action->store_entries.own = true;\n    action->store_entries.all_verified = true;\n"
       "    own_stored(gossip, pending->waits_for);\n    return OK;")]),
    ("offer-before-sync", "a payload is offered before it is on the disk", "AckAfterSync",
     [("    missing->storing = true;\n    sync_unask(gossip, missing);",
       "    missing->storing = true;\n    push_have(gossip, index, missing->seq, 0);\n    sync_unask(gossip, missing);")]),
    ("skip-signature", "the signature of an entry is not checked", "NoInvention",
     [("    err = entry_verify(&batch.last, peer->node->sign_public);", "    err = OK;")]),
    ("forward-unverified", "a pushed entry is passed on before it is checked", "NoInvention",
     [("    sync_heard(gossip, link, index, entry.seq);\n    err = accept_entries(gossip, index, message->push.entry, &last);",
       "    sync_heard(gossip, link, index, entry.seq);\n"
       "    push_entry(gossip, index, entry.seq, message->push.entry, PUSH_AWAITED, message->push.payload, link);\n"
       "    err = accept_entries(gossip, index, message->push.entry, &last);")]),
    ("skip-payload-hash", "a payload is not held against the entry that names it", "NoInvention",
     [("    if (!block_payload_matches(payload, &missing->body.seal)) return ERR_HASH;", "")]),
    ("out-of-order", "an entry is taken although the one before it is missing", "NoInvention",
     [("        if (expected == 0 && entry->seq > log->head + 1) return ERR_CHAIN;", ""),
      ("    if (entry.seq > log->head + 1) {\n        /* The claim is believed", "    if (entry.seq > log->head + 2) {\n        /* The claim is believed")]),
    ("store-twice", "a payload that is on its way to the disk is stored again", "Idempotent",
     [("    if (!missing || missing->storing) return OK;\n    uint64_t mark", "    if (!missing) return OK;\n    uint64_t mark")]),
    ("number-again", "a node publishes without asking where its log ends", "NoSelfFork",
     [("    if (gossip->own_known || gossip->own_answers >= others_count(gossip)) return false;", "    if (gossip) return false;")]),
    ("number-behind", "a node publishes although peers hold more of its log", "NoSelfFork NoHonestBan ForkEvidence",
     [("    return log->heard > log->head || log->disputed ? GOSSIP_OWN_BEHIND : GOSSIP_OWN_READY;", "    return GOSSIP_OWN_READY;")]),
    ("claim-past-cut", "entries past a revocation's cut are claimed and served", "RevokeStop",
     [("    bool cut = peer->node->revoked && peer->log.durable > peer->node->revoked_seq;", "    bool cut = false;")]),
    ("serve-the-revoked", "a revoked node is told the news", "RevokeStop",
     [("        if (peer && peer->node->revoked)\n            overlay_cut(gossip, link, \"revoked\");\n        else if (link_open(link))",
       "        (void)peer;\n        if (link_open(link))")]),
    ("welcome-the-revoked", "a revoked node may connect", "RevokeStop",
     [("    return !peer->node->revoked && !peer->split && now_ms", "    return !peer->split && now_ms"),
      ("        if (peer && peer->node->revoked)\n            overlay_cut(gossip, link, \"revoked\");\n        else if (link_open(link))",
       "        (void)peer;\n        if (link_open(link))")]),
    ("direct-to-anyone", "a direct payload is given to any member", "Confidential",
     [("    return author == gossip->self && own_reads(gossip, body->epoch_seq, link->node_id);", "    return true;")]),
    ("no-back-off", "who is not there is dialled every second", "BoundedWork",
     [("    peer->dial_backoff_ms = peer->dial_backoff_ms ? 2 * peer->dial_backoff_ms : DIAL_BACKOFF_FIRST_MS;",
       "    peer->dial_backoff_ms = DIAL_BACKOFF_FIRST_MS;")]),
    ("back-off-without-end", "a peer that was away for long is forgotten", "Converge OneHonestPath",
     [("    if (peer->dial_backoff_ms > DIAL_BACKOFF_LAST_MS) peer->dial_backoff_ms = DIAL_BACKOFF_LAST_MS;",
       "    if (peer->dial_backoff_ms > DIAL_BACKOFF_LAST_MS / 8) peer->dial_backoff_ms = 3600 * 1000;")]),
    ("no-cap-on-ranges", "any number of ranges is asked of one peer", "BoundedWork",
     [("link->gets >= LIMIT_GETS_IN_FLIGHT", "link->gets >= 10 * LIMIT_GETS_IN_FLIGHT")]),
    ("no-cap-on-lanes", "a peer that does not read is served all the same", "BoundedPeer",
     [("    return link->queued_bytes + link->serving * (uint64_t)LIMIT_ENTRIES_BYTES < LIMIT_LANE_BYTES || link->serving == 0;",
       "    return link != NULL;"),
      ("    while (link->asked_count > 0 && room(link) && link->queued_bytes < LIMIT_LANE_BYTES) {",
       "    while (link->asked_count > 0 && room(link)) {")]),
    ("digest-of-others", "the digest is over other logs than the common ones", "Converge Quiesce OneHonestPath QuotaFair CatchUp",
     [("    if (!link->logs[index].common || claim == 0) return false;",
       "    if (!link->logs[index].common || claim == 0 || index % 3 == 1) return false;")]),
    ("digest-of-numbers", "equal lengths are taken for equal logs, whatever the link trusts", "Converge OneHonestPath NoSelfFork ForkEvidence",
     [("    put_be64(row + NODE_ID_BYTES, claim);\n    memcpy(row + NODE_ID_BYTES + 8, id, HASH_BYTES);\n    hash_derive(out, link->key, \"comity-digest\"",
       "    put_be64(row + NODE_ID_BYTES, claim / 4);\n    memset(row + NODE_ID_BYTES + 8, 0, HASH_BYTES), (void)id;\n    hash_derive(out, link->key, \"comity-digest\"")]),
    ("proof-without-hello", "a lost HELLO makes an honest peer a culprit", "NoHonestBan",
     [("    if (link->state == LINK_HELLO) return ERR_BUSY; /* its HELLO was lost on the way: a new link, and no misdeed */\n", "")]),
    ("ban-the-early", "a message before a lost PROOF makes an honest peer a culprit", "NoHonestBan",
     [("    case ERR_MEMORY:\n    case ERR_BUSY:\n    case ERR_CHAIN:", "    case ERR_MEMORY:\n    case ERR_CHAIN:")]),
    ("ban-the-new", "an entry of a later version makes its bearer a culprit", "NoHonestBan OwnFormat NoInvention Converge",
     [("    if (err != OK || entry.size != message->push.entry.size) return ERR_FORMAT;",
       "    if (err != OK || entry.size != message->push.entry.size || entry.type > ENTRY_STATEMENT) return ERR_FORMAT;")]),
    ("promise-for-ever", "a range that was promised and never came is waited for for ever", "Converge OneHonestPath QuotaFair",
     [("    if (log->get_link && late) {", "    if (log->get_link == UINT32_MAX && late) {")]),
    ("no-scan", "payloads that were lost in a crash are not looked for at a start", "Converge CatchUp",
     [("    log_scan_want(log, 1, log->head);\n    sync_active(gossip, peer->index);", "    sync_active(gossip, peer->index);")]),
    ("epoch-too-late", "payloads that came before their epoch was opened are not asked for", "Converge CatchUp",
     [("    if (peer->log.head > event->epoch.seq) log_scan_want(&peer->log, event->epoch.seq + 1, peer->log.head);\n", "")]),
    ("talkative", "a digest is sent every second", "Quiesce",
     [("    gossip->sync_due_ms = gossip->monotonic_ms + SYNC_INTERVAL_MS * 3 / 4 + random_below(&gossip->random, SYNC_INTERVAL_MS / 2);",
       "    gossip->sync_due_ms = gossip->monotonic_ms + 1000 + random_below(&gossip->random, 100);")]),
    ("silent-sync", "nobody is ever asked whether there is news", "Converge OneHonestPath QuotaFair",
     [("    if (count > 0) tell_digest(gossip, open[random_below(&gossip->random, count)], true);", "")]),
    ("proof-kept-back", "the proof of a fork is told to nobody", "ForkEvidence",
     [("    if (gossip->fork_count == 0 || !link->generation_heard) return;", "    if (link) return;")]),
    ("serve-the-fork", "what lies behind a fork is served as if it were clean", "ForkEvidence",
     [("    if (peer->log.frozen || peer->node->revoked) return false; /* what is recent", "    if (peer->node->revoked) return false; /* what is recent"),
      ("    if (peer->node->revoked || peer->log.frozen) return false; /* the store's answer", "    if (peer->node->revoked) return false; /* the store's answer")]),
    ("direct-by-hearsay", "a reader waits for heads before it asks an author for its own payload", "Converge",
     [("        bool holds = peer == author || link->logs[index].heard >= missing->seq;", "        bool holds = link->logs[index].heard >= missing->seq;")]),
    ("removal-forgotten", "who was removed from a group counts as a member", "Confidential",
     [("    return group && group->removed_ms != 0 && group->removed_ms <= question->context->now_ms &&",
       "    return group && group->removed_ms == UINT64_MAX &&")]),
    ("old-epoch-kept", "an open epoch serves another audience than its own", "Confidential",
     [("        if (usable(epoch, now_ms) && memcmp(epoch->audience_key, audience->key, HASH_BYTES) == 0) return epoch;",
       "        if (usable(epoch, now_ms) && audience->count > 0) return epoch;")]),
    ("old-epoch-by-size", "an open epoch serves any audience of the same size", "Confidential",
     [("    hash_of(audience->key, \"comity-audience\", bytes_of(ids, audience->count * NODE_ID_BYTES), bytes_of(NULL, 0));",
       "    hash_of(audience->key, \"comity-audience\", bytes_of(&audience->count, sizeof audience->count), bytes_of(NULL, 0));")]),
    ("ceiling-ignored", "a group carries labels above its ceiling", "Confidential",
     [("    return group && group->label_max != TLP_NONE && question->object->tlp > group->label_max &&",
       "    return group && group->label_max != TLP_NONE && question->object->tlp > TLP_RED &&")]),
    ("group-unknown-is-none", "an object of a group that is not known here counts as one of no group", "Confidential",
     [("    return question->marks->group.size > 0 && !group_of(question) &&",
       "    return question->marks->group.size > MARKS_GROUP_BYTES && !group_of(question) &&")]),
    ("group-has-no-end", "an object of a group that is over still goes out", "Confidential",
     [("(group->ends_ms != 0 && group->ends_ms <= question->context->now_ms))", "group->ends_ms == UINT64_MAX)")]),
    ("contested-stays", "who was removed by one of two contradicting rosters stays in", "Confidential",
     [("        if (memcmp(group->contested[i], agency_id, AGENCY_ID_BYTES) == 0) return ROSTER_REMOVED;",
       "        if (memcmp(group->contested[i], agency_id, AGENCY_ID_BYTES) == 0) break;")]),
    ("removed-row-is-in", "a roster's row of a removed agency counts as membership", "Confidential",
     [("    return member->removed_ms ? ROSTER_REMOVED : ROSTER_MEMBER;", "    return ROSTER_MEMBER;")]),
    ("seal-to-the-revoked", "a revoked node is sealed to", "Confidential",
     [("        if (node->revoked) continue;\n        if (agency_index != 0", "        if (agency_index != 0")]),
    ("clause-without-label", "an agreement's clause covers every label", "Confidential",
     [("    if ((aspects & ASPECT_LABEL) && object->tlp > clause->label_max) return false;\n", "")]),
    ("members-shut-out", "a group's objects reach none of its members", "Reach",
     [("    return group && !group->member &&", "    return group && group->id[0] < 0x80 &&")]),
    ("strict-passed-on", "TLP:AMBER+STRICT is passed on without its author's permission", "Confidential",
     [("    return reshared(question, TLP_AMBER_STRICT) && !policy_permitted(question, 0) &&",
       "    return reshared(question, TLP_NONE) && !policy_permitted(question, 0) &&")]),
]

# Where a bug needs a kind of trouble that most seeds do not have, its thousand seeds are of that profile.
PROFILES = {
    "skip-signature": "hostile", "forward-unverified": "hostile", "skip-payload-hash": "hostile", "direct-to-anyone": "hostile",
    "no-cap-on-lanes": "hostile", "proof-kept-back": "hostile", "serve-the-fork": "hostile", "number-again": "storage",
    "number-behind": "storage", "no-scan": "storage", "claim-past-cut": "safety",
    "serve-the-revoked": "safety", "welcome-the-revoked": "safety", "silent-sync": "liveness",
    "proof-without-hello": "liveness", "direct-by-hearsay": "liveness", "removal-forgotten": "confidential",
    "old-epoch-kept": "confidential", "old-epoch-by-size": "confidential", "ceiling-ignored": "confidential",
    "group-unknown-is-none": "confidential", "group-has-no-end": "confidential", "contested-stays": "confidential",
    "removed-row-is-in": "confidential", "seal-to-the-revoked": "confidential", "clause-without-label": "confidential",
    "strict-passed-on": "confidential", "members-shut-out": "confidential",
}


def sources():
    return {path: open(path, encoding="utf-8").read() for path in sorted(glob.glob(os.path.join(ROOT, "gossip", "*.[ch]")))}


def apply(mutant, texts):
    """The files that the mutant changes, as it leaves them."""
    changed = {}
    for text, replacement in mutant[3]:
        places = [path for path in texts if text in changed.get(path, texts[path])]
        count = sum(changed.get(path, texts[path]).count(text) for path in places)
        if count != 1:
            raise LookupError("its text stands %d times in gossip/: %r" % (count, text.strip().splitlines()[0][:90]))
        changed[places[0]] = changed.get(places[0], texts[places[0]]).replace(text, replacement)
    return changed


def objects(build):
    """What simfast is linked from, but for the archives."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "sim", "*.c"))):
        name = os.path.basename(path)[:-2]
        if name != "real" and not name.startswith(("scale", "baseline")):
            yield os.path.join(build, "tests", "sim", name + ".o")


def make(mutant, texts, build):
    folder = os.path.join(build, "mutants", mutant[0])
    os.makedirs(folder, exist_ok=True)
    compiled = []
    for path, text in apply(mutant, texts).items():
        source = os.path.join(folder, os.path.basename(path))
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        compiled.append(source[:-2] + ".o")
        subprocess.run(shlex.split(os.environ.get("CC", "cc")) + ["-std=gnu11", "-O2", "-w", "-I", ROOT, "-c", source, "-o", compiled[-1]],
                       check=True, cwd=ROOT)
    program = os.path.join(folder, "simfast")
    wraps = ["-Wl,--wrap=" + name for name in ("malloc", "calloc", "realloc")]
    subprocess.run(shlex.split(os.environ.get("CC", "cc")) + wraps + compiled + list(objects(build)) +
                   [os.path.join(build, "gossip.a"), os.path.join(build, "crypto.a"), "-lmsgpackc", "-lsodium", "-lzstd", "-lcmocka",
                    "-o", program], check=True, cwd=ROOT)
    return program


def judge(mutant, texts, build, seeds):
    """(caught as it should be, what to say)"""
    try:
        program = make(mutant, texts, build)
    except (LookupError, subprocess.CalledProcessError) as error:
        return False, str(error)
    run = subprocess.run([program, "--seeds", "1:%d" % seeds, "--profile", PROFILES.get(mutant[0], "all"), "--minutes", "5",
                          "--first", "--no-shrink"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, cwd=ROOT)
    output = run.stdout.decode("utf-8", "replace")
    found = re.search(r"^broken: (\w+): (.*) \(seed (\d+)\)$", output, re.MULTILINE)
    if not found:
        return False, "survived %d seeds" % seeds if run.returncode == 0 else "ended with %d and no verdict" % run.returncode
    good = found.group(1) in mutant[2].split()
    return good, "%s at seed %s%s" % (found.group(1), found.group(3), "" if good else ", expected " + mutant[2])


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", "2")))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    build, texts, failed = os.path.join(ROOT, options.build), sources(), 0
    chosen = [mutant for mutant in MUTANTS if not options.names or mutant[0] in options.names]
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        verdicts = pool.map(lambda mutant: judge(mutant, texts, build, options.seeds), chosen)
        for mutant, (good, what) in zip(chosen, verdicts):
            failed += not good
            print("%-7s %-22s %-70s %s" % ("caught" if good else "MISSED", mutant[0], mutant[1], what), flush=True)
    print("%d planted bugs, %d caught" % (len(chosen), len(chosen) - failed))
    return 1 if failed else 0


sys.exit(main())
