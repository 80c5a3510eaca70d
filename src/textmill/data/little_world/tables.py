"""The fixed tables of Little World: the names, streets, places, shops, goods and jobs that a seed chooses from.

Each table is a plain text file in ``tables/`` with one row a line and ``|`` between the columns; ``#`` opens a comment.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of one table, in the order of the file."""
    text = (files("textmill.data.little_world") / "tables" / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return tuple(tuple(cell.strip() for cell in line.split("|")) for line in lines if line and not line.startswith("#"))


TRAITS: dict[str, tuple[str, str]] = {
    "kind": ("kind", "善良"),
    "shy": ("shy", "害羞"),
    "brave": ("brave", "勇敢"),
    "patient": ("patient", "有耐心"),
    "curious": ("curious", "好奇"),
    "cheerful": ("cheerful", "开朗"),
    "careful": ("careful", "细心"),
    "stubborn": ("stubborn", "固执"),
    "quiet": ("quiet", "安静"),
    "forgetful": ("forgetful", "健忘"),
    "clever": ("clever", "聪明"),
    "hasty": ("hasty", "性急"),
    "gentle": ("gentle", "温和"),
    "funny": ("funny", "风趣"),
}
"""What people are like: key, English, Chinese."""

HOBBIES: dict[str, tuple[str, str]] = {
    "painting": ("painting", "画画"),
    "fishing": ("fishing", "钓鱼"),
    "chess": ("playing chess", "下棋"),
    "singing": ("singing", "唱歌"),
    "reading": ("reading", "看书"),
    "cooking": ("cooking", "做饭"),
    "stars": ("looking at the stars", "看星星"),
    "birds": ("watching birds", "观鸟"),
    "walking": ("walking in the hills", "爬山"),
    "stones": ("collecting stones", "收集石头"),
    "flowers": ("growing flowers", "种花"),
    "running": ("running", "跑步"),
}
"""What people like to do: key, English (after "liked"), Chinese (after 喜欢)."""

PETS: dict[str, tuple[str, str]] = {
    "cat": ("cat", "小猫"),
    "dog": ("dog", "小狗"),
    "rabbit": ("rabbit", "兔子"),
    "parrot": ("parrot", "鹦鹉"),
    "duck": ("duck", "鸭子"),
    "goat": ("goat", "山羊"),
}
"""The kinds of animals that live with people: key, English, Chinese."""

FESTIVALS: tuple[tuple[str, int, str, str], ...] = (
    ("newyear", 1, "the New Year Feast", "新年宴"),
    ("spring", 93, "the Blossom Festival", "花开节"),
    ("river", 172, "the River Day", "河灯日"),
    ("lantern", 258, "the Lantern Night", "灯笼夜"),
    ("harvest", 285, "the Harvest Fair", "丰收集市"),
    ("snow", 348, "the Snow Day", "雪人节"),
)
"""The feasts of the year: key, day of the year, English name, Chinese name."""


@cache
def event_words(kind: str, variant: str, outcome: str) -> dict[str, tuple[str, str]]:
    """The words (English, Chinese) that an event's variant and outcome bring: what is mended, grown, learned, won."""
    what = {
        "repair": ("object", variant),
        "garden": ("crop", outcome),
        "learning": ("skill", variant),
        "competition": ("contest", variant),
        "price_change": ("change", outcome),
    }.get(kind)
    return {row[0]: (row[2], row[3]) for row in rows("words") if (row[0], row[1]) == what}
