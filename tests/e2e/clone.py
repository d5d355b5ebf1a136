"""clone: this machine's files as a copy that can be thrown away, for tests that install something.

A mount namespace holds an overlay over /, whose changes live in memory, and a process namespace holds what runs in it: both end with the
process that keeps them. It is nobody else's machine: users, packages and files that are made in it are nowhere outside.
Needs root and a kernel that lays an overlay over /; `Clone.why_not` says what is missing.
"""
import os
import subprocess

from lib import PATIENCE, children

_SETUP = r"""
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0700 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs tmpfs "$1/root/tmp"
echo ready
exec cat
"""


class Clone:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.keeper = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SETUP, "sh", folder],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.why_not = None
        if self.keeper.stdout.readline().strip() != "ready":
            self.keeper.stdin.close()
            self.why_not = self.keeper.stderr.read().strip().splitlines()[-1:] or ["it ended at once"]
            self.why_not = self.why_not[0]
            self.close()
            return
        # unshare waits outside the new process namespace; its child is the first process in it.
        self.pid = children(self.keeper.pid)[0]
        # Indexing all manual pages anew at every installation takes seconds.
        self("rm", "-f", "/var/lib/man-db/auto-update")
        self("dpkg", "--purge", "comity")

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def close(self):
        self.keeper.kill()
        self.keeper.wait()

    def __call__(self, *words, input=None, seconds=60):
        """Runs a command in it as root; returns (exit code, standard output and error)."""
        enter = ["nsenter", "--mount", "--pid", "--target", str(self.pid), "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                 "HOME=/", "DEBIAN_FRONTEND=noninteractive", "chroot", os.path.join(self.folder, "root")]
        done = subprocess.run(enter + [str(word) for word in words], input=input or b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds * PATIENCE, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def running(self, name):
        """Does a process of this name run in it? One that ended and was not waited for does not."""
        return any(not state.startswith("Z") for state in self("ps", "-C", name, "-o", "stat=")[1].split())

    def shell(self, script, **more):
        return self("sh", "-c", script, **more)
