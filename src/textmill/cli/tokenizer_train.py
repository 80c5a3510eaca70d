"""`textmill tokenizer train`: a vocabulary learned from the project's corpus.

The document of ``--json``: ``folder, vocabulary_size, requested_vocabulary_size, hash, training_bytes, bytes_per_token
{LANGUAGE: {split, bytes, tokens, bytes_per_token}}, seconds, warning``; ``warning`` is null unless the text was too
small for the vocabulary that was asked for.
"""

import time
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t

NAMED = ("en", "zh", "und")
MOST_LANGUAGES = 6


def run(context: Context, *, out: Path | None) -> dict[str, Any]:
    """Trains and saves the tokenizer, into the project unless `out` names a folder."""
    from textmill.data.corpus import Corpus
    from textmill.tokenizer.train import shortfall, train_on_corpus

    project = context.need_project()
    target = out or project.tokenizer
    settings = context.settings.tokenizer
    size = settings.vocabulary_size if context.chosen("tokenizer.vocabulary_size") else None
    began = time.monotonic()
    corpus = Corpus.open(project.corpus)
    with context.progress(t("cli_tokenizer_train.progress"), "MB") as progress:
        tokenizer = train_on_corpus(corpus, settings=settings, vocabulary_size=size, progress=progress)
    tokenizer.save(target)
    names = ("requested_vocabulary_size", "training_bytes", "bytes_per_token")
    result = {
        "folder": target,
        "vocabulary_size": tokenizer.vocabulary_size,
        "hash": tokenizer.hash,
        **{name: tokenizer.manifest[name] for name in names},
        "seconds": round(time.monotonic() - began, 2),
        "warning": shortfall(tokenizer),
    }
    show(context, result)
    return result


def show(context: Context, result: dict[str, Any]) -> None:
    """Prints the size, how well text is packed, where it lies and what comes next."""
    if result["warning"]:
        context.say(result["warning"])
    megabytes = f"{result['training_bytes'] / 1e6:.1f}"
    seconds = f"{result['seconds']:.1f}"
    context.print(t("cli_tokenizer_train.made", size=result["vocabulary_size"], megabytes=megabytes, seconds=seconds))
    context.print(t("cli_tokenizer_train.bytes_per_token"))
    measured = sorted(result["bytes_per_token"].items(), key=lambda item: -item[1]["bytes"])
    for language, counts in measured[:MOST_LANGUAGES]:
        name = t(f"cli_tokenizer_train.language_{language}") if language in NAMED else language
        split = t(f"cli_tokenizer_train.on_{counts['split']}")
        context.print(f"  {name}  {counts['bytes_per_token']:.2f}  {split}")
    context.print(t("cli_tokenizer_train.saved", folder=result["folder"]))
    context.print(t("cli_tokenizer_train.next"))


COMMAND = Command(
    words=("tokenizer", "train"),
    run=run,
    example="textmill tokenizer train --tokenizer.vocabulary_size 16384",
    arguments=(Argument(name="--out", kind=Path, metavar="DIR"),),
    settings=("tokenizer",),
)
