#!/usr/bin/python3
"""confined: runs a program in the fence of a unit file, without systemd: confined.py UNIT PROGRAM ARGUMENTS...

What it takes from the unit: SystemCallFilter with SystemCallErrorNumber (the sets are those of the machine's own systemd-analyze),
RestrictAddressFamilies, MemoryDenyWriteExecute, CapabilityBoundingSet=, NoNewPrivileges and the limits. Mounts and namespaces are left out.
Needs libseccomp and systemd-analyze.
"""
import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EQUAL, MASKED_EQUAL = 4, 7
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
PROT_WRITE, PROT_EXEC = 2, 4


class Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("how", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def settings(path):
    """{name: [values in their order]} of the unit."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            name, is_one, value = line.strip().partition("=")
            if is_one and not line.startswith("#"):
                found.setdefault(name, []).append(value)
    return found


def sets():
    """systemd's sets of system calls: {"@basic-io": ["close", ...]}."""
    said = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    found, name = {}, None
    for line in said.splitlines():
        word = line.strip()
        if line.startswith("@"):
            name = found.setdefault(word, [])
        elif word and not word.startswith("#") and name is not None:
            name.append(word)
    return found


def calls(known, words):
    """Names of system calls, sets taken apart."""
    found = set()
    for word in words:
        found |= calls(known, known[word]) if word.startswith("@") else {word}
    return found


def allowed(known, lines):
    """As systemd reads them: the first line begins a list of what is allowed, ~ takes out of it. @default is always in it."""
    found = calls(known, ["@default"])
    for line in lines:
        found = found - calls(known, line[1:].split()) if line.startswith("~") else found | calls(known, line.split())
    return found


def rules(unit, names):
    """(system call, comparisons) of what may be done."""
    families = " ".join(unit.get("RestrictAddressFamilies", [])).split()
    no_new_code = unit.get("MemoryDenyWriteExecute") == ["yes"]
    for name in names:
        if name == "socket" and families:
            for family in families:
                yield name, [Compare(0, EQUAL, getattr(socket, family), 0)]
        elif name == "mmap" and no_new_code:
            for rights in (0, PROT_WRITE, PROT_EXEC):
                yield name, [Compare(2, MASKED_EQUAL, PROT_WRITE | PROT_EXEC, rights)]
        elif name in ("mprotect", "pkey_mprotect") and no_new_code:
            yield name, [Compare(2, MASKED_EQUAL, PROT_EXEC, 0)]
        else:
            yield name, []


def shut_in(unit):
    filters = ctypes.CDLL("libseccomp.so.2")
    filters.seccomp_init.restype = ctypes.c_void_p
    wrong = getattr(errno, unit["SystemCallErrorNumber"][-1])
    context = ctypes.c_void_p(filters.seccomp_init(ctypes.c_uint32(ERRNO | wrong)))
    for name, compared in rules(unit, allowed(sets(), unit["SystemCallFilter"])):
        number = filters.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            continue  # of another architecture
        array = (Compare * len(compared))(*compared)
        if filters.seccomp_rule_add_array(context, ctypes.c_uint32(ALLOW), number, len(compared), array) != 0:
            raise RuntimeError("no rule can be made for " + name)
    if filters.seccomp_load(context) != 0:
        raise RuntimeError("the filter cannot be loaded")


def main():
    unit, words = settings(sys.argv[1]), sys.argv[2:]
    bytes_of = lambda text: int(text[:-1]) << 20 if text.endswith("M") else int(text)
    for name in ("NOFILE", "MEMLOCK", "CORE"):
        which = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(which)[1]
        wanted = bytes_of(unit["Limit" + name][-1])
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (wanted, wanted))
    libc = ctypes.CDLL(None)
    if unit.get("CapabilityBoundingSet") == [""]:
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if unit.get("NoNewPrivileges") == ["yes"]:
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    shut_in(unit)
    os.execv(words[0], words)


main()
