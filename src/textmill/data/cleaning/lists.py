"""Lists that the user brings: addresses whose documents are not wanted, words that no document may have.

An address is blocked by its host or any domain above it, by the path it begins with, by a word in it, or by an
expression. The layout is that of the UT1 lists: a folder of categories with files `domains`, `urls` and `expressions`;
a file of another name may mix domains, addresses and words (`words`: words only). Domains and addresses are kept as
64-bit hashes in one sorted array, 8 bytes each, because lists of millions are usual and each process needs its own.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from textmill.errors import InputError

MOST_CHARACTERS = 2000
"""Of an address that are looked at."""
NOT_WORD = re.compile(r"[^a-z0-9\u0080-\U0010ffff]+")
NO_SPACES = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Scripts without spaces between words: there a word of the list may stand anywhere."""
TOKEN = re.compile(r"\w+")
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Blocked hosts and beginnings of addresses as sorted hashes, words of addresses, expressions."""

    hashes: Hashes
    words: frozenset[str]
    expressions: tuple[re.Pattern[str], ...]

    def found(self, address: str) -> str:
        """Returns the entry that blocks an address: a domain, a path, a word or an expression; "" for none."""
        plain = plain_address(address)
        host, slash, path = plain.partition("/")
        labels, parts = host.split("."), path.split("/") if slash else []
        candidates = [".".join(labels[start:]) for start in range(len(labels))]
        candidates += ["/".join([host, *parts[:end]]) for end in range(1, len(parts) + 1)]
        if len(self.hashes) and candidates:
            wanted = np.array([entry_hash(candidate) for candidate in candidates], dtype=np.uint64)
            places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
            hits = np.flatnonzero(self.hashes[places] == wanted)
            if len(hits):
                return candidates[hits[0]]
        if self.words:
            for word in NOT_WORD.split(plain):
                if word in self.words:
                    return word
        return next((pattern.pattern for pattern in self.expressions if pattern.search(plain)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words and phrases by their first word, and those of scripts without spaces."""

    phrases: dict[str, tuple[tuple[str, ...], ...]]
    anywhere: tuple[str, ...]

    def found(self, text: str) -> str:
        """Returns the first word or phrase of the list that a text has, case aside; "" for none."""
        lower = text.lower()
        tokens = TOKEN.findall(lower) if self.phrases else []
        for first in self.phrases.keys() & set(tokens):
            for phrase in self.phrases[first]:
                if len(phrase) == 1 or follows(tokens, phrase):
                    return " ".join(phrase)
        return next((word for word in self.anywhere if word in lower), "")


def follows(tokens: list[str], phrase: tuple[str, ...]) -> bool:
    """True when the words of a phrase stand in a row somewhere."""
    return any(
        tuple(tokens[place : place + len(phrase)]) == phrase for place, token in enumerate(tokens) if token == phrase[0]
    )


def plain_address(address: str) -> str:
    """Returns host and path of an address, in lower case, without scheme, user, port, "www.", query and last slash."""
    address = address.strip()[:MOST_CHARACTERS].lower()
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host = (parts.hostname or "").strip(".").removeprefix("www.")
    except ValueError:
        return ""
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        pass
    path = unquote(parts.path).strip("/")
    return f"{host}/{path}" if path else host


def entry_hash(entry: str) -> int:
    """Returns the 64-bit hash under which an entry is kept."""
    return int.from_bytes(blake2b(entry.encode("utf-8", "replace"), digest_size=8).digest(), "little")


@cache
def addresses(paths: tuple[str, ...]) -> Addresses:
    """Returns the lists of `clean.blocked_addresses`, read once in a process; InputError for one that is not there."""
    hashes: list[int] = []
    words: set[str] = set()
    expressions: list[re.Pattern[str]] = []
    for file, line in entries("clean.blocked_addresses", paths):
        name = file.stem
        if name == "expressions":
            try:
                expressions.append(re.compile(line, re.IGNORECASE))
            except re.error as error:
                raise InputError(
                    "cleaning.list_missing", setting="clean.blocked_addresses", file=file, detail=error
                ) from None
        elif name == "words" or (name not in ("domains", "urls") and "." not in line and "/" not in line):
            words.add(line.lower())
        else:
            hashes.append(entry_hash(plain_address(line.removeprefix("*."))))
    return Addresses(
        hashes=np.unique(np.array(hashes, dtype=np.uint64)), words=frozenset(words), expressions=tuple(expressions)
    )


@cache
def blocked_words(paths: tuple[str, ...]) -> Words:
    """Returns the lists of `clean.blocked_words`, read once in a process; InputError for one that is not there."""
    phrases: dict[str, list[tuple[str, ...]]] = {}
    anywhere: list[str] = []
    for _, line in entries("clean.blocked_words", paths):
        tokens = tuple(TOKEN.findall(line.lower()))
        if NO_SPACES.search(line) or not tokens:
            anywhere.append(line.lower())
        else:
            phrases.setdefault(tokens[0], []).append(tokens)
    return Words(phrases={first: tuple(found) for first, found in phrases.items()}, anywhere=tuple(anywhere))


def entries(setting: str, paths: tuple[str, ...]) -> list[tuple[Path, str]]:
    """Returns (file, line) for each line that is no comment; folders give the files below them, in order of name."""
    found: list[tuple[Path, str]] = []
    for name in paths:
        start = len(found)
        for file in list_files(setting, Path(name).expanduser()):
            try:
                lines = file.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            except OSError as error:
                raise InputError("cleaning.list_missing", setting=setting, file=file, detail=error.strerror) from None
            found += [(file, line.strip()) for line in lines if line.strip() and not line.startswith("#")]
        if len(found) == start:
            raise InputError("cleaning.list_empty", setting=setting, file=name)
    return found


def list_files(setting: str, path: Path) -> list[Path]:
    """Returns a file itself, or the lists of a folder: without ending, .txt or .list; not UT1's `usage`."""
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith(".")]
        return [file for file in files if file.suffix in ("", ".txt", ".list") and file.name != "usage"]
    if not path.exists():
        raise InputError("cleaning.list_missing", setting=setting, file=path, detail="?")
    return [path]
