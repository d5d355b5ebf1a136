#!/usr/bin/env python3
"""Writes sample.json: a STIX 2.1 bundle about malware that is long public. Facts of public record, sentences of this project.

Usage: sample_make.py >sample.json. The same input gives the same bytes: ids are UUIDv5, times are fixed.
"""
import json
import sys
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "comity:demo:sample")
NOW = "2026-11-24T00:00:00.000Z"
CLEAR = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
GREEN = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"

# Key: name, types, first seen, what it did.
MALWARE = {
    "wannacry": ("WannaCry", ["ransomware", "worm"], "2017-05-12",
                 "Encrypted files and spread by itself through a flaw in SMBv1; stopped when its kill-switch domain was registered."),
    "notpetya": ("NotPetya", ["wiper", "worm"], "2017-06-27",
                 "Looked like ransomware but could not give files back; first delivered through an accounting program's update."),
    "badrabbit": ("Bad Rabbit", ["ransomware"], "2017-10-24", "Spread as a false Flash Player update from compromised news sites."),
    "sunburst": ("SUNBURST", ["backdoor"], "2020-12-13", "Backdoor inside signed updates of a network management product."),
    "vpnfilter": ("VPNFilter", ["bot", "wiper"], "2018-05-23", "Modular malware on home and small-office routers."),
    "mariposa": ("Mariposa", ["bot"], "2009-05-01", "Botnet that stole credentials; shut down in December 2009."),
    "stuxnet": ("Stuxnet", ["worm"], "2010-06-17", "Worm that altered the programs of industrial controllers."),
    "triton": ("TRITON", ["backdoor"], "2017-12-14", "Framework that tampered with safety instrumented systems."),
    "blackenergy": ("BlackEnergy 3", ["backdoor"], "2015-12-23", "Used against electricity distributors before a power cut."),
    "gumblar": ("Gumblar", ["trojan"], "2009-05-01", "Scripts injected into web sites that sent visitors to exploits."),
    "iloveyou": ("ILOVEYOU", ["worm"], "2000-05-04", "Mail worm in a script attachment; its second part stole passwords."),
    "xcodeghost": ("XcodeGhost", ["trojan"], "2015-09-17", "Altered development kit that put a reporting module into apps."),
    "cryptolocker": ("CryptoLocker", ["ransomware"], "2013-09-05", "Ransomware that found its servers by generated domain names."),
    "conficker": ("Conficker", ["worm"], "2008-11-21", "Worm that spread through a flaw in the Windows Server service."),
    "dnschanger": ("DNSChanger", ["trojan"], "2007-01-01", "Set the name servers of its victims to hostile ones."),
    "shamoon": ("Shamoon", ["wiper"], "2012-08-15", "Overwrote the disks of tens of thousands of workstations."),
}

# Malware, kind, value, sentence. Kinds are those of the product's value lists.
INDICATORS = [
    ("wannacry", "domain", "iuqerfsodp9ifjaposdfjhgosurijfaewrwergwea.com", "First kill-switch domain, a sinkhole since 12 May 2017; a look-up means an infected host."),
    ("wannacry", "domain", "ifferfsodp9ifjaposdfjhgosurijfaewrwergwea.com", "Kill-switch domain of the second variant, a sinkhole since 14 May 2017."),
    ("wannacry", "url", "http://www.iuqerfsodp9ifjaposdfjhgosurijfaewrwergwea.com/", "The request made before the worm decides whether to go on."),
    ("wannacry", "domain", "gx7ekbenv2riucmf.onion", "Hidden service named in the program as a control server."),
    ("wannacry", "domain", "57g7spgrzlojinas.onion", "Hidden service named in the program as a control server."),
    ("wannacry", "sha256", "ed01ebfbc9eb5bbea545af4d01bf5f1071661840480439c6e5babe8e080e41aa", "The part that encrypts files."),
    ("wannacry", "sha256", "24d004a104d4d54034dbcffc2a4b19a11f39008a575aa614ea04703480b1022c", "The part that spreads."),
    ("wannacry", "md5", "84c82835a5d21bbcf75a61706d8ab549", "The part that encrypts files, by its MD5."),
    ("wannacry", "md5", "db349b97c37d22f5ea1d1841e3c89eb4", "The part that spreads, by its MD5."),
    ("wannacry", "sha1", "5ff465afaabcbf0150d1a3ab2c2e74f3a4426467", "The part that encrypts files, by its SHA-1."),
    ("notpetya", "sha256", "027cc450ef5f8c5f653329641ec1fed91f694e0d229928963b30f6b0d7d3a745", "The library that was run as perfc.dat."),
    ("notpetya", "sha1", "34f917aaba5684fbe56d3c57d48ef2a1aa7cf06d", "The library that was run as perfc.dat, by its SHA-1."),
    ("notpetya", "md5", "71b6a493388e7d0b40c83ce903bc6b04", "The library that was run as perfc.dat, by its MD5."),
    ("notpetya", "email", "wowsmith123456@posteo.net", "The address in the ransom note; the provider closed it on the same day."),
    ("badrabbit", "domain", "1dnscontrol.com", "Host of the false Flash Player update."),
    ("badrabbit", "domain", "caforssztxqzf2nm.onion", "Payment site."),
    ("badrabbit", "sha256", "630325cac09ac3fab908f903e3b00d0dadd5fdaa0875ed8496fcbb97a558d0da", "The dropper, install_flash_player.exe."),
    ("sunburst", "domain", "avsvmcloud.com", "First-stage control domain, turned into a kill switch in December 2020."),
    ("sunburst", "domain", "freescanonline.com", "Second-stage control domain."),
    ("sunburst", "domain", "deftsecurity.com", "Second-stage control domain."),
    ("sunburst", "domain", "thedoccloud.com", "Second-stage control domain."),
    ("sunburst", "domain", "websitetheme.com", "Second-stage control domain."),
    ("sunburst", "domain", "highdatabase.com", "Second-stage control domain."),
    ("sunburst", "sha256", "32519b85c0b422e4656de6e6c41878e95fd95026267daab4215ee59c107d6c77", "Altered library in an update of March 2020."),
    ("sunburst", "sha256", "ce77d116a074dab7a22a0fd4f2c1ab475f16eec42e1ded3c0b0aa8211fe858d6", "Altered library in an update of May 2020."),
    ("sunburst", "md5", "b91ce2fa41029f6955bff20079468448", "Altered library, by its MD5."),
    ("sunburst", "ipv4", "13.59.205.66", "Second-stage control address in December 2020."),
    ("sunburst", "ipv4", "54.193.127.66", "Second-stage control address in December 2020."),
    ("sunburst", "ipv4", "139.99.115.204", "Second-stage control address in December 2020."),
    ("vpnfilter", "domain", "toknowall.com", "Fallback for finding the second stage; seized by court order in May 2018."),
    ("vpnfilter", "ipv4", "94.242.222.68", "Control address published in May 2018."),
    ("vpnfilter", "ipv4", "217.79.179.14", "Control address published in May 2018."),
    ("vpnfilter", "ipv4", "91.121.109.209", "Control address published in May 2018."),
    ("vpnfilter", "sha256", "50ac4fcd3fbc8abcaa766449841b3a0a684b3e217fc40935f1ac22c34c58a9ec", "First stage."),
    ("mariposa", "domain", "lalundelau.sinip.es", "Control name that gave the botnet's size away."),
    ("mariposa", "domain", "qwertasdfg.sinip.es", "Control name."),
    ("mariposa", "domain", "butterfly.bigmoney.biz", "Control name, after the toolkit it was built with."),
    ("stuxnet", "domain", "mypremierfutbol.com", "Control server behind the looks of a football site."),
    ("stuxnet", "domain", "todaysfutbol.com", "Control server behind the looks of a football site."),
    ("triton", "md5", "6c39c3f4a08d3d78f2eb973a94bd7718", "trilog.exe, which carried the framework."),
    ("triton", "md5", "0face841f7b2953e7c29c064d6886523", "imain.bin, the backdoor for the controller."),
    ("blackenergy", "ipv4", "5.149.254.114", "Control address in December 2015."),
    ("blackenergy", "ipv4", "31.210.111.154", "Control address in December 2015."),
    ("gumblar", "domain", "gumblar.cn", "The domain that gave the campaign its name."),
    ("gumblar", "domain", "martuz.cn", "The domain that followed when the first was closed."),
    ("iloveyou", "email", "mailme@super.net.ph", "Where stolen passwords were sent."),
    ("xcodeghost", "domain", "init.icloud-analysis.com", "Where apps reported to; later a sinkhole."),
    ("xcodeghost", "domain", "init.crash-analytics.com", "Where apps reported to."),
    ("cryptolocker", "domain", "xeogrhxquuubt.com", "One of the first generated domains that was live."),
    ("conficker", "url", "http://trafficconverter.biz/4vir/antispyware/loadadv.exe", "What the first variant tried to fetch."),
    ("dnschanger", "cidr4", "85.255.112.0/20", "Hostile name servers; run by a receiver until July 2012."),
    ("dnschanger", "cidr4", "67.210.0.0/20", "Hostile name servers; run by a receiver until July 2012."),
    ("dnschanger", "cidr4", "93.188.160.0/21", "Hostile name servers; run by a receiver until July 2012."),
    ("dnschanger", "cidr4", "77.67.83.0/24", "Hostile name servers; run by a receiver until July 2012."),
    ("dnschanger", "cidr4", "213.109.64.0/20", "Hostile name servers; run by a receiver until July 2012."),
    ("dnschanger", "cidr4", "64.28.176.0/20", "Hostile name servers; run by a receiver until July 2012."),
    ("shamoon", "md5", "d214c717a357fe3a455610b197c390aa", "The dropper, trksrv.exe."),
    (None, "cidr6", "2001:db8::/32", "Kept for documentation by RFC 3849: as a source on the Internet it is forged."),
    (None, "cidr6", "3ffe::/16", "Returned when the 6bone ended (RFC 3701): nothing legitimate comes from it."),
    (None, "ipv6", "100::1", "Inside the discard-only prefix of RFC 6666: traffic from it is forged or leaks from a black hole."),
    (None, "cidr4", "192.0.2.0/24", "TEST-NET-1 of RFC 5737: as a source on the Internet it is forged."),
    (None, "cidr4", "198.51.100.0/24", "TEST-NET-2 of RFC 5737: as a source on the Internet it is forged."),
]

PATTERNS = {
    "domain": "[domain-name:value = '%s']",
    "url": "[url:value = '%s']",
    "email": "[email-addr:value = '%s']",
    "ipv4": "[ipv4-addr:value = '%s']",
    "cidr4": "[ipv4-addr:value = '%s']",
    "ipv6": "[ipv6-addr:value = '%s']",
    "cidr6": "[ipv6-addr:value = '%s']",
    "md5": "[file:hashes.MD5 = '%s']",
    "sha1": "[file:hashes.'SHA-1' = '%s']",
    "sha256": "[file:hashes.'SHA-256' = '%s']",
}


def stix(kind, key, **fields):
    """One object with a stable id."""
    head = {"type": kind, "spec_version": "2.1", "id": "%s--%s" % (kind, uuid.uuid5(NAMESPACE, kind + ":" + key))}
    if kind != "identity":
        head["created_by_ref"] = "identity--%s" % uuid.uuid5(NAMESPACE, "identity:cert.north")
    head.update(created=NOW, modified=NOW)
    head.update(fields)
    return head


def build():
    objects = [
        stix("identity", "cert.north", name="cert.north", identity_class="organization", sectors=["government"],
             description="A national response team, made up for Comity's demonstration.", object_marking_refs=[CLEAR]),
        stix("identity", "sinkholes", name="Sinkhole operators", identity_class="class",
             description="Those who keep seized or registered domains so that infected hosts can be told.")]
    malware = {}
    for key, (name, types, first_seen, text) in MALWARE.items():
        malware[key] = stix("malware", key, name=name, malware_types=types, is_family=True, description=text,
                            first_seen=first_seen + "T00:00:00.000Z", object_marking_refs=[CLEAR])
    objects += malware.values()
    for number, (family, kind, value, text) in enumerate(INDICATORS):
        valid_from = malware[family]["first_seen"] if family else "2010-01-01T00:00:00.000Z"
        fields = {"name": value, "description": text, "pattern": PATTERNS[kind] % value, "pattern_type": "stix", "valid_from": valid_from,
                  "indicator_types": ["malicious-activity" if family else "anomalous-activity"]}
        # Some carry a label of their own; the rest get theirs when they are published.
        if number % 5 == 0:
            fields["object_marking_refs"] = [GREEN if number % 10 == 0 else CLEAR]
        indicator = stix("indicator", kind + ":" + value, **fields)
        objects.append(indicator)
        if family and number % 2 == 0:
            objects.append(stix("relationship", indicator["id"], relationship_type="indicates", source_ref=indicator["id"],
                                target_ref=malware[family]["id"]))
    objects.append(stix("report", "history", name="Twenty years of public malware", report_types=["malware"], published=NOW,
                        description="Families whose traces can still be found in logs; their indicators are in the same bundle.",
                        object_refs=[each["id"] for each in malware.values()], object_marking_refs=[CLEAR]))
    return {"type": "bundle", "id": "bundle--%s" % uuid.uuid5(NAMESPACE, "bundle"), "objects": objects}


json.dump(build(), sys.stdout, indent=1, ensure_ascii=False)
sys.stdout.write("\n")
