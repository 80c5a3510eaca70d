"""The system calls of Linux that Python has no name for: namespaces, mounts, and the filter of system calls."""

import ctypes
import os
from functools import cache

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
"""Its number: C libraries have no function for it."""
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2


@cache
def library() -> ctypes.CDLL:
    """Returns the C library that this process has already."""
    return ctypes.CDLL(None, use_errno=True)


def check(answer: int, what: str) -> None:
    """Raises OSError for a call that the kernel refused."""
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leaves the namespaces that `flags` name for new ones."""
    check(library().unshare(flags), "unshare")


def prctl(option: int, value: int) -> None:
    """Sets an option of this process."""
    zero = ctypes.c_ulong(0)
    check(library().prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mounts; of a bind mount `source` is what appears at `target`."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind, data)]
    answer = library().mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])
    check(answer, f"mount {source or kind or ''} on {target}")


def bind_read_only(source: str, target: str) -> None:
    """Shows `source` at `target`, unchangeable."""
    mount(source, target, None, MS_BIND | MS_REC)
    # what the mount forbade outside is locked: to take it off would be refused. (How times are kept stays by itself.)
    kept = os.statvfs(target).f_flag & os.ST_NOEXEC
    mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept)


def change_root(folder: str) -> None:
    """Makes `folder`, a mount, the root of this process's namespace; nothing else of the file system is left in it."""
    os.chdir(folder)
    number = ctypes.c_long(PIVOT_ROOT[os.uname().machine])
    check(library().syscall(number, b".", b"."), "pivot_root")
    check(library().umount2(b".", MNT_DETACH), "umount2")  # the old root, which lies on top of the new one
    os.chdir("/")


def change_identity(user: int) -> None:
    """Becomes a user, and a group of the same number, without the privileges that the one before had."""
    try:
        os.setgroups([])
    except PermissionError:
        pass  # in a namespace that an ordinary user made, groups stay what they are
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def install_filter(program: bytes) -> None:
    """Holds this process, and what it becomes, to a BPF program of 8 bytes an instruction; needs no privilege."""

    class Instructions(ctypes.Structure):
        _fields_ = (("count", ctypes.c_ushort), ("first", ctypes.c_void_p))

    buffer = ctypes.create_string_buffer(program, len(program))
    instructions = Instructions(len(program) // 8, ctypes.addressof(buffer))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    zero = ctypes.c_ulong(0)
    address = ctypes.c_void_p(ctypes.addressof(instructions))
    check(library().prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), address, zero, zero), "seccomp")
