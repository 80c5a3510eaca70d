"""What `textmill translate` works with: the model and what it knows, the glossary, the memory, the languages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context
from textmill.cli.model_engine import load_model, make_engine
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.translate.card import Card
    from textmill.apps.translate.pairs import Direction
    from textmill.apps.translate.texts import TextTranslation, TextTranslator
    from textmill.infer.resolve import LoadedModel

DETECTED_FROM = 2000
"""Characters of a text by which its language is told."""


@dataclass(slots=True, kw_only=True)
class Work:
    """One call of the command."""

    loaded: "LoadedModel"
    card: "Card"
    texts: "TextTranslator"
    source: str
    target: str
    numbers: bool
    learn: Path | None
    notes: list[str] = field(default_factory=list)

    def direction(self, text: str) -> "tuple[Direction, str | None]":
        """Returns from where to where a text goes, and its language where that was not given but seen."""
        from textmill.apps.translate.pairs import Direction
        from textmill.apps.translate.texts import source_of

        detected = None
        source = self.source
        if not source:
            detected = source = source_of(text[:DETECTED_FROM], self.target, self.card)
        direction = Direction(source, self.target)
        self.card.known(direction)
        return direction, detected

    def remember(
        self, context: Context, made: "Sequence[tuple[Direction, str, TextTranslation]]", *, say: bool = True
    ) -> None:
        """Writes what was translated without a problem into the memory that learns."""
        from textmill.apps.translate.memory import store
        from textmill.apps.translate.pairs import Pair

        if self.learn is None:
            return
        pairs = [
            Pair(first=text, second=one.text, languages=(direction.source, direction.target))
            for direction, text, one in made
            if not any(sentence.problems for sentence in one.sentences)
        ]
        count = store(self.learn, pairs)
        if say:
            context.say(t("cli_translate.learned", count=count, file=self.learn))


def prepare(
    context: Context,
    *,
    source: str | None,
    target: str,
    model: str | None,
    device: str,
    weights: str,
    glossary: Path | None,
    keep: Path | None,
    memory: Path | None,
    learn: Path | None,
    numbers: bool,
    **search: Any,
) -> Work:
    """Loads everything; raises what is wrong with it before anything is translated."""
    from textmill.apps.translate.card import card_of
    from textmill.apps.translate.glossary import read_glossary
    from textmill.apps.translate.memory import Memory
    from textmill.apps.translate.texts import TextTranslator
    from textmill.apps.translate.translator import Options, Translator

    codes = {name: code_of(word) for name, word in (("--to", target), ("--from", source)) if word}
    options = Options(**search)
    terms = read_glossary(glossary, keep, (codes.get("--from", ""), codes["--to"]))
    known = Memory.open(memory) if memory is not None else None
    card, notes = card_of(model, context.project)
    if "--from" in codes:
        from textmill.apps.translate.pairs import Direction

        card.known(Direction(codes["--from"], codes["--to"]))
    loaded = load_model(context, model, device)
    notes = [*notes, *loaded.notes]
    for note in notes:
        context.say(note)
    translator = Translator(make_engine(loaded, weights), card, options)
    return Work(
        loaded=loaded,
        card=card,
        texts=TextTranslator(translator=translator, glossary=terms, memory=known, mixed="--from" not in codes),
        source=codes.get("--from", ""),
        target=codes["--to"],
        numbers=numbers,
        learn=learn,
        notes=notes,
    )


def code_of(word: str) -> str:
    """Returns the code of a language; UsageError for what is none."""
    from textmill.apps.translate.languages import known_language, language_code

    code = known_language(word) or language_code(word)
    if not code:
        raise UsageError("translate.language", value=word)
    return code
