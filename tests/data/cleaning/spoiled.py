"""English texts spoiled in the ways that the rules look for, a little and too much: the same on every machine."""

import random
from collections.abc import Callable

Spoil = Callable[[list[str], random.Random, int], list[str]]


def repeat_lines(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return lines + [choose.choice(lines) for _ in range(strength // 2)]


def short_lines(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return lines + [f"Item {choose.randrange(1000)}" for _ in range(strength * 2)]


def repeat_words(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    words = choose.choice(lines).split()[: choose.randrange(2, 11)]
    return [*lines, " ".join(words * strength) + "."]


def cut(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [" ".join(" ".join(lines).split()[: 120 - 9 * strength])]


def numbers(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [*lines, " ".join(str(choose.randrange(10_000)) for _ in range(strength * 10)) + "."]


def bullets(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [f"- {line}" if choose.randrange(12) < strength else line for line in lines]


def ellipses(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [line[:-1] + "..." if choose.randrange(16) < strength else line for line in lines]


def signs(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [*lines, "# " * strength * 4 + "."]


def brackets(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [*lines, "Here is a set {a, b} of two."] if strength > 6 else lines


def placeholder(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [*lines, "Lorem ipsum dolor sit amet."] if strength > 6 else lines


def unpunctuated(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [line.rstrip(".") if choose.randrange(12) < strength else line for line in lines]


def foreign(lines: list[str], choose: random.Random, strength: int) -> list[str]:
    return [" ".join(word for word in line.split() if len(word) > strength // 3) for line in lines]


SPOILS: tuple[Spoil, ...] = (
    *(repeat_lines, short_lines, repeat_words, cut, numbers, bullets, ellipses, signs, brackets, placeholder),
    *(unpunctuated, foreign),
)
STRENGTHS = range(12)


def spoiled(base: str) -> list[str]:
    """Returns the texts, one for each way and strength; each sentence of `base` is a line, without blank lines."""
    lines = [f"{line.rstrip('.')}." for line in base.replace("\n\n", " ").split(". ")]
    found = []
    for spoil in SPOILS:
        for strength in STRENGTHS:
            choose = random.Random(f"{spoil.__name__} {strength}")
            found.append("\n".join(spoil(lines, choose, strength)))
    return found
