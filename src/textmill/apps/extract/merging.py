"""Entities that are one: proposed with reasons, merged by hand, undone.

    same words       "Lee, Ann" and "Ann Lee"; "Dr. Ann Lee" and "Ann Lee"
    initial          "A. Lee" and "Ann Lee"
    part of          "Lee" and "Ann Lee", where no other name has that part
    slip             "Rivertown" and "Riverton", by edit distance

Nothing but equal names (which are one entity from the start) is merged by itself: two people may share a surname. A
merge is noted in the ledger and undone by its number; what documents said before stands in the graph again.
"""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from textmill.apps.extract.ledger import Ledger, Merge
from textmill.apps.extract.statements import resolver
from textmill.apps.graph import folding
from textmill.apps.graph.terms import is_iri
from textmill.errors import InputError

SAME, INITIAL, PART, SLIP = "same_words", "initial", "part_of", "slip"
TITLES = frozenset(("mr", "mrs", "ms", "dr", "prof", "sir", "dame", "st", "the", "of"))
MOST_NAMES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """Two entities that may be one, and why."""

    gone: str
    kept: str
    reason: str


def candidates(ledger: Ledger) -> list[Likely]:
    """Returns the entities that may be one, within a topmost class; those that are merged already are left out."""
    resolve = resolver(ledger.merges())
    groups: dict[str, dict[str, str]] = {}
    for iri in ledger.mentioned()[:MOST_NAMES]:
        if resolve(iri) == iri:
            head, _, end = iri.rpartition("/")
            groups.setdefault(head, {})[iri] = unquote(end, errors="replace").replace("_", " ")
    found = [likely for _, names in sorted(groups.items()) for likely in _within(names)]
    return sorted(found, key=lambda one: (one.reason, one.gone, one.kept))


def _within(names: dict[str, str]) -> Iterable[Likely]:
    """Yields the likely pairs of one class; those that share a word, and those that differ by a slip."""
    words = {iri: [word for word in folding.WORD.findall(name) if word not in TITLES] for iri, name in names.items()}
    holders: dict[str, list[str]] = {}
    for iri, parts in words.items():
        for word in parts:
            holders.setdefault(word, []).append(iri)
    for iri, name in names.items():
        near = {other for word in words[iri] for other in holders[word]} - {iri}
        whole = [other for other in near if set(words[iri]) < set(words[other])]
        for other in sorted(near):
            if set(words[iri]) == set(words[other]) and (len(name), iri) > (len(names[other]), other):
                yield Likely(gone=iri, kept=other, reason=SAME)
            elif _initial(words[iri], words[other]):
                yield Likely(gone=iri, kept=other, reason=INITIAL)
        if len(whole) == 1 and words[iri]:
            yield Likely(gone=iri, kept=whole[0], reason=PART)
    yield from _slips(names)


def _initial(one: list[str], other: list[str]) -> bool:
    """True where a name has an initial for each word that it does not share with another."""
    pairs = list(zip(one, other, strict=False))
    return (
        len(one) == len(other)
        and any(a != b for a, b in pairs)
        and all(a == b or (len(a) == 1 and b.startswith(a) and len(b) > 1) for a, b in pairs)
        and any(a == b for a, b in pairs)
    )


def _slips(names: dict[str, str]) -> Iterable[Likely]:
    """Yields the pairs that differ by a slip of the pen; names without a run of three letters in common are apart."""
    holders: dict[str, list[str]] = {}
    for iri, name in names.items():
        if not folding.allowed_typos(name) or len(name) < 5 or any(sign.isdigit() for sign in name):
            continue
        near = {other for part in folding.trigrams(name) for other in holders.get(part, ())[-50:]}
        for other in sorted(near):
            if folding.distance(name, names[other], 1) == 1:
                yield Likely(gone=iri, kept=other, reason=SLIP)
        for part in folding.trigrams(name):
            holders.setdefault(part, []).append(iri)


def merge(ledger: Ledger, gone: str, kept: str, reason: str) -> None:
    """Notes that two entities are one; InputError for what cannot be."""
    merges = ledger.merges()
    resolve = resolver(merges)
    if not is_iri(kept) or not ledger.mentioning(gone):
        raise InputError("extract.not_extracted", iri=gone if is_iri(kept) else kept)
    if gone in {one.gone for one in merges} or resolve(kept) == gone or gone == kept:
        raise InputError("extract.merge_circle", gone=gone, kept=resolve(kept))
    ledger.add_merge(gone, kept, reason, datetime.datetime.now(datetime.UTC).date().isoformat())


def settled(ledger: Ledger, gone: str, kept: str) -> bool:
    """True where one of two entities was merged meanwhile, so that they are no pair any more."""
    return bool({gone, kept} & {one.gone for one in ledger.merges()})


def undo(ledger: Ledger, number: int) -> Merge:
    """Takes a merge back by its number; InputError where there is none."""
    found = next((one for one in ledger.merges() if one.id == number), None)
    if found is None:
        raise InputError("extract.no_merge", number=number)
    ledger.undo_merge(found)
    return found


def described(merges: Iterable[Merge], name: Callable[[str], str]) -> list[dict[str, str | int]]:
    """Returns merges as JSON has them, with the entities' names."""
    return [
        {"number": one.id, "gone": one.gone, "kept": one.kept, "reason": one.reason, "date": one.date,
         "gone_name": name(one.gone), "kept_name": name(one.kept)}
        for one in merges
    ]  # fmt: skip
