r"""Cues of subtitles: when they are shown, and what they say, without the signs of how it is shown.

00:00:01,000 --> 00:00:03,000
{\an8}<i>I was going       ─▶  before "{\an8}<i>", "I was going to", 2 lines of at most 11 columns
to</i>
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textmill.apps.translate.forms.inline import Inline, Segment, tagged
from textmill.apps.translate.forms.plain import END, lines
from textmill.apps.translate.forms.wrapping import columns, shared_out, unwrapped
from textmill.apps.translate.markers import MARKER, Marked, pairs_of

TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[,.](\d{1,3})"
TIMING = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}")
LOOKS = re.compile(r"\{\\[^{}]*\}|<\d[\d:.]*>")
SPEAKER = re.compile(r"\s*(?:<[^<>]*>)*\s*[-\u2013\u2014\u2010]\s*(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One cue. `above`: what stands before its text since the last cue's; `raw`: its text as it is written."""

    above: str
    raw: str
    start: float
    end: float
    segment: Segment | None
    line_count: int
    width: int
    newline: str

    @property
    def joins(self) -> bool:
        """True where its text can be part of a sentence over several cues."""
        return self.segment is not None and not pairs_of(self.segment.marked.text)

    def shown(self, text: str) -> str:
        """Returns a text in the cue's place, in lines as before where one is too short for it."""
        segment = self.segment
        assert segment is not None
        count = self.line_count if columns(text) > self.width else 1
        parts = [part for part in shared_out(text, [1] * count) if part]
        end = (END.search(self.raw) or [""])[0]
        return segment.before + self.newline.join(parts) + segment.behind + end


def seconds(parts: Sequence[str | None]) -> float:
    """Returns a time in seconds."""
    hours, minutes, whole, thousandths = (int(part or 0) for part in parts)
    return 3600 * hours + 60 * minutes + whole + thousandths / 1000


def cues(text: str, *, web: bool, numbers: bool) -> Iterator[Cue | str]:
    """Yields the cues, and at the end what stands behind the last one."""
    above, timing = "", None
    held: list[str] = []
    for line in lines(text):
        if timing is not None and line.strip():
            held.append(line)
            continue
        if timing is not None:
            yield cue(above, held, timing, web=web, numbers=numbers)
            above, timing, held = "", None, []
        above += line
        timing = TIMING.match(line)
    if timing is not None:
        yield cue(above, held, timing, web=web, numbers=numbers)
        above = ""
    yield above


def cue(above: str, held: list[str], timing: re.Match[str], *, web: bool, numbers: bool) -> Cue:
    """Returns one cue."""
    bare = [END.sub("", line) for line in held]
    text = unwrapped(bare) if held else ""
    times = timing.groups()
    return Cue(
        above=above,
        raw="".join(held),
        start=seconds(times[:4]),
        end=seconds(times[4:]),
        segment=inline(text, web=web, numbers=numbers).segment() if held else None,
        line_count=len(held),
        width=max((columns(LOOKS.sub("", line)) for line in bare), default=0),
        newline=(END.search(held[0]) or [""])[0] or "\n" if held else "\n",
    )


def inline(text: str, *, web: bool, numbers: bool) -> Inline:
    """Returns a cue's text, its tags and its commands of looks aside."""
    made, at = Inline(escape if web else str, numbers=numbers), 0
    for match in [*LOOKS.finditer(text), None]:
        stop = match.start() if match else len(text)
        made.tokens += tagged(text[at:stop]).tokens
        if match:
            made.thing(match[0])
            at = match.end()
    return made


def escape(text: str) -> str:
    """Returns text as WebVTT has it; entities are things, and stay."""
    return text if text.startswith("&") and text.endswith(";") else html.escape(text, quote=False)


def of_speakers(raw: str) -> bool:
    """True where the lines of a cue are of several speakers."""
    return sum(bool(SPEAKER.match(line)) for line in lines(raw)) > 1


def merged(texts: Sequence[Marked], between: str) -> Marked:
    """Returns several texts as one, their markers numbered on."""
    said: list[str] = []
    things: list[tuple[str, str]] = []
    for one in texts:
        offset = len(things)
        said.append(MARKER.sub(lambda match, offset=offset: f"<{match[1]}{int(match[2]) + offset}>", one.text))
        things += one.things
    return Marked(text=between.join(said), things=tuple(things), escape=texts[0].escape)
