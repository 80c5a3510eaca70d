"""Subtitles, SRT and WebVTT: times stay, a sentence that runs over cues is translated as one and shared out again.

Cues are one sentence where the first ends without a mark (in scripts without capitals: with a comma) and the next
follows within two seconds. Where a cue has several speakers, each line is a text of its own.
"""

import re
from collections.abc import Iterator, Sequence

from textmill.apps.translate.forms.cues import SPEAKER, Cue, cues, inline, merged, of_speakers
from textmill.apps.translate.forms.piece import FormOptions, Piece, Said, Unit
from textmill.apps.translate.forms.plain import END, lines
from textmill.apps.translate.forms.wrapping import WIDE, shared_out

LONGEST_GAP = 2.0
MOST_CUES = 6
GOES_ON = re.compile(rf"(?:[,\u3001\uff0c;\uff1b-]|(?<!{WIDE})(?<=[\w'’\"”)]))$")


def srt_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of SRT."""
    return subtitle_pieces(text, options, web=False)


def vtt_pieces(text: str, options: FormOptions) -> Iterator[Piece]:
    """Yields the pieces of WebVTT."""
    return subtitle_pieces(text, options, web=True)


def subtitle_pieces(text: str, options: FormOptions, *, web: bool) -> Iterator[Piece]:
    """Yields the cues, those of one sentence as one unit."""
    group: list[Cue] = []
    for one in cues(text, web=web, numbers=options.numbers):
        if group and (isinstance(one, str) or not follows(group, one)):
            yield from group_pieces(group, options, web=web)
            group = []
        if isinstance(one, str):
            yield one
        else:
            group.append(one)


def follows(group: Sequence[Cue], one: Cue) -> bool:
    """True where a cue goes on with the sentence of those before it."""
    last = group[-1]
    if not last.joins or not one.joins or len(group) >= MOST_CUES or of_speakers(last.raw) or of_speakers(one.raw):
        return False
    assert last.segment is not None
    close = 0 <= one.start - last.end <= LONGEST_GAP
    return close and bool(GOES_ON.search(last.segment.marked.text)) and not one.raw.lstrip().startswith(("-", "\u2013"))


def group_pieces(group: Sequence[Cue], options: FormOptions, *, web: bool) -> Iterator[Piece]:
    """Yields cues that are one text."""
    first = group[0]
    yield first.above
    if first.segment is None:
        yield first.raw
    elif of_speakers(first.raw):
        for line in lines(first.raw):
            dash = SPEAKER.match(line)
            begun = dash.end() if dash else 0
            text = END.sub("", line)[begun:]
            yield line[:begun]
            yield inline(text, web=web, numbers=options.numbers).unit(text)
            yield line[begun + len(text) :]
    else:
        yield joined(group)


def joined(group: Sequence[Cue]) -> Unit:
    """Returns the unit of cues that share a sentence."""
    segments = [one.segment for one in group if one.segment is not None]
    text = merged([each.marked for each in segments], " ")
    weights = [len(each.marked.text) for each in segments]

    def write(said: Sequence[Said]) -> str:
        parts = shared_out(said[0].text, weights) if len(group) > 1 else [said[0].text]
        shown = [one.shown(part) for one, part in zip(group, parts, strict=True)]
        return shown[0] + "".join(one.above + each for one, each in zip(group[1:], shown[1:], strict=True))

    size = len(group[0].raw) + sum(len(one.above) + len(one.raw) for one in group[1:])
    return Unit(texts=(text,), write=write, size=size)
