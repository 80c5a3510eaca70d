"""`textmill tune check DATA`: what a model would be tuned on, shown and judged before anything is trained.

The document of ``--json``: ``model, context, rows, examples, held_out, left_out, bad {problem: rows}, bad_rows
[places], forms {form: rows}, passed_over [files], sources [{source, examples, tokens, learned}], languages {language:
share}, lengths {minimum, median, p95, maximum}, learned {…}, histogram [{from, to, texts}], findings [{name, count, of,
places, refuses, told}]``, and where it refuses ``error`` (exit code 2).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.layout import pad, table, width
from textmill.errors import InputError
from textmill.i18n import t

if TYPE_CHECKING:
    import numpy as np

    from textmill.tokenizer.tokenizer import Tokenizer
    from textmill.tune.checks import Checked
    from textmill.tune.encoded import Encoded
    from textmill.tune.prepare import Prepared

METHODS = {"sft": "learn", "distill": "learn", "dpo": "prefer", "orpo": "prefer", "kto": "judge", "grpo": "solve"}
"""What each way of tuning learns from (`tune.purposes`)."""
LEARNED, SPECIAL, READ = "bold green", "magenta", "dim"
LONGEST, HEAD, TAIL = 600, 400, 150
"""Characters of a stretch that are shown; of a longer one its head and its tail."""
BAR = 40


def run(
    context: Context,
    *,
    data: tuple[str, ...],
    model: str | None,
    method: str,
    against: tuple[str, ...],
    show: int,
    length: int | None,
) -> dict[str, Any]:
    """Prints examples, counts and findings; ends with an error where training would be refused."""
    from textmill.infer.resolve import resolve
    from textmill.tune.checks import check_before_training
    from textmill.tune.prepare import prepare

    place = resolve(model, context.project)
    tokenizer, most = tokenizer_and_context(place.folder)
    with context.progress(t("cli_tune_check.reading"), "MB") as progress:
        prepared = prepare(
            data,
            tokenizer,
            context.settings,
            context=min(length or most, most),
            purpose=METHODS[method],
            against=against,
            refuse=False,
            progress=progress,
        )
    document = {"model": place.name, **as_document(prepared)}
    if not context.json:
        print_examples(context, prepared, tokenizer, show)
        print_counts(context, prepared)
    try:
        check_before_training(prepared.checked)
    except InputError as error:
        if not context.json:
            raise
        raise Stopped(document | {"error": {"code": error.key} | error.parts()}, exit_code=2) from error
    return document


def tokenizer_and_context(folder: Path) -> "tuple[Tokenizer, int]":
    """Returns a model's tokenizer and context without its weights."""
    from textmill.model.hub.facts import model_facts
    from textmill.tokenizer.tokenizer import Tokenizer

    most = model_facts(folder).config.context
    if folder.is_file():
        from textmill.model.gguf import read_gguf
        from textmill.model.gguf.tokenizer_in import read_tokenizer

        return read_tokenizer(read_gguf(folder)), most
    return Tokenizer.load(folder), most


def print_examples(context: Context, prepared: "Prepared", tokenizer: "Tokenizer", most: int) -> None:
    """Prints the first examples of the sources in turn, what is learned in green, or in ⟦ ⟧ without colours."""
    from itertools import chain, zip_longest

    by_source: dict[str, list[Encoded]] = {}
    for row in (*prepared.training, *prepared.held_out):
        by_source.setdefault(row.example.source, []).extend(row.texts)
    in_turn = (text for text in chain.from_iterable(zip_longest(*by_source.values())) if text is not None)
    shown = [text for text, _ in zip(in_turn, range(most), strict=False)]
    if shown:
        key = "legend" if context.output.is_terminal else "legend_plain"
        context.print(t(f"cli_tune_check.{key}") + "\n")
    for text in shown:
        place, learned = text.place, text.learned_tokens
        context.print(t("cli_tune_check.example", place=place, tokens=len(text.ids), learned=learned))
        context.output.print(coloured(text, tokenizer, colour=context.output.is_terminal), soft_wrap=True)
        context.print("")


def coloured(text: "Encoded", tokenizer: "Tokenizer", *, colour: bool) -> Any:
    """Returns a text for the terminal: learned, read only, and special tokens apart."""
    from rich.text import Text

    line = Text()
    open_ = False
    for piece, learned, special in stretches(text, tokenizer):
        if not colour and learned != open_:
            line.append("⟦" if learned else "⟧")
            open_ = learned
        style = LEARNED if learned else SPECIAL if special else READ
        line.append(piece if len(piece) <= LONGEST else f"{piece[:HEAD]} … {piece[-TAIL:]}", style if colour else "")
    if open_:
        line.append("⟧")
    return line


def stretches(text: "Encoded", tokenizer: "Tokenizer") -> Iterator[tuple[str, bool, bool]]:
    """Yields stretches of tokens of one kind: their text, whether they are learned, whether they are special."""
    from itertools import groupby

    kinds = [(bool(learned), tokenizer.is_special(int(id))) for id, learned in zip(text.ids, text.learned, strict=True)]
    for (learned, special), group in groupby(range(len(kinds)), key=kinds.__getitem__):
        ids = [int(text.ids[at]) for at in group]
        yield tokenizer.decode_bytes(ids, skip_special=False).decode("utf-8", "replace"), learned, special


def print_counts(context: Context, prepared: "Prepared") -> None:
    """Prints what was read, sources, languages, lengths and findings."""
    checked, tally = prepared.checked, prepared.tally
    say = context.print
    say(t("cli_tune_check.read", rows=tally.rows, examples=checked.examples, held_out=checked.held_out))
    for name, count in (("left_out", tally.left_out), ("bad", tally.bad_rows), ("passed_over", len(tally.passed_over))):
        if count:
            say(t(f"cli_tune_check.{name}", count=count))
    for place in tally.named:
        say(f"  {place}")
    heads = [t(f"cli_tune_check.head_{name}") for name in ("source", "examples", "tokens", "learned")]
    rows = [
        (row["source"], *(f"{row[name]:,}" for name in ("examples", "tokens", "learned"))) for row in checked.sources
    ]
    say("\n" + table([heads, *rows]))
    say("\n" + t("cli_tune_check.languages", shares=shares_text(checked.languages)))
    say(t("cli_tune_check.lengths", context=checked.context, **quantiles(checked.lengths)))
    say(bars(histogram(checked.lengths)))
    say("")
    for finding in checked.findings:
        say(t("cli_tune_check.refused" if finding.refuses else "cli_tune_check.told", told=finding.told()))
    if not checked.findings:
        say(t("cli_tune_check.nothing_found"))


def shares_text(languages: Mapping[str, float]) -> str:
    """Returns the languages' shares; those of less than one in a hundred together."""
    shown = {language: share for language, share in languages.items() if share >= 0.01}
    rest = sum(share for language, share in languages.items() if language not in shown)
    others = [t("cli_tune_check.others", share=f"{rest:.1%}")] if rest else []
    return ", ".join([*(f"{language} {share:.0%}" for language, share in shown.items()), *others])


def quantiles(values: "np.ndarray") -> dict[str, int]:
    """Returns the least, the middle, 95 in 100 and the most of lengths."""
    import numpy as np

    shares = {"minimum": 0, "median": 50, "p95": 95, "maximum": 100}
    return {name: int(np.percentile(values, share, method="higher")) for name, share in shares.items()}


def histogram(lengths: "np.ndarray") -> list[dict[str, int]]:
    """Returns how many texts there are by length, in steps of twice as long."""
    import numpy as np

    powers = np.ceil(np.log2(np.maximum(lengths, 1))).astype(int)
    counts = np.bincount(powers)
    first = int(np.flatnonzero(counts)[0])
    return [
        {"from": (1 << power >> 1) + 1 if power else 1, "to": 1 << power, "texts": int(counts[power])}
        for power in range(first, len(counts))
    ]


def bars(steps: list[dict[str, int]]) -> str:
    """Returns a histogram as lines."""
    most = max(step["texts"] for step in steps)
    labels = [f"{step['from']:,}–{step['to']:,}" for step in steps]
    columns = max(map(width, labels))
    sizes = [max(bool(step["texts"]), round(BAR * step["texts"] / most)) for step in steps]
    return "\n".join(
        f"  {pad(label, columns)}  {'█' * size} {step['texts']:,}"
        for label, size, step in zip(labels, sizes, steps, strict=True)
    )


def as_document(prepared: "Prepared") -> dict[str, Any]:
    """Returns what ``--json`` prints."""
    checked, tally = prepared.checked, prepared.tally
    return {
        "context": checked.context,
        "rows": tally.rows,
        "examples": checked.examples,
        "held_out": checked.held_out,
        "left_out": tally.left_out,
        "bad": dict(tally.bad),
        "bad_rows": tally.named,
        "forms": dict(tally.forms),
        "passed_over": tally.passed_over,
        "sources": list(checked.sources),
        "languages": dict(checked.languages),
        "lengths": quantiles(checked.lengths),
        "learned": quantiles(checked.learned),
        "histogram": histogram(checked.lengths),
        "findings": findings_of(checked),
    }


def findings_of(checked: "Checked") -> list[dict[str, Any]]:
    """Returns the findings as ``--json`` prints them."""
    return [
        {
            "name": finding.name,
            "count": finding.count,
            "of": finding.of,
            "places": list(finding.places),
            "refuses": finding.refuses,
            "told": finding.told(),
        }
        for finding in checked.findings
    ]


COMMAND = Command(
    words=("tune", "check"),
    run=run,
    example="textmill tune check chats.jsonl\ntextmill tune check pairs.json --method dpo --against test.jsonl",
    arguments=(
        Argument(name="data", many="+", metavar="DATA"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--method", default="sft", choices=tuple(METHODS)),
        Argument(name="--against", many="*", metavar="FILE"),
        Argument(name="--show", kind=int, default=3, metavar="N"),
        Argument(name="--length", kind=int, metavar="TOKENS"),
    ),
    settings=("tune",),
)
