"""The steps of cleaning in their order, for one document; see the package's docstring."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from textmill.config import CleanSettings, Settings
from textmill.data.cleaning.judging import judge
from textmill.data.cleaning.languages import confidence, wanted_languages
from textmill.data.cleaning.lists import addresses, blocked_words
from textmill.data.cleaning.mending import SCRIPTS, convert, converter, encoding_fixer, normalise
from textmill.data.cleaning.quality import load
from textmill.data.cleaning.rules import limits, profile_of
from textmill.data.document import EXCERPT_CHARACTERS, Document, Draft, Drop, text_digest

NOTHING = CleanSettings()


def clean_document(draft: Draft, settings: CleanSettings) -> Draft | Drop:
    """Returns the draft cleaned, or the Drop that says which rule refused it; the draft itself when nothing is on."""
    if settings == NOTHING:
        return draft
    refused = refused_by_origin(draft.document, settings)
    if refused:
        return refused
    document, changed = normalised(draft.document, settings)
    judged = judged_document(document, settings, changed)
    if isinstance(judged, Document):
        judged = refused_by_words(judged, settings) or scored(judged, settings)
    if isinstance(judged, Drop):
        return judged
    if judged is draft.document:
        return draft
    counts = Counter(dict(draft.mended)) + changed
    digest = draft.digest if judged.text == draft.document.text else text_digest(judged.text)
    return replace(draft, document=judged, digest=digest, mended=tuple(sorted(counts.items())))


def check(every: Settings) -> None:
    """Raises the error of a setting, a list, a model or a missing package before any document is read."""
    settings = every.clean
    if every.corpus.repair:
        encoding_fixer()
    limits(settings)
    wanted_languages(settings.languages)
    addresses(settings.blocked_addresses)
    blocked_words(settings.blocked_words)
    if settings.chinese != "keep":
        converter(SCRIPTS[settings.chinese])
    if settings.quality_model:
        load(Path(settings.quality_model))


def drop(document: Document, reason: str, value: object, threshold: object) -> Drop:
    """Returns the Drop of a document with the beginning of its text."""
    return Drop(
        id=document.id,
        source=document.source,
        step="clean",
        reason=reason,
        value=number(value),
        threshold=number(threshold),
        excerpt=document.text[:EXCERPT_CHARACTERS],
        size=len(document.text.encode()),
    )


def number(value: object) -> str:
    """Returns a value for people: whole numbers as they are, others with four digits."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"


def refused_by_origin(document: Document, settings: CleanSettings) -> Drop | None:
    """Returns the Drop of a document whose address is blocked or whose language is not wanted."""
    if settings.blocked_addresses and document.url:
        entry = addresses(settings.blocked_addresses).found(document.url)
        if entry:
            return drop(document, "blocked_address", document.url, entry)
    if settings.languages and document.language not in wanted_languages(settings.languages):
        return drop(document, "language", document.language, ", ".join(settings.languages))
    least = settings.minimum_language_confidence
    if least:
        sure = confidence(document.text, document.language)
        if sure < least:
            return drop(document, "language_confidence", sure, least)
    return None


def normalised(document: Document, settings: CleanSettings) -> tuple[Document, Counter[str]]:
    """Returns the document in the wanted Unicode form and Chinese script, and what was changed in it."""
    changed: Counter[str] = Counter()
    text, title = (normalise(part, settings.unicode) for part in (document.text, document.title))
    changed["unicode"] += text != document.text
    if settings.chinese != "keep" and document.language == "zh":
        before = text
        text, title = (convert(part, settings.chinese) for part in (text, title))
        changed["chinese"] += text != before
    if (text, title) == (document.text, document.title):
        return document, changed
    return replace(document, text=text, title=title), changed


def judged_document(document: Document, settings: CleanSettings, changed: Counter[str]) -> Document | Drop:
    """Returns what the rules leave of a document, adding to `changed` the lines taken out, or its Drop."""
    on = limits(settings)[profile_of(document.language)]
    if not on:
        return document
    judgement = judge(document.text, document.language, on)
    if judgement.finding:
        return drop(document, *judgement.finding)
    changed.update(judgement.removed)
    return replace(document, text=judgement.text) if judgement.removed else document


def refused_by_words(document: Document, settings: CleanSettings) -> Drop | None:
    """Returns the Drop of a document with a word that the user's lists block."""
    word = blocked_words(settings.blocked_words).found(document.text) if settings.blocked_words else ""
    return drop(document, "blocked_word", word, "") if word else None


def scored(document: Document, settings: CleanSettings) -> Document | Drop:
    """Returns the document with its quality in its meta, or its Drop when that is too low."""
    if not settings.quality_model:
        return document
    quality = round(load(Path(settings.quality_model)).score(document.text), 4)
    if quality < settings.minimum_quality:
        return drop(document, "quality", quality, settings.minimum_quality)
    return replace(document, meta={**document.meta, "quality": quality})
