"""`textmill graph extract DOCS... --schema FILE`: what documents say, as statements with the words that say so.

The document of ``--json``: ``folder, read, gone, asked, known, stored, statements, left_out, failed, candidates,
seconds``. ``read`` and ``gone`` count files, ``asked`` and ``known`` parts of texts, ``stored`` documents whose
statements were put in; ``candidates`` counts entities that may be one (`graph merge` lists them).
"""

import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.graph_source import GRAPH, graph_folder
from textmill.cli.model_engine import MODEL_ARGUMENTS, load_model, make_engine, short_name
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.extract.building import Builder
    from textmill.apps.extract.proposing import ModelProposer


def run(context: Context, *, docs: tuple[Path, ...], schema: Path | None, graph: Path | None, confidence: float,
        forget: bool, **model: Any) -> dict[str, Any]:  # fmt: skip
    """Reads what changed, and takes out what is gone."""
    from textmill.apps.extract.building import Builder
    from textmill.apps.extract.ledger import Ledger
    from textmill.apps.extract.schema import from_dict, read_schema
    from textmill.apps.graph.store import GraphWriter

    if not 0 <= confidence <= 1:
        raise UsageError("extract.confidence", got=confidence)
    began, folder = time.monotonic(), graph_folder(context, graph)
    given = read_schema(schema) if schema else None
    try:
        with GraphWriter(folder) as writer, closing(Ledger(folder)) as ledger:
            noted = ledger.noted("schema")
            if given is None and noted is None:
                raise UsageError("extract.no_schema")
            builder = Builder(writer, ledger, given or from_dict(noted), least=confidence)
            failed = take_out(builder, docs) if forget else read(context, builder, docs, model)
            likely = count_candidates(builder)
    except KeyboardInterrupt:
        context.say(t("cli_graph_extract.interrupted"))
        raise Stopped({"error": {"code": "graph.interrupted", "what": t("cli_graph_extract.interrupted")}}) from None
    done = asdict(builder.done)
    context.print(t("cli_graph_extract.done", **done))
    for key, count in (("left_out", done["left_out"]), ("failed", failed), ("candidates", likely)):
        if count:
            context.say(t(f"cli_graph_extract.{key}", count=count))
    return {"folder": folder, **done, "failed": failed, "candidates": likely, "seconds": time.monotonic() - began}


def read(context: Context, builder: "Builder", docs: tuple[Path, ...], model: dict[str, Any]) -> int:
    """Brings the graph after the documents; returns how many parts the model could not be asked about."""
    opened: list[ModelProposer] = []

    def make() -> "ModelProposer":
        from textmill.apps.extract.proposing import ModelProposer

        loaded = load_model(context, model["model"], model["device"])
        for note in loaded.notes:
            context.say(note)
        engine = make_engine(loaded, model["weights"], texts=4, length=2048)
        most = min(loaded.model.config.context, engine.capacity)
        opened.append(ModelProposer(engine, loaded.tokenizer, most, short_name(loaded)))
        return opened[0]

    with context.progress(t("cli_graph_extract.progress"), t("cli_graph_extract.unit")) as progress:
        builder.extract([place.expanduser() for place in docs], make, progress)
    return sum(each.failed for each in opened)


def take_out(builder: "Builder", docs: tuple[Path, ...]) -> int:
    """Takes out all that was read below some places, whether they are still there or not."""
    from textmill.apps.extract.building import lies_in

    paths = [path for path in builder.ledger.origins() if any(lies_in(path, place.expanduser()) for place in docs)]
    builder.take_out(paths)
    builder.done.gone = len(paths)
    builder.ledger.forget_parts()
    return 0


def count_candidates(builder: "Builder") -> int:
    """Returns how many entities may be one with another."""
    from textmill.apps.extract.merging import candidates

    return len(candidates(builder.ledger))


COMMAND = Command(
    words=("graph", "extract"),
    run=run,
    example="textmill graph extract notes/ --schema town.toml --model hf:OWNER/NAME\n"
    "textmill graph extract notes/ --forget",
    arguments=(
        Argument(name="docs", kind=Path, many="+", metavar="PATH"),
        Argument(name="--schema", kind=Path, metavar="FILE"),
        GRAPH,
        Argument(name="--confidence", kind=float, default=0.0, metavar="P"),
        Argument(name="--forget", flag=True, default=False),
        *MODEL_ARGUMENTS,
    ),
)
