"""What a container leaves of the machine: processor time and memory under Linux control groups, versions 1 and 2.

A laptop has no limits and every function returns None. Under a limit, asking the operating system for cores and memory
gives the host's numbers, and a run that believes them is slow (too many threads) or killed (too much memory).
"""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def processor_limit(root: Path = ROOT) -> float | None:
    """Returns how many processors' time this process may use, or None when there is no limit."""
    limits = []
    for folder in group_folders("", root):
        quota, _, period = read(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit():
            limits.append(int(quota) / int(period))
    for folder in group_folders("cpu", root):
        quota, period = read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():  # "-1" stands for none
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory_limit(root: Path = ROOT) -> tuple[int, int] | None:
    """Returns (limit, free below the limit) in bytes for the tightest group, or None when there is no limit."""
    limits = []
    for controller, limit_name, used_name in (
        ("", "memory.max", "memory.current"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        for folder in group_folders(controller, root):
            limit, used = read(folder / limit_name), read(folder / used_name)
            if limit.isdigit() and used.isdigit() and int(limit) < 1 << 60:  # version 1 writes a huge number for none
                limits.append((int(limit), max(0, int(limit) - int(used) + reclaimable(folder))))
    return min(limits, default=None)


def reclaimable(folder: Path) -> int:
    """Returns the bytes of file cache that a group gives back under pressure, which its use counts as taken."""
    lines = (line.partition(" ") for line in read(folder / "memory.stat").splitlines())
    statistics = {name: value for name, _, value in lines}
    value = statistics.get("total_inactive_file") or statistics.get("inactive_file") or ""
    return int(value) if value.isdigit() else 0


def group_folders(controller: str, root: Path) -> Iterator[Path]:
    """Yields the folders of this process's group and of the groups above it; `controller` is "" for version 2.

    Inside a container the path in /proc/self/cgroup is often the host's, and the group is mounted at the top: folders
    that are not there are passed over, the top is always looked at.
    """
    base = root / "sys/fs/cgroup" / controller
    for line in read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controller in controllers.split(","):
            folder = base / path.lstrip("/")
            while folder != base and base in folder.parents:
                yield folder
                folder = folder.parent
    yield base


def read(path: Path) -> str:
    """Returns a small file's text without outer blanks, or "" when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
