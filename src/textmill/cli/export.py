"""`textmill export`: a model as others run it: a Hugging Face folder, or one GGUF file for llama.cpp and Ollama.

The document of ``--json``: ``model, step, to, quantization, out, bytes, seconds``.
"""

import time
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.errors import InputError
from textmill.i18n import t

QUANTIZATIONS = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_k_m")
FOLDER_DTYPES = ("f32", "bf16", "f16")


def run(
    context: Context, *, model: str | None, to: str, quantize: str | None, out: Path | None, replace: bool
) -> dict[str, Any]:
    """Exports `model`."""
    from textmill.infer.resolve import load
    from textmill.model.hub.exporting import export_folder
    from textmill.model.hub.facts import licence_of
    from textmill.model.hub.importing import DTYPES, name_of

    if to == "hf" and quantize not in (None, *FOLDER_DTYPES):
        raise InputError("hub.folder_dtype", value=quantize, choices=", ".join(FOLDER_DTYPES))
    loaded = load(model, context.project, dtype=None)
    for note in loaded.notes:
        context.say(note)
    name = name_of(loaded.name) if loaded.step is None else f"{name_of(loaded.name)}-{loaded.step}"
    stored = {dtype: code for code, dtype in DTYPES.items()}[loaded.model.token_embedding.weight.dtype]
    quantization = quantize or (stored if to == "hf" else "f16")
    target = out or context.need_project().exports / (name if to == "hf" else f"{name}-{quantization}.gguf")
    if target.exists() and not replace:
        raise InputError("hub.target_taken", folder=target)
    began = time.perf_counter()
    if to == "hf":
        export_folder(loaded.model, loaded.tokenizer, loaded.folder, target, dtype=DTYPES[quantization])
    else:
        from textmill.model.gguf import write_gguf

        licence = licence_of(loaded.folder)
        write_gguf(loaded.model, loaded.tokenizer, target, quantization, name=name, licence=licence)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in target.rglob("*")) if target.is_dir() else target.stat().st_size
    context.print(t("cli_export.done", model=name, out=target, size=f"{size / 1e6:.1f}", seconds=f"{seconds:.1f}"))
    context.print(t(f"cli_export.next_{to}", out=target))
    return {
        "model": loaded.name,
        "step": loaded.step,
        "to": to,
        "quantization": quantization,
        "out": str(target),
        "bytes": size,
        "seconds": seconds,
    }


COMMAND = Command(
    words=("export",),
    run=run,
    example="textmill export main --to gguf --quantize q8_0\ntextmill export main --to hf --out ~/models/mine",
    arguments=(
        Argument(name="model", many="?"),
        Argument(name="--to", choices=("hf", "gguf"), required=True),
        Argument(name="--quantize", choices=QUANTIZATIONS),
        Argument(name="--out", kind=Path, metavar="PATH"),
        Argument(name="--replace", flag=True, default=False),
    ),
)
