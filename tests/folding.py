"""A file system in memory that takes names for one that differ in case or in Unicode form, mounted through FUSE.

As exFAT is through FUSE: a name keeps the spelling that it was made with, numbers of files go by the spelling that
leads to them, and there are no hard links. The kernel's protocol is spoken directly (Linux, include/uapi/linux/fuse.h,
version 7.31), so that it takes no library: /dev/fuse, and either root or fusermount3.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

FOLDS: dict[str, Callable[[str], str]] = {
    "case": str.casefold,
    "form": lambda name: normalize("NFD", name),
    "both": lambda name: normalize("NFD", normalize("NFD", name).casefold()),
}
_MOST = 2**16  # bytes written at once
_HEADER, _REPLY = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")


class Node:
    """A file or folder."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.data = bytearray()
        self.names: dict[str, tuple[str, Node]] = {}  # by the folded name, with the spelling that it was made with
        self.time = time.time_ns()


class Folding:
    """The file system; each method below answers the request of its number with bytes, or raises OSError."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        self.fold = fold
        self.nodes = {1: Node(stat.S_IFDIR | 0o755)}
        self.numbers: dict[tuple[int, str], int] = {}  # of a spelling in a folder

    def _key(self, name: bytes) -> tuple[str, str]:
        spelled = os.fsdecode(name.split(b"\0")[0])
        return spelled, self.fold(spelled)

    def _attributes(self, number: int) -> bytes:
        node = self.nodes[number]
        seconds, nanoseconds = divmod(node.time, 10**9)
        size = len(node.data)
        return struct.pack("<6Q", number, size, -(-size // 512), seconds, seconds, seconds) + struct.pack(
            "<10I", *(nanoseconds,) * 3, node.mode, 1, os.getuid(), os.getgid(), 0, 4096, 0
        )

    def _entry(self, folder: int, spelled: str, node: Node) -> bytes:
        number = self.numbers.setdefault((folder, spelled), len(self.numbers) + 2)
        self.nodes[number] = node
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + self._attributes(number)

    def lookup(self, folder: int, body: bytes) -> bytes:
        spelled, key = self._key(body)
        if key not in self.nodes[folder].names:
            raise OSError(errno.ENOENT, "")
        return self._entry(folder, spelled, self.nodes[folder].names[key][1])

    def getattr(self, number: int, body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(number)

    def setattr(self, number: int, body: bytes) -> bytes:
        valid, size, mode = (struct.unpack_from(form, body, at)[0] for form, at in (("<I", 0), ("<Q", 16), ("<I", 68)))
        node = self.nodes[number]
        if valid & 1:
            node.mode = mode
        if valid & 8:
            node.data = node.data[:size] + bytes(max(size - len(node.data), 0))
        return self.getattr(number, body)

    def _make(self, folder: int, mode: int, name: bytes) -> bytes:
        spelled, key = self._key(name)
        if key in self.nodes[folder].names:
            raise OSError(errno.EEXIST, "")
        node = Node(mode)
        self.nodes[folder].names[key] = (spelled, node)
        return self._entry(folder, spelled, node)

    def mknod(self, folder: int, body: bytes) -> bytes:
        return self._make(folder, struct.unpack_from("<I", body)[0], body[16:])

    def mkdir(self, folder: int, body: bytes) -> bytes:
        return self._make(folder, stat.S_IFDIR | struct.unpack_from("<I", body)[0], body[8:])

    def unlink(self, folder: int, body: bytes) -> bytes:
        del self.nodes[folder].names[self._key(body)[1]]
        return b""

    def rmdir(self, folder: int, body: bytes) -> bytes:
        if self.nodes[folder].names[self._key(body)[1]][1].names:
            raise OSError(errno.ENOTEMPTY, "")
        return self.unlink(folder, body)

    def rename(self, folder: int, body: bytes) -> bytes:
        return self._rename(folder, struct.unpack_from("<Q", body)[0], body[8:])

    def rename2(self, folder: int, body: bytes) -> bytes:
        return self._rename(folder, struct.unpack_from("<Q", body)[0], body[16:])

    def _rename(self, folder: int, goal: int, names: bytes) -> bytes:
        old, new, _ = names.split(b"\0", 2)
        _, node = self.nodes[folder].names.pop(self._key(old)[1])
        spelled, key = self._key(new)
        self.nodes[goal].names[key] = (self.nodes[goal].names.get(key, (spelled,))[0], node)
        return b""

    def link(self, folder: int, body: bytes) -> bytes:
        raise OSError(errno.EPERM, "")

    def read(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(self.nodes[number].data[offset : offset + size])

    def write(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        node = self.nodes[number]
        node.data.extend(bytes(max(offset - len(node.data), 0)))
        node.data[offset : offset + size] = body[40 : 40 + size]
        node.time = time.time_ns()
        return struct.pack("<II", size, 0)

    def readdir(self, number: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        listed = b""
        for index, (spelled, node) in enumerate(self.nodes[number].names.values()):
            name = os.fsencode(spelled)
            entry = struct.pack("<QQII", index + 2, index + 1, len(name), stat.S_IFMT(node.mode) >> 12) + name
            entry += bytes(-len(entry) % 8)
            if index >= offset and len(listed) + len(entry) <= size:
                listed += entry
        return listed

    def statfs(self, number: int, body: bytes) -> bytes:
        return struct.pack("<5Q4I24x", 2**20, 2**20, 2**20, 2**20, 2**20, 4096, 255, 4096, 0)

    def init(self, number: int, body: bytes) -> bytes:
        return struct.pack("<4I2H2I2H8I", 7, 31, _MOST, 0, 0, 0, _MOST, 1, 0, 0, *(0,) * 8)


_ANSWERS = {
    1: "lookup", 3: "getattr", 4: "setattr", 8: "mknod", 9: "mkdir", 10: "unlink", 11: "rmdir", 12: "rename",
    13: "link", 15: "read", 16: "write", 17: "statfs", 26: "init", 28: "readdir", 45: "rename2",
}  # fmt: skip
_SILENT = {2, 36, 42}  # forget, interrupt, batch forget


def serve(device: int, system: Folding) -> None:
    """Answer the kernel until the mount ends, or whoever started this process does."""
    while True:
        if sys.stdin in select.select([device, sys.stdin], [], [])[0]:
            return
        try:
            request = os.read(device, _MOST + 2**13)
        except OSError:  # unmounted
            return
        length, code, unique, number, *_ = _HEADER.unpack_from(request)
        if code in _SILENT:
            continue
        error, answer = -errno.ENOSYS, b""  # which means to the kernel, of opening, flushing and such: do without
        if code in _ANSWERS:
            try:
                error, answer = 0, getattr(system, _ANSWERS[code])(number, request[_HEADER.size : length])
            except OSError as exc:
                error = -(exc.errno or errno.EIO)
        os.write(device, _REPLY.pack(_REPLY.size + len(answer), error, unique) + answer)


def mount(point: str) -> int:
    """Return the open device of a new mount.

    Raises:
        OSError: this process may not mount, or there is no FUSE.
    """
    if os.geteuid():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [shutil.which("fusermount3") or "fusermount", "--", point]
            environment = {**os.environ, "_FUSE_COMMFD": str(theirs.fileno())}
            subprocess.run(command, env=environment, pass_fds=[theirs.fileno()], check=True, capture_output=True)
            _, found, *_ = socket.recv_fds(ours, 1, 1)
            return found[0]
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,default_permissions"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"nlsr-folding", os.fsencode(point), b"fuse.nlsr", 6, options.encode()):  # no devices, no set-uid
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return device


def unmount(point: str) -> None:
    if os.geteuid():
        subprocess.run([shutil.which("fusermount3") or "fusermount", "-u", "-z", "--", point], check=False)
    else:
        ctypes.CDLL(None).umount2(os.fsencode(point), 2)  # lazily: whoever still looks into it keeps it from nobody


@contextmanager
def mounted(point: Path, fold: str) -> Iterator[Path]:
    """Mount a file system that folds "case", "form" or "both" at a folder, in a process of its own.

    Raises:
        OSError: nothing can be mounted here.
    """
    command = [sys.executable, "-m", "tests.folding", str(point), fold]
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            said = server.stdout.readline() if server.stdout else ""
            if said != "mounted\n":
                raise OSError(said.strip() or "no answer")
            yield point
        finally:
            server.communicate("")


if __name__ == "__main__":
    try:
        opened = mount(sys.argv[1])
    except (OSError, subprocess.CalledProcessError) as trouble:
        sys.exit(f"nothing can be mounted here: {trouble}")
    try:
        os.write(1, b"mounted\n")
        serve(opened, Folding(FOLDS[sys.argv[2]]))
    finally:
        unmount(sys.argv[1])
