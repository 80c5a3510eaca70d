"""The last look at an article: does it keep to what was ordered, and do its citations hold?"""

from dataclasses import asdict, dataclass
from typing import Any

from textmill.apps.write.compose import missing_words
from textmill.apps.write.manner import Manner, manner
from textmill.apps.write.order import CITATION, has_word
from textmill.apps.write.piece import Piece
from textmill.evaluate.text_quality import distinct, repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found. `right`: everything that can be held by rules holds."""

    words: int
    least: int
    most: int
    headings: bool
    missing: tuple[str, ...]
    """Required words that are not there."""
    forbidden: tuple[str, ...]
    """Forbidden words that are."""
    dangling: int
    """Citations of sources that there are not."""
    cited: int
    """Sentences that cite."""
    quoted: int
    """Of these, how many are the source's own words."""
    unsupported: tuple[str, ...]
    """Of these, those that their source does not support."""
    repetition: float
    distinct_3: float
    personal: dict[str, int]
    """Personal data found, by kind."""
    manner: Manner
    """How it speaks: counted, told, and not part of `right`."""

    @property
    def right(self) -> bool:
        """True where length, words and citations are as they were ordered."""
        fits = self.least <= self.words <= self.most and self.headings
        return fits and not (self.missing or self.forbidden or self.dangling or self.unsupported)

    def as_dict(self) -> dict[str, Any]:
        """Returns the findings as JSON has them."""
        lists = ("missing", "forbidden", "unsupported")
        return {"right": self.right} | asdict(self) | {name: list(getattr(self, name)) for name in lists}


def check(piece: Piece) -> Check:
    """Returns what there is to say about a piece."""
    text, order = piece.body, piece.order
    said = [sentence for section in piece.sections for sentence in section]
    known = {source.number for source in piece.sources}
    citations = [int(mark.strip(" []")) for mark in CITATION.findall(text)] if piece.sources else []
    least, most = order.room
    return Check(
        words=piece.words,
        least=least,
        most=most,
        headings=len(piece.sections) == len(piece.outline.sections) and all(map(bool, piece.sections)),
        missing=tuple(word for at in range(len(piece.sections)) for word in missing_words(piece, at)),
        forbidden=tuple(word for word in order.forbidden if has_word(f"{piece.outline.text}\n{text}", word)),
        dangling=sum(number not in known for number in citations),
        cited=sum(bool(sentence.source) for sentence in said),
        quoted=sum(sentence.quoted for sentence in said),
        unsupported=tuple(sentence.text for sentence in said if sentence.source and not sentence.supported),
        repetition=repetition(CITATION.sub("", text)),
        distinct_3=distinct([CITATION.sub("", text)], 3),
        personal=personal_data(text, piece.language),
        manner=manner([sentence.text for sentence in said], order),
    )


def personal_data(text: str, language: str) -> dict[str, int]:
    """Returns how much personal data of each kind the text seems to have; phone numbers where the extra is there."""
    from textmill.data.personal import mask
    from textmill.errors import MissingExtraError

    try:
        return dict(mask(text, language=language)[1])
    except MissingExtraError:
        return dict(mask(text, language=language, phones=False)[1])
