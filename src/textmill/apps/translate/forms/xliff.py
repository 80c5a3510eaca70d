"""XLIFF 1.2 and 2.x: <target> is filled where it is missing or empty, with its state; ids and inline codes stay.

    <trans-unit id="1"><source>Press <g id="b">Save</g></source></trans-unit>                         1.2
    <segment><source>Press <pc id="b">Save</pc></source></segment>                                    2.x
        ─▶  "Press <1>Save</1>"  ─▶  <target state="translated">… / <segment state="translated">

What is doubtful gets state="needs-review-translation" (1.2) or "initial" (2.x). A target that is there stays, unless
its state says that it is to be done. translate="no", <alt-trans> and <note> are left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textmill.apps.translate.forms.html import TAG
from textmill.apps.translate.forms.inline import Segment
from textmill.apps.translate.forms.piece import FormOptions, Piece, Said, Unit
from textmill.apps.translate.forms.xliff_inline import attribute, local, xliff_inline
from textmill.apps.translate.languages import language_code
from textmill.errors import UsageError

UNITS = frozenset({"trans-unit", "segment"})
AROUND = frozenset({"file", "group", "unit", "body"})
TO_DO = frozenset({"new", "needs-translation", "needs-l10n", "needs-adaptation", "initial"})
ASIDE = frozenset({"alt-trans", "note"})
INDENT = re.compile(r"[ \t\r\n]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element within a unit, by places in its text."""

    start: int
    inside: int
    close: int
    end: int
    tag: str
    name: str


def declared_languages(text: str) -> tuple[str, str]:
    """Returns the codes of the languages that a file says it is from and into, "" where it does not."""
    for match in TAG.finditer(text):
        if match["name"] and local(match["name"]) in ("xliff", "file"):
            one = attribute(match[0], "srcLang") or attribute(match[0], "source-language")
            two = attribute(match[0], "trgLang") or attribute(match[0], "target-language")
            if one:
                return language_code(one), language_code(two)
    return "", ""


def xliff_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of an XLIFF file; UsageError where it is into another language."""
    keeps_blanks = re.search(r"""xml:space\s*=\s*["']preserve""", text) is not None
    refused: list[bool] = []
    at, tags = 0, TAG.finditer(text)
    for match in tags:
        name = local(match["name"] or "")
        if name in ("xliff", "file") and not match["slash"]:
            yield text[at : match.start()] + with_target(match[0], options.target)
            at = match.end()
        closed = (match["rest"] or "").endswith("/")
        if name in AROUND and match["slash"]:
            refused.pop()
        elif name in AROUND and not closed:
            refused.append(attribute(match[0], "translate") == "no")
        elif name in UNITS and not match["slash"] and not closed:
            inner = [match]
            for other in tags:
                inner.append(other)
                if other["slash"] and local(other["name"]) == name:
                    break
            raw = text[match.start() : inner[-1].end()]
            yield text[at : match.start()]
            at = inner[-1].end()
            stays = any(refused) or attribute(match[0], "translate") == "no" or attribute(match[0], "approved") == "yes"
            yield raw if stays else unit_piece(raw, inner, options, keeps_blanks=keeps_blanks)
    yield text[at:]


def with_target(tag: str, target: str) -> str:
    """Returns the tag of a file with the language it is translated into."""
    for source, name in (("srcLang", "trgLang"), ("source-language", "target-language")):
        if not attribute(tag, source):
            continue
        told = attribute(tag, name)
        if told and language_code(told) not in ("", target):
            raise UsageError("translate.other_target", got=told, target=target)
        return tag if told else set_attribute(tag, name, target)
    return tag


def set_attribute(tag: str, name: str, value: str) -> str:
    """Returns a tag with an attribute set."""
    pattern = re.compile(rf"""(\s{re.escape(name)}\s*=\s*)(?:"[^"]*"|'[^']*')""")
    if pattern.search(tag):
        return pattern.sub(rf'\g<1>"{value}"', tag, count=1)
    end = len(tag) - (2 if tag.endswith("/>") else 1)
    return f'{tag[:end].rstrip()} {name}="{value}"{tag[end:]}'


def elements(matches: Sequence[re.Match[str]]) -> dict[str, Element]:
    """Returns the unit's own source, seg-source and target, by places in the unit."""
    offset, aside = matches[0].start(), 0
    found: dict[str, Element] = {}
    opened: dict[str, re.Match[str]] = {}
    for match in matches[1:-1]:
        name = local(match["name"] or "")
        closed = (match["rest"] or "").endswith("/")
        if name in ASIDE and not closed:
            aside += -1 if match["slash"] else 1
        if aside or name not in ("source", "seg-source", "target") or name in found:
            continue
        if match["slash"] or closed:
            begun = match if closed else opened[name]
            found[name] = Element(
                start=begun.start() - offset,
                inside=begun.end() - offset,
                close=match.start() - offset if not closed else begun.end() - offset,
                end=match.end() - offset,
                tag=begun[0],
                name=match["name"],
            )
        else:
            opened[name] = match
    return found


def unit_piece(raw: str, matches: Sequence[re.Match[str]], options: FormOptions, *, keeps_blanks: bool) -> Piece:
    """Returns a unit; as it is where it is translated already."""
    found = elements(matches)
    if "source" not in found:
        return raw
    newer = local(matches[0]["name"]) == "segment"
    target = found.get("target")
    state = attribute(matches[0][0] if newer else target.tag if target else "", "state")
    if target is not None and raw[target.inside : target.close].strip() and state not in TO_DO:
        return raw
    source = found.get("seg-source", found["source"])
    content = raw[source.inside : source.close]
    segment = xliff_inline(content, numbers=options.numbers, keeps_blanks=keeps_blanks).segment()
    place = Place(raw=raw, source=source, target=target, newer=newer, head=matches[0][0], first=found["source"])
    if segment is None:
        return place.filled(content, Said(text=content)) if content.strip() else raw
    return Unit(texts=(segment.marked,), size=len(raw), write=lambda said: place.written(segment, said[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the target of a unit goes."""

    raw: str
    source: Element
    target: Element | None
    newer: bool
    head: str
    first: Element

    def written(self, segment: Segment, said: Said) -> str:
        """Returns the unit with a translation."""
        return self.filled(segment.before + said.text + segment.behind, said)

    def filled(self, content: str, said: Said) -> str:
        """Returns the unit with `content` as its target."""
        raw, target = self.raw, self.target
        name = re.sub(r"(?:seg-)?source$", "target", self.source.name)
        tag = re.sub(r"\s*/>$", ">", target.tag) if target is not None else f"<{name}>"
        if not self.newer:
            tag = set_attribute(tag, "state", "needs-review-translation" if said.unsure else "translated")
        made = f"{tag}{content}</{name}>"
        if target is not None:
            done = raw[: target.start] + made + raw[target.end :]
        else:
            indent = INDENT.search(raw[: self.first.start])
            done = raw[: self.source.end] + (indent[0] if indent else "") + made + raw[self.source.end :]
        if not self.newer:
            return done
        return set_attribute(self.head, "state", "initial" if said.unsure else "translated") + done[len(self.head) :]
