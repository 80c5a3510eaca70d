"""In the new namespaces, until the foreign code takes over: a small file system, limits, the filter, another program.

    /            a file system in memory, read-only in the end
    /program.py  the foreign code
    /tmp         in memory, limited, empty
    what Python needs to start, at the places where it lies outside, read-only

Nothing of /proc, /dev, /sys or /etc is there.
"""

import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textmill.sandbox import linux
from textmill.sandbox.system_calls import filter_program

BUILDING = "/proc"
"""A folder that every system has and that Python does not lie in: the new file system is put together on top of it."""
NOBODY = 65534
VERDICT = 3
"""File descriptor on which the program says that it ran to its end."""
PROGRAM = "/program.py"
RUN = f"""import os, runpy, sys
runpy.run_path({PROGRAM!r}, run_name=sys.argv.pop())
os.write({VERDICT}, b"+")
"""
ENVIRONMENT = {"HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
"""With a fixed seed of hashes: sets have one order, so the same program has the same outcome."""


def become(request: Mapping[str, Any], progress: int) -> None:
    """Turns this process, the first of a new process namespace, into the foreign program; does not return.

    `progress`: a pipe to the watching process, which closes as the foreign program begins.
    """
    os.setsid()
    os.umask(0o022)
    linux.unshare(linux.CLONE_NEWNS)
    libraries = library_folders()
    interpreter = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    build_root(request, [interpreter, *libraries])
    os.dup2(os.open("/stdin", os.O_RDONLY), 0)
    linux.change_identity(NOBODY)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the identity, whose change takes it back
    os.write(progress, b".")  # raises if the watching process has ended meanwhile
    set_limits(request["limits"])
    linux.install_filter(filter_program(os.uname().machine))
    name = "__answer__" if request["tests"] else "__main__"
    words = [interpreter, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", RUN, name]
    os.execve(interpreter, words, {**ENVIRONMENT, "LD_LIBRARY_PATH": ":".join(libraries)})


def build_root(request: Mapping[str, Any], wanted: list[str]) -> None:
    """Makes the file system and steps into it; the old one is gone from this namespace then."""
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    quiet = linux.MS_NOSUID | linux.MS_NODEV
    size = 1 + (len(request["code"]) + len(request["tests"]) + len(request["stdin"])) * 4 // 4096
    linux.mount("tmpfs", BUILDING, "tmpfs", quiet, f"mode=755,nr_inodes=1024,nr_blocks={size + 64}")
    for link in ("lib", "lib64", "usr/lib64"):
        if os.path.islink(f"/{link}"):
            place = Path(BUILDING, link)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(os.readlink(f"/{link}"))
    for path in outermost(wanted):
        target = Path(BUILDING + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(exist_ok=True) if os.path.isdir(path) else target.touch()
        linux.bind_read_only(path, str(target))
    text = f"{request['code']}\n\n{request['tests']}\n" if request["tests"] else request["code"]
    Path(BUILDING + PROGRAM).write_text(text, encoding="utf-8", errors="surrogatepass")
    Path(BUILDING, "stdin").write_text(request["stdin"], encoding="utf-8", errors="surrogatepass")
    Path(BUILDING, "tmp").mkdir(exist_ok=True)
    disk = request["limits"]["disk"]
    linux.mount("tmpfs", f"{BUILDING}/tmp", "tmpfs", quiet | linux.MS_NOEXEC, f"mode=1777,nr_inodes=1024,size={disk}")
    linux.change_root(BUILDING)
    linux.mount(None, "/", None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | quiet)
    os.chdir("/tmp")


def outermost(wanted: list[str]) -> list[str]:
    """Returns what is to be shown: what is wanted, Python's library and the loader's folders; none inside another."""
    paths = {os.path.realpath(sysconfig.get_path("stdlib")), *wanted}
    paths |= {path for path in ("/usr/lib64", "/lib64") if os.path.isdir(path) and not os.path.islink(path)}
    return [path for path in sorted(paths) if not any(path.startswith(f"{other}/") for other in paths)]


def library_folders() -> list[str]:
    """Returns the folders of the shared libraries that this very process uses, the loader's among them."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    mapped = {os.path.realpath(line.split(maxsplit=5)[5]) for line in lines if ".so" in line and " /" in line}
    return sorted({os.path.dirname(path) for path in mapped if os.path.isfile(path)})


def set_limits(limits: Mapping[str, Any]) -> None:
    """Has the kernel hold the limits; nobody inside can raise them."""
    seconds = int(limits["seconds"]) + 2  # the watch outside is finer; this holds if it were gone
    for what, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits["disk"]),
        (resource.RLIMIT_NPROC, limits["threads"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (most, most))
