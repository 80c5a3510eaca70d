"""Numbers as people read them."""


def size(number: float) -> str:
    """Returns a number of bytes: "950 B", "1.2 MB"."""
    power = min(4, (len(str(int(number))) - 1) // 3)
    return f"{number / 1000**power:.1f} {('B', 'KB', 'MB', 'GB', 'TB')[power]}" if power else f"{int(number)} B"


def share(part: float, whole: float) -> str:
    """Returns a share in per cent, with as many digits as make it more than nothing: "12%", "0.4%", "<0.1%"."""
    if not whole:
        return "–"
    per_cent = 100 * part / whole
    if 0 < per_cent < 0.1:
        return "<0.1%"
    return f"{per_cent:.0f}%" if per_cent >= 10 or per_cent == 0 else f"{per_cent:.1f}%"


def count(number: int) -> str:
    """Returns "12,345"."""
    return f"{number:,}"


def short(number: float) -> str:
    """Returns a number for an axis or a measured value: "950", "1.2k", "0.031"."""
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{suffix}"
    return f"{number:.4g}"
