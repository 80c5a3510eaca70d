"""`textmill show MODEL`: architecture, size, memory by precision and length of text, licence, chat template.

The document of ``--json``: ``model, step, folder, family, architecture, parameters, dtype, bytes, memory {precision:
bytes}, cache_bytes {tokens: bytes}, licence, chat_template, config``. ``cache_bytes`` are keys and values in 16 bits.
"""

from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.i18n import t
from textmill.report.numbers import size


def run(context: Context, *, model: str | None) -> dict[str, Any]:
    """Shows `model`."""
    from textmill.infer.resolve import resolve
    from textmill.model.hub.facts import as_document, model_facts

    place = resolve(model, context.project)
    facts = model_facts(place.folder)
    document = as_document(facts)
    config = facts.config
    heads = f"{config.heads}" if config.heads == config.kv_heads else f"{config.heads} / {config.kv_heads}"
    rows = {
        "family": f"{facts.family} ({facts.architecture})",
        "parameters": f"{facts.parameters:,}",
        "shape": t("cli_show.shape_value", layers=config.layers, width=config.width, heads=heads),
        "vocabulary": f"{config.vocabulary_size:,}",
        "context": f"{config.context:,}",
        "stored": f"{facts.dtype}, {size(facts.stored_bytes)}",
        "memory": ", ".join(f"{name} {size(count)}" for name, count in document["memory"].items()),
        "cache": ", ".join(f"{int(length):,}: {size(count)}" for length, count in document["cache_bytes"].items()),
        "licence": facts.licence or t("cli_show.unknown"),
        "folder": str(place.folder),
    }
    context.print(table([[t(f"cli_show.{name}_row"), value] for name, value in rows.items()]))
    if facts.chat_template:
        context.print("\n" + t("cli_show.template") + "\n" + facts.chat_template)
    else:
        context.print("\n" + t("cli_show.no_template"))
    return {"model": place.name, "step": place.step, "folder": str(place.folder), **document}


COMMAND = Command(
    words=("show",),
    run=run,
    example="textmill show\ntextmill show main@1000",
    arguments=(Argument(name="model", many="?"),),
)
