#!/usr/bin/python3
"""verify_ledger.py FILE [AGENCY]: checks an exported disclosure ledger (LEDGER.md): agency chain, rows, commitments, details, signed end.
AGENCY: its id in hexadecimal, as you got it from elsewhere. Exit 0: whole; 1: not, with each fault and its row. Needs Python 3.7 and
cryptography (Debian: python3-cryptography), and nothing of Comity."""
import hashlib, json, sys
from datetime import datetime
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KINDS = [None, "begin", "out", "in", "look", "act", "erase"]
# MessagePack: first byte -> kind, and width of the count behind it.
FORMS = dict(zip(bytes.fromhex("c4c5c6d9dadbdcdddedfcccdcecf"), "b1 b2 b4 s1 s2 s4 a2 a4 m2 m4 i1 i2 i4 i8".split()))

def number(data):
    return int.from_bytes(data, "big")

def digest(label, data):
    return hashlib.blake2b(bytes([len(label)]) + label.encode() + data, digest_size=32).digest()

def signed(key, signature, purpose, kind, agency, seq, what):
    """The signed string is always the same 96 bytes, whatever the purpose."""
    string = b"comity-sign-1".ljust(16, b"\0") + bytes([purpose, kind, 1]) + bytes(5) + agency + seq.to_bytes(8, "big") + what
    try:
        return Ed25519PublicKey.from_public_bytes(key).verify(signature, string) is None
    except (InvalidSignature, ValueError):
        return False

def body_size(r):
    """How long the body of an agency record is: ROOT, NODE or REVOKE."""
    at = {1: 92 + 32 * (r[85] + r[87] + r[88]) + 16 * r[89] + r[90], 2: 164, 3: 136}[r[1]]
    for _ in range(r[160] if r[1] == 2 else 0):
        at += 1 + r[at]
    return at

def chain_nodes(chain):
    """The agency's id and the keys of its nodes; every record is signed by who may, by the records before it."""
    agency, before, index, roots, ops, following, needed_root, needed_next, nodes = bytes(32), bytes(32), 0, set(), set(), set(), 0, 0, {}
    while chain:
        record, chain = chain[2:2 + number(chain[:2])], chain[2 + number(chain[:2]):]
        body, marks = record[:body_size(record)], record[body_size(record) + 1:]
        what, kind = digest("comity-agency", body), body[1]
        pairs = [(marks[i:i + 32], marks[i + 32:i + 96]) for i in range(0, len(marks), 96)]
        signers = {key for key, mark in pairs if signed(key, mark, 2, kind, body[4:36], index, what)}
        needed, able = (1, ops) if signers & ops else (needed_root, roots)
        if kind == 1:
            keys = [body[i:i + 32] for i in range(92, 92 + 32 * (body[85] + body[87] + body[88]), 32)]
            now, hashes = set(keys[:body[85]]), set(keys[body[85]:][:body[87]])
            needed, able = (needed_next, {key for key in now if digest("comity-next-root", key) in following}) if index else (body[84], now)
            roots, following, ops, needed_root, needed_next = now, hashes, set(keys[body[85] + body[87]:]), body[84], body[86]
        if (body[4:36], number(body[36:40]), body[40:72]) != (agency, index, before) or len(signers & able) < max(needed, 1) or len(signers) < len(pairs):
            sys.exit("record %d of the agency's chain is not good: nothing in this file is proven" % index)
        agency, before, index = agency if index else what, what, index + 1
        if kind == 2:
            nodes[digest("comity-node", agency + body[80:112])[:16]] = body[80:112]
    return agency, nodes

def unpack(b, at=0):
    """One MessagePack value, binary as hexadecimal; and where it ends."""
    first, at, values = b[at], at + 1, []
    if first < 0x80 or first in (0xc0, 0xc2, 0xc3):
        return {0xc0: None, 0xc2: False, 0xc3: True}.get(first, first), at
    form = FORMS.get(first) or ("m0" if first < 0x90 else "a0" if first < 0xa0 else "s0")
    width = int(form[1])
    count, at = (number(b[at:at + width]), at + width) if width else (first & (0x1f if form == "s0" else 0x0f), at)
    if form[0] in "isb":
        size = 0 if form[0] == "i" else count
        return {"i": lambda v: count, "s": bytes.decode, "b": bytes.hex}[form[0]](b[at:at + size]), at + size
    for _ in range(count * (2 if form[0] == "m" else 1)):
        value, at = unpack(b, at)
        values.append(value)
    return (dict(zip(values[::2], values[1::2])) if form[0] == "m" else values), at

first, *rows, last = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
agency, nodes = chain_nodes(bytes.fromhex(first["chain"]))
faults, before, told = [], None, 0
if first["agency"] != agency.hex() or sys.argv[2:] not in ([], [agency.hex()]):
    faults.append("line 1: the chain is that of agency %s" % agency.hex())
for at, line in enumerate(rows, rows[0]["number"] if rows else 0):
    row = bytes.fromhex(line["row"] or "").ljust(88, b"\0")
    time_ms = round(datetime.strptime(line.get("time", "1970-01-01T00:00:00.000Z")[:-1] + "+0000", "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)
    if (row[0], row[2:8], number(row[8:16]), line["number"]) != (1, bytes(6), at, at) or len(row) != 88:
        faults.append("row %d: this is not row %d" % (line["number"], at))
    elif (KINDS.index(line["kind"]), time_ms) != (row[1], number(row[16:24])):
        faults.append("row %d: kind or time in words are not the row's" % at)
    if row[24:56] != (before or (bytes(32) if at == 1 else row[24:56])):
        faults.append("row %d: it does not follow the row before: one of the two was changed, or one is missing" % at)
    before, told = digest("comity-ledger-row", row), told + (line["packed"] is not None)
    if line["packed"] is not None and digest("comity-ledger-details", bytes.fromhex(line["salt"] + line["packed"])) != row[56:]:
        faults.append("row %d: the details are not those that the row commits to" % at)
    elif line["packed"] is not None and unpack(bytes.fromhex(line["packed"]))[0] != line["details"]:
        faults.append("row %d: the details in words are not those that were committed to" % at)
end, key = bytes.fromhex(last["row_hash"] + last["node"]), nodes.get(bytes.fromhex(last["node"]))
what = digest("comity-ledger-head", last["signed"].to_bytes(8, "big") + last["time_ms"].to_bytes(8, "big") + end)
if not rows or (last["signed"], end[:32]) != (rows[-1]["number"], before):
    faults.append("end: what the node signed is not the last row here")
if not key or not signed(key, bytes.fromhex(last["signature"]), 5, 1, agency, last["signed"], what):
    faults.append("end: the signature is by no node of this agency")
print("\n".join(faults + ["%s: %d rows of %s (agency %s), %d of them with details" % (
    "BROKEN" if faults else "whole", len(rows), first["name"], agency.hex(), told)]))
sys.exit(1 if faults else 0)
