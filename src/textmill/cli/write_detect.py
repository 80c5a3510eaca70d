"""`textmill write detect FILE... --watermark KEYFILE`: which texts carry the key's mark.

The document of ``--json``: ``key, model, texts [{file, tokens, green, expected, p_value, found}], below``. `found` is
true where the p-value is below ``--below``. Exit code 0 either way.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.errors import UsageError
from textmill.i18n import t

ENOUGH = 50
"""Tokens below which a text says little either way."""


def run(
    context: Context, *, files: tuple[Path, ...], watermark: str, model: str | None, below: float
) -> dict[str, Any]:
    """Looks for the mark in every file."""
    from textmill.apps.write.sources import plain_text
    from textmill.apps.write.watermarked import detect_text
    from textmill.cli.write_task import watermark_key
    from textmill.infer.resolve import load_tokenizer, resolve
    from textmill.infer.watermark import fingerprint

    if not 0 < below < 1:
        raise UsageError("write.below", got=below)
    key = watermark_key(context, watermark, make=False)
    place = resolve(model, context.project)
    tokenizer = load_tokenizer(place)
    rows, lines = [], []
    for file in files:
        found = detect_text(tokenizer, key, plain_text(file))
        marked = found.p_value < below
        rows.append(
            {
                "file": str(file),
                "tokens": found.tokens,
                "green": found.green,
                "expected": found.expected,
                "p_value": found.p_value,
                "found": marked,
            }
        )
        told = "found" if marked else "too_short" if found.tokens < ENOUGH else "none"
        share = found.green / found.tokens if found.tokens else 0.0
        lines.append(
            (str(file), f"{found.tokens}", f"{share:.0%}", f"{found.p_value:.2g}", t(f"cli_write_detect.{told}"))
        )
    heads = tuple(t(f"cli_write_detect.column_{name}") for name in ("file", "tokens", "green", "p_value", "told"))
    context.print(table([heads, *lines]))
    return {"key": fingerprint(key), "model": place.name, "texts": rows, "below": below}


COMMAND = Command(
    words=("write", "detect"),
    run=run,
    example="textmill write --topic Boats --watermark my.key --out boats.md\n"
    "textmill write detect boats.md --watermark my.key --model main",
    arguments=(
        Argument(name="files", kind=Path, many="+", metavar="FILE"),
        Argument(name="--watermark", required=True, metavar="FILE"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--below", kind=float, default=0.001, metavar="P"),
    ),
)
