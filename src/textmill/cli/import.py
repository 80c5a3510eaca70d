"""`textmill import`: a model from a hub, a folder or a GGUF file into the project, checked before it stands there.

The document of ``--json``: ``name, folder, family, architecture, parameters, dtype, bytes, seconds``.
"""

import time
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.i18n import t


def run(
    context: Context, *, source: str, out: Path | None, name: str | None, dtype: str, replace: bool
) -> dict[str, Any]:
    """Imports `source`."""
    from textmill.model.hub.facts import model_facts
    from textmill.model.hub.importing import import_model, name_of

    name = name or name_of(source)
    target = out or context.need_project().models / name
    began = time.perf_counter()
    folder = import_model(source, target, dtype=dtype, replace=replace)
    seconds, facts = time.perf_counter() - began, model_facts(folder)
    values = {"family": facts.family, "parameters": f"{facts.parameters:,}", "dtype": facts.dtype}
    context.print(t("cli_import.done", name=name, folder=folder, seconds=f"{seconds:.1f}", **values))
    context.print(t("cli_import.next", model=name if out is None else folder))
    return {
        "name": name,
        "folder": str(folder),
        "family": facts.family,
        "architecture": facts.architecture,
        "parameters": facts.parameters,
        "dtype": facts.dtype,
        "bytes": facts.stored_bytes,
        "seconds": seconds,
    }


COMMAND = Command(
    words=("import",),
    run=run,
    example=(
        "textmill import hf:Qwen/Qwen3-0.6B\ntextmill import ~/models/llama --name llama\n"
        "textmill import model.gguf --out models/small"
    ),
    arguments=(
        Argument(name="source"),
        Argument(name="--out", kind=Path, metavar="DIR"),
        Argument(name="--name"),
        Argument(name="--dtype", default="f32", choices=("f32", "bf16", "f16")),
        Argument(name="--replace", flag=True, default=False),
    ),
)
