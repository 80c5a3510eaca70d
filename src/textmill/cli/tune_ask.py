"""`textmill tune ask`: a judge of which query a question means, learned from pairs or from the graph itself.

``--json`` prints ``run, folder, pairs, generated, lessons, held_out, left_out, use, likely`` and ``figures`` by way
(trained, words): accuracy with its interval, and the share of held-out questions that end well with refusals.
"""

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import GRAPH, open_embedded
from textmill.cli.layout import table
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.ask.making import Made

WAYS = ("trained", "words")
LEAST_SHARE = 0.1
"""Of the pairs is held out: they judge two ways, and when to refuse."""


def run(context: Context, *, data: tuple[str, ...], graph: Path | None, name: str) -> dict[str, Any]:
    """Makes a judge."""
    from textmill.apps.ask.generated import generate_pairs
    from textmill.apps.ask.making import make_judge
    from textmill.apps.ask.pairs import hold_out, read_pairs

    folder = context.need_project().runs / name
    left_out: Counter[str] = Counter()
    with closing(open_embedded(context, graph)) as opened:
        pairs = read_pairs(data, left_out) if data else generate_pairs(opened)
        pairs = hold_out(pairs, max(LEAST_SHARE, context.settings.tune.held_out_share))
        context.say(t("cli_tune_ask.read" if data else "cli_tune_ask.generated", count=len(pairs)))
        with context.progress(t("cli_tune_ask.learning")) as progress:
            made = make_judge(opened, pairs, progress=lambda stage, done, total: progress(done, total))
        made.left_out += left_out
        told = {"use": made.use, "figures": made.figures, "lessons": made.lessons, "generated": not data}
        made.judge.write(folder, told)
    for why, count in sorted(made.left_out.items()):
        context.say(t(f"cli_tune_ask.left_out_{why}", count=count))
    show(context, made, name)
    return {
        "run": name,
        "folder": str(folder),
        "pairs": len(pairs),
        "generated": not data,
        "lessons": made.lessons,
        "held_out": made.held_out,
        "left_out": dict(made.left_out),
        "use": made.use,
        "likely": made.judge.likely,
        "figures": made.figures,
    }


def show(context: Context, made: "Made", name: str) -> None:
    """Prints what each way is worth, and which one is used."""
    lines = [tuple(t(f"cli_tune_ask.column_{column}") for column in ("way", "accuracy", "interval", "ends_well"))]
    for way in WAYS:
        row = made.figures[way]
        mark = "→ " if way == made.use else "  "
        interval = f"{row['low']:.1%} – {row['high']:.1%}"
        lines.append(
            (mark + t(f"cli_tune_ask.way_{way}"), f"{row['accuracy']:.1%}", interval, f"{row['ends_well']:.1%}")
        )
    context.print(table(lines))
    context.print(t("cli_tune_ask.done", name=name, lessons=made.lessons, held_out=made.held_out))


COMMAND = Command(
    words=("tune", "ask"),
    run=run,
    example="textmill tune ask --data questions.jsonl\ntextmill tune ask",
    arguments=(
        Argument(name="--data", many="*", metavar="FILE"),
        GRAPH,
        Argument(name="--name", metavar="NAME", default="ask"),
    ),
    settings=("tune",),
)
