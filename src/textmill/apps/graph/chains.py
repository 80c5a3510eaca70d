"""Chains that end where they began: classes that are a kind of themselves."""

from collections.abc import Iterable, Mapping


def cycle(above: Mapping[str, Iterable[str]]) -> list[str]:
    """Returns a chain of names, each below the next, whose last is its first; [] where there is none."""
    left = {name: {other for other in others if other in above} for name, others in above.items()}
    below: dict[str, list[str]] = {}
    for name, others in left.items():
        for other in others:
            below.setdefault(other, []).append(name)
    count = {name: len(others) for name, others in left.items()}
    free = [name for name, number in count.items() if not number]
    while free:
        name = free.pop()
        del count[name]
        for other in below.get(name, ()):
            count[other] -= 1
            if not count[other]:
                free.append(other)
    if not count:
        return []
    chain = [min(count)]
    while chain.count(chain[-1]) == 1:
        chain.append(min(other for other in left[chain[-1]] if other in count))
    return chain[chain.index(chain[-1]) :]
