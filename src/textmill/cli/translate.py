"""`textmill translate`: a text, the rows of a file, or a document in another language.

The document of ``--json`` for a text: ``model, from, to, detected, text, translation, confidence, alternatives,
sentences [{text, confidence, problems}], seconds, notes``; for rows see `translate_files`, for
documents `translate_documents`.
``confidence`` is the geometric mean of the tokens' probabilities, halved for each ``problems`` entry that could not be
mended; of a text it is the least of its sentences'.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.model_engine import MODEL_ARGUMENTS, full_name
from textmill.cli.text_input import read_prompt
from textmill.cli.translate_files import check_ending, translate_file
from textmill.cli.translate_work import Work, prepare
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.translate.texts import TextTranslation

SEARCHES = ("beam", "mbr", "greedy")


def run(
    context: Context, *, text: str | None, out: Path | None, to: str | None, learn: Path | None, **given: Any
) -> dict[str, Any]:
    """Translates `text`, or a file."""
    source, place = given.pop("from"), given.pop("in")
    field = given.pop("field")
    if out is not None and place is None:
        raise UsageError("usage.goes_with", option="--out", other="--in")
    if place is not None and text is not None:
        raise UsageError("usage.together", options="TEXT, --in")
    if not to:
        raise UsageError("cli_translate.no_target")
    if place is not None:
        check_ending(place)
    work = prepare(context, source=source, target=to, learn=learn, **given)
    if place is not None:
        return translate_file(context, work, place, out, field)
    return one_text(context, work, read_prompt(context, text))


def one_text(context: Context, work: Work, text: str) -> dict[str, Any]:
    """Translates a text, shown sentence by sentence on a terminal."""
    from textmill.apps.translate.markers import protect

    if not text.strip():
        raise UsageError("cli_translate.nothing")
    direction, detected = work.direction(text)
    began = time.perf_counter()
    marked = protect(text, numbers=work.numbers)
    if context.output.is_terminal and not context.json:
        made = shown(context, work, marked, direction)
    else:
        made = next(work.texts.translate([marked], direction))
        context.print(made.text)
    seconds = time.perf_counter() - began
    for number, other in enumerate(made.alternatives, start=1):
        context.print(t("cli_translate.alternative", number=number, text=other))
    work.remember(context, [(direction, text, made)])
    tell(context, work, made, seconds, str(direction))
    return {
        "model": work.loaded.name,
        "from": direction.source,
        "to": direction.target,
        "detected": detected,
        "text": text,
        "translation": made.text,
        "confidence": made.confidence,
        "alternatives": list(made.alternatives),
        "sentences": [
            {"text": one.text, "confidence": one.confidence, "problems": list(one.problems)} for one in made.sentences
        ],
        "reused": made.reused,
        "seconds": seconds,
        "notes": work.notes,
    }


def shown(context: Context, work: Work, marked: Any, direction: Any) -> "TextTranslation":
    """Shows a translation as it comes and returns it."""
    from textmill.apps.translate.texts import TextTranslation
    from textmill.cli.outcome import printable

    pieces, sentences = [], []
    for piece, sentence in work.texts.stream(marked, direction):
        context.output.file.write(printable(piece))
        context.output.file.flush()
        pieces.append(piece)
        sentences.append(sentence)
    context.output.file.write("\n")
    others = sentences[0].alternatives if len(sentences) == 1 else ()
    confidence = min((one.confidence for one in sentences), default=1.0)
    return TextTranslation(text="".join(pieces), confidence=confidence, alternatives=others, sentences=tuple(sentences))


def tell(context: Context, work: Work, made: "TextTranslation", seconds: float, direction: str) -> None:
    """Says by whom, how fast and how surely, and which sentence is doubtful."""
    values = {"model": full_name(work.loaded), "direction": direction, "seconds": seconds}
    context.say(t("cli_translate.done", confidence=made.confidence, sentences=len(made.sentences), **values))
    for one in made.sentences:
        if one.problems:
            context.say(t("cli_translate.doubtful", text=one.text[:60], problems=problems_in_words(one.problems)))


def problems_in_words(problems: tuple[str, ...]) -> str:
    """Returns what is wrong with a sentence, in words."""
    return ", ".join(t(f"translate.problem_{problem}") for problem in problems)


COMMAND = Command(
    words=("translate",),
    run=run,
    example=(
        'textmill translate "The cat sleeps." --to zh\n'
        "textmill translate --in rows.jsonl --out translated.jsonl --to en --field text\n"
        "textmill translate --in guide.docx --out guide.zh.docx --to zh\n"
        'textmill translate "Open the valve." --from en --to zh --glossary terms.csv\n'
        'textmill translate "一只猫。" --to en --alternatives 2 --json'  # text data
    ),
    arguments=(
        Argument(name="text", many="?"),
        Argument(name="--to", metavar="CODE"),
        Argument(name="--from", metavar="CODE"),
        Argument(name="--in", metavar="FILE"),
        Argument(name="--out", kind=Path, metavar="FILE"),
        Argument(name="--field", metavar="NAME"),
        Argument(name="--search", choices=SEARCHES, default="beam"),
        Argument(name="--beams", kind=int, default=4),
        Argument(name="--samples", kind=int, default=8),
        Argument(name="--alternatives", kind=int, default=0),
        Argument(name="--glossary", kind=Path, metavar="FILE"),
        Argument(name="--keep", kind=Path, metavar="FILE"),
        Argument(name="--memory", kind=Path, metavar="FILE"),
        Argument(name="--learn", kind=Path, metavar="FILE.sqlite"),
        Argument(name="--numbers", flag=True, default=False),
        Argument(name="--seed", kind=int, default=0),
        *MODEL_ARGUMENTS,
    ),
)
