#!/usr/bin/env python3
"""Makes crypto/dictionary.c: a zstd dictionary trained on STIX-shaped objects that this script invents.

Run it from the repository's root: python3 crypto/dictionary_train.py. Needs the zstd command and nothing else. A dictionary of
other bytes is another version: raise DICTIONARY_VERSION in crypto/dictionary.h and in PROTOCOL.md 5.2."""
import json
import random
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path

DICTIONARY_BYTES = 32 * 1024
SAMPLES = 12000
R = random.Random(20260101)

TLP = ["94868c89-83c2-464b-929b-a1a8aa3c8487", "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
       "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "939a9414-2ddd-4d32-a0cd-375ea402b003",
       "e828b379-4e03-4974-9ac4-e53a884c97c1"]
TLP1 = ["613f2e26-407d-48c7-9eca-b8e91df99dc9", "34098fce-860f-48ae-8e50-ebd3cc5e41da",
        "f88d31f6-486f-44da-b317-01333bde0b82", "5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]
TLP_NUMBER = {TLP[0]: 1, TLP[1]: 2, TLP[2]: 3, TLP[3]: 4, TLP[4]: 5, TLP1[0]: 1, TLP1[1]: 2, TLP1[2]: 3, TLP1[3]: 5}
INDICATOR_TYPES = ["malicious-activity", "anomalous-activity", "compromised", "attribution", "benign", "anonymization", "unknown"]
LABELS = ["phishing", "c2", "botnet", "malware", "ransomware", "scanner", "bruteforce", "spam", "exploit", "apt", "banking-trojan",
          "command-and-control", "credential-theft", "dropper", "loader", "infostealer", "tor-exit-node", "osint", "blocklist"]
FAMILIES = ["Emotet", "QakBot", "TrickBot", "Cobalt Strike", "AgentTesla", "Formbook", "RedLine Stealer", "AsyncRAT", "Remcos",
            "IcedID", "Mirai", "NjRAT", "Lokibot", "Dridex", "LockBit", "BlackCat", "Conti", "Gh0st RAT", "PlugX", "XMRig"]
PHASES = ["reconnaissance", "weaponization", "delivery", "exploitation", "installation", "command-and-control",
          "actions-on-objectives"]
TACTICS = ["initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion", "credential-access",
           "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact"]
TLDS = ["com", "net", "org", "info", "ru", "cn", "xyz", "top", "io", "co", "de", "fr", "eu", "online", "site", "com.br", "co.uk"]
WORDS = ["secure", "login", "update", "mail", "account", "cloud", "service", "bank", "cdn", "api", "support", "static", "web",
         "portal", "office", "verify", "paypal", "admin", "img", "data"]
SECTORS = ["government", "financial-services", "energy", "healthcare", "defence", "telecommunications", "education"]


def stix_id(kind):
    return f"{kind}--{uuid.UUID(int=R.getrandbits(128), version=4)}"


AUTHORS = [stix_id("identity") for _ in range(400)]


def hexes(count):
    return "".join(R.choice("0123456789abcdef") for _ in range(count))


def stamp():
    fraction = R.choice([".000Z", f".{R.randrange(1000):03d}Z", f".{R.randrange(1000):03d}Z", "Z", f".{R.randrange(10**6):06d}Z"])
    return (f"20{R.randrange(23, 28)}-{R.randrange(1, 13):02d}-{R.randrange(1, 29):02d}T{R.randrange(24):02d}:"
            f"{R.randrange(60):02d}:{R.randrange(60):02d}{fraction}")


def host():
    name = R.choice(WORDS) + R.choice(["", "-", ""]) + R.choice(WORDS) if R.random() < 0.5 else \
        "".join(R.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(R.randrange(5, 16)))
    return R.choice(["", "", "www.", R.choice(WORDS) + "."]) + name + "." + R.choice(TLDS)


def ipv4():
    return [R.randrange(1, 224), R.randrange(256), R.randrange(256), R.randrange(1, 255)]


def observable():
    """One comparison: the pattern's left and right side, what a person would call it, and the (kind, value) the reader indexes."""
    pick = R.random()
    if pick < 0.28:
        address = ipv4()
        text = ".".join(map(str, address))
        return "ipv4-addr:value", text, "IPv4 address", (1, bytes(address) + b"\x20")
    if pick < 0.50:
        name = host()
        return "domain-name:value", name, "Domain", (3, name.encode())
    if pick < 0.68:
        where = host() if R.random() < 0.6 else ".".join(map(str, ipv4())) + R.choice(["", ":8080", f":{R.randrange(1024, 65536)}"])
        url = R.choice(["http://", "https://"]) + where + "/" + R.choice(
            ["", "login.php", "bin.sh", "i", "Mozi.m", "wp-content/plugins/" + hexes(6) + ".php", "index.html?id=" + hexes(8),
             "wp-includes/" + hexes(5) + "/", "update/" + hexes(8) + ".exe"])
        return "url:value", url, "URL", (4, url.encode())
    if pick < 0.84:
        raw = hexes(64)
        return R.choice(["file:hashes.'SHA-256'", "file:hashes.'SHA-256'", "file:hashes.\"SHA-256\""]), raw, "SHA-256", (8, bytes.fromhex(raw))
    if pick < 0.89:
        raw = hexes(32)
        return R.choice(["file:hashes.MD5", "file:hashes.'MD5'"]), raw, "MD5", (6, bytes.fromhex(raw))
    if pick < 0.93:
        raw = hexes(40)
        return "file:hashes.'SHA-1'", raw, "SHA-1", (7, bytes.fromhex(raw))
    if pick < 0.96:
        address = R.choice(WORDS) + "@" + host()
        return "email-addr:value", address, "E-mail address", (5, address.encode())
    raw = bytes([0x20, 0x01, 0x0d, 0xb8]) + R.randbytes(12)
    text = ":".join(f"{int.from_bytes(raw[i:i + 2], 'big'):x}" for i in range(0, 16, 2))
    return "ipv6-addr:value", text, "IPv6 address", (2, raw + b"\x80")


def marking(fields):
    if R.random() < 0.85:
        fields["object_marking_refs"] = ["marking-definition--" + R.choice(TLP if R.random() < 0.85 else TLP1)]


def common(kind):
    fields = {"type": kind, "spec_version": "2.1", "id": stix_id(kind)}
    if R.random() < 0.85:
        fields["created_by_ref"] = R.choice(AUTHORS)
    fields["created"] = stamp()
    fields["modified"] = fields["created"] if R.random() < 0.6 else stamp()
    return fields


def tail(fields):
    if R.random() < 0.25:
        fields["revoked"] = R.random() < 0.1
    if R.random() < 0.5:
        fields["labels"] = R.sample(LABELS, R.randrange(1, 4))
    if R.random() < 0.5:
        fields["confidence"] = R.choice([15, 25, 50, 60, 75, 80, 85, 90, 95, 100])
    if R.random() < 0.1:
        fields["lang"] = "en"
    if R.random() < 0.25:
        fields["external_references"] = [{"source_name": R.choice(["URLhaus", "misp", "cve", "mitre-attack", "AlienVault", "vendor report"]),
                                          "url": "https://" + host() + "/" + hexes(8)}]
    marking(fields)
    return fields


def indicator():
    left, right, noun, seen = observable()
    fields = common("indicator")
    if R.random() < 0.85:
        fields["name"] = R.choice([f"{R.choice(FAMILIES)} {noun}", right, f"Malicious {noun}", f"{noun}: {right}",
                                   f"{R.choice(FAMILIES)} C2 {right}", f"{R.choice(LABELS)} {noun}", f"Malware {noun.lower()} {right}"])
    if R.random() < 0.4:
        fields["description"] = R.choice([f"This {noun} was seen in a {R.choice(LABELS)} campaign.", f"TS ID: {R.randrange(10**11)}; iType: mal_domain",
                                          f"Observed as {R.choice(FAMILIES)} command and control server.",
                                          f"{noun} associated with {R.choice(FAMILIES)}, last seen {stamp()[:10]}"])
    if R.random() < 0.85:
        fields["indicator_types"] = R.sample(INDICATOR_TYPES, 1 if R.random() < 0.9 else 2)
    pattern = f"[{left} = '{right}']"
    if R.random() < 0.05:
        other = observable()
        pattern = f"[{left} = '{right}' {R.choice(['AND', 'OR'])} {other[0]} = '{other[1]}']"
    fields["pattern"] = pattern
    fields["pattern_type"] = "stix"
    if R.random() < 0.3:
        fields["pattern_version"] = "2.1"
    fields["valid_from"] = fields["created"] if R.random() < 0.6 else stamp()
    if R.random() < 0.4:
        fields["valid_until"] = stamp()
    if R.random() < 0.3:
        if R.random() < 0.6:
            fields["kill_chain_phases"] = [{"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": R.choice(PHASES)}]
        else:
            fields["kill_chain_phases"] = [{"kill_chain_name": "mitre-attack", "phase_name": R.choice(TACTICS)}]
    return tail(fields), [seen]


def other():
    kind = R.choice(["relationship", "relationship", "relationship", "malware", "identity", "report", "threat-actor", "attack-pattern",
                     "campaign", "intrusion-set", "infrastructure", "sighting", "vulnerability", "observed-data", "course-of-action",
                     "note", "tool", "location", "grouping", "opinion", "malware-analysis", "ipv4-addr", "domain-name", "url", "file"])
    if kind in ("ipv4-addr", "domain-name", "url"):
        _, right, _, seen = observable()
        return {"type": kind, "spec_version": "2.1", "id": stix_id(kind), "value": right}, [seen]
    if kind == "file":
        raw = hexes(64)
        return {"type": "file", "spec_version": "2.1", "id": stix_id("file"), "hashes": {"MD5": hexes(32), "SHA-1": hexes(40), "SHA-256": raw},
                "size": R.randrange(10**6), "name": R.choice(WORDS) + ".exe"}, [(8, bytes.fromhex(raw))]
    fields = common(kind)
    if kind == "relationship":
        fields.update({"relationship_type": R.choice(["indicates", "uses", "targets", "attributed-to", "based-on", "related-to", "communicates-with"]),
                       "source_ref": stix_id(R.choice(["indicator", "indicator", "malware", "threat-actor", "intrusion-set"])),
                       "target_ref": stix_id(R.choice(["malware", "attack-pattern", "identity", "infrastructure", "campaign"]))})
    elif kind == "sighting":
        fields.update({"sighting_of_ref": stix_id("indicator"), "first_seen": stamp(), "last_seen": stamp(), "count": R.randrange(1, 99),
                       "observed_data_refs": [stix_id("observed-data")], "where_sighted_refs": [R.choice(AUTHORS)], "summary": False})
    elif kind == "report":
        fields.update({"name": f"{R.choice(FAMILIES)} activity", "description": f"Report on {R.choice(FAMILIES)}.", "report_types": ["threat-report", "indicator"],
                       "published": stamp(), "object_refs": [stix_id(R.choice(["indicator", "malware", "relationship"])) for _ in range(R.randrange(1, 6))]})
    elif kind == "observed-data":
        fields.update({"first_observed": stamp(), "last_observed": stamp(), "number_observed": R.randrange(1, 50),
                       "object_refs": [stix_id(R.choice(["ipv4-addr", "domain-name", "file"]))]})
    elif kind in ("note", "opinion", "grouping"):
        fields.update({"object_refs": [stix_id("indicator")]})
        fields.update({"abstract": "Analyst note", "content": "Seen again."} if kind == "note" else
                      {"opinion": R.choice(["agree", "strongly-agree", "disagree", "neutral"])} if kind == "opinion" else
                      {"name": "Grouping", "context": "suspicious-activity"})
    elif kind == "malware-analysis":
        fields.update({"product": "sandbox", "result": "malicious", "analysis_started": stamp(), "sample_ref": stix_id("file")})
    else:
        fields["name"] = R.choice(FAMILIES)
        fields["description"] = f"{R.choice(FAMILIES)} is a {kind.replace('-', ' ')}."
        extra = {"malware": {"malware_types": [R.choice(["trojan", "ransomware", "backdoor", "bot", "remote-access-trojan", "spyware"])], "is_family": True,
                             "aliases": [R.choice(FAMILIES)], "first_seen": stamp()},
                 "identity": {"identity_class": R.choice(["organization", "individual", "system", "group"]), "sectors": [R.choice(SECTORS)],
                              "contact_information": "soc@" + host()},
                 "threat-actor": {"threat_actor_types": ["crime-syndicate"], "aliases": [R.choice(FAMILIES)], "sophistication": "advanced",
                                  "resource_level": "organization", "primary_motivation": "personal-gain", "goals": ["financial gain"]},
                 "attack-pattern": {"external_references": [{"source_name": "mitre-attack", "external_id": f"T{R.randrange(1000, 1700)}",
                                                             "url": "https://attack.mitre.org/techniques/T1566/"}],
                                    "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": R.choice(TACTICS)}]},
                 "infrastructure": {"infrastructure_types": [R.choice(["command-and-control", "botnet", "phishing", "hosting-malware"])]},
                 "vulnerability": {"name": f"CVE-20{R.randrange(15, 27)}-{R.randrange(1000, 50000)}",
                                   "external_references": [{"source_name": "cve", "external_id": f"CVE-2025-{R.randrange(1000, 50000)}"}]},
                 "intrusion-set": {"aliases": [R.choice(FAMILIES)], "goals": ["espionage"], "resource_level": "government"},
                 "campaign": {"objective": "Credential theft", "first_seen": stamp(), "last_seen": stamp()},
                 "tool": {"tool_types": ["remote-access"], "tool_version": "4.2"},
                 "location": {"country": R.choice(["DE", "FR", "US", "NL", "PL"]), "region": "western-europe", "latitude": 48.85, "longitude": 2.35}}
        fields.update(extra.get(kind, {}))
    return tail(fields), []


def pack_uint(value):
    if value < 128:
        return bytes([value])
    for code, limit, form in ((0xcc, 1 << 8, ">B"), (0xcd, 1 << 16, ">H"), (0xce, 1 << 32, ">I")):
        if value < limit:
            return bytes([code]) + struct.pack(form, value)
    return b"\xcf" + struct.pack(">Q", value)


def pack_text(value):
    size = len(value)
    if size < 32:
        return bytes([0xa0 | size]) + value
    return (b"\xd9" + struct.pack(">B", size) if size < 256 else b"\xda" + struct.pack(">H", size)) + value


def pack_bytes(value):
    return b"\xc4" + struct.pack(">B", len(value)) + value if len(value) < 256 else b"\xc5" + struct.pack(">H", len(value)) + value


def ordered(fields):
    """Producers differ in the order of fields: the specification's, the alphabet's, or the one of the day."""
    pick = R.random()
    if pick < 0.45:
        return fields
    if pick < 0.75:
        return dict(sorted(fields.items()))
    first = {key: fields[key] for key in ("type", "id", "created", "modified") if key in fields}
    rest = [key for key in fields if key not in first]
    if R.random() < 0.5:
        R.shuffle(rest)
    return {**first, **{key: fields[key] for key in rest}}


def placed(value, text, pack):
    offset = text.find(value) if len(value) >= 6 else -1
    return b"\x92" + pack_uint(offset) + pack_uint(len(value)) if offset >= 0 else pack(value)

def item():
    fields, seen = indicator() if R.random() < 0.75 else other()
    text = json.dumps(ordered(fields), separators=(",", ":"), ensure_ascii=False).encode()
    refs = [ref.removeprefix("marking-definition--") for ref in fields.get("object_marking_refs", [])]
    modified = R.randrange(1_690_000_000_000, 1_830_000_000_000) if "modified" in fields else 0
    packed = b"\x99\x01" + pack_text(fields["type"].encode()) + pack_uint(modified)
    packed += pack_uint(modified + R.randrange(10**10) if "valid_until" in fields else 0)
    packed += pack_uint(max((TLP_NUMBER[ref] for ref in refs), default=R.choice([1, 2, 3]))) + b"\xc2"
    packed += pack_bytes(text) + placed(fields["id"].encode(), text, pack_text)
    packed += bytes([0x90 | len(seen)]) + b"".join(b"\x92" + pack_uint(kind) + placed(value, text, pack_bytes) for kind, value in seen)
    return struct.pack(">I", len(packed)) + packed


def literal(raw):
    """The bytes as a C string over lines of at most 132 columns: most of them are text, so it stays readable."""
    lines, line = [], ""
    for byte in raw:
        text = chr(byte)
        text = "\\" + text if text in "\\\"?" else text if 32 <= byte < 127 else f"\\{byte:03o}"
        if len(line) + len(text) > 124:
            lines.append(line)
            line = ""
        line += text
    return "\n".join(f'    "{line}"' for line in [*lines, line])


def main():
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number in range(SAMPLES):
            names.append(Path(folder) / str(number))
            names[-1].write_bytes(item())
        listing = Path(folder) / "list"
        listing.write_text("\n".join(map(str, names)))
        out = Path(folder) / "dictionary"
        subprocess.run(["zstd", "-q", "--train", "--filelist", listing, "--maxdict", str(DICTIONARY_BYTES), "--dictID", "1", "-o", out], check=True)
        raw = out.read_bytes()
    (here / "dictionary.c").write_text(
        "/* Made by crypto/dictionary_train.py: do not edit. */\n#include \"crypto/dictionary.h\"\n\n/* clang-format off */\n"
        f"const uint8_t dictionary_bytes[{len(raw)}] =\n{literal(raw)};\n/* clang-format on */\n"
        "const size_t dictionary_size = sizeof dictionary_bytes;\n")
    print(f"{len(raw)} bytes from {SAMPLES} samples")


if __name__ == "__main__":
    main()
