"""`textmill inspect PROMPT`: one prompt through the model, every step of it, in the terminal.

The document of ``--json``: ``model, step, tokens [{id, bytes, text, group}], steps [{name, kind, axes, shape, inputs}],
lens [[{layer, token, text, probability, final_rank}]], attention [{layer, head, token, weight}], next {candidates,
drawn, kept, entropy}``, and ``number`` with ``--number``.
"""

import re
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.errors import UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.inspect.explain import Number
    from textmill.inspect.lens import LensCell
    from textmill.inspect.next_token import NextToken
    from textmill.inspect.recording import Recording

PLACE = re.compile(r"(?P<name>[\w.]+)\[(?P<index>\d+(\s*,\s*\d+)*)\]")
SHOWN_CANDIDATES = 12
LONGEST = 60
"""Characters of an operand's values in the terminal."""


def run(
    context: Context, *, prompt: str, model: str | None, number: str, steps: bool, special: bool, **short: Any
) -> dict[str, Any]:
    """Looks into the model with `prompt`."""
    place = place_of(number) if number else None
    from textmill.infer.resolve import load
    from textmill.infer.sampling import SamplingSettings
    from textmill.inspect.explain import explain
    from textmill.inspect.lens import logit_lens
    from textmill.inspect.next_token import next_token
    from textmill.inspect.recording import look

    changes = {f"generate.{name}": value for name, value in short.items() if value is not None}
    sampling = SamplingSettings.of(context.settings.replace(changes).generate)
    loaded = load(model, context.project)
    for note in loaded.notes:
        context.say(note)
    recording = look(loaded, prompt, allow_special=special)
    found = {
        "model": loaded.name,
        "step": loaded.step,
        "tokens": [token_json(token) for token in recording.tokens],
        "steps": [step_json(recording, name) for name in recording.steps],
        "lens": logit_lens(recording, tokens=range(len(recording.ids) - 1, len(recording.ids))),
        "attention": strongest(recording),
        "next": next_token(recording, sampling),
    }
    if place is not None:
        found["number"] = explain(recording, *place)
    if not context.json:
        show(context, recording, found, steps)
    return {name: as_json(value) for name, value in found.items()}


def place_of(text: str) -> tuple[str, tuple[int, ...]]:
    """Returns NAME[1,2,3] as both."""
    match = PLACE.fullmatch(text.strip())
    if match is None:
        raise UsageError("cli_inspect.place", value=text)
    return match["name"], tuple(int(part) for part in match["index"].split(","))


def token_json(token: Any) -> dict[str, Any]:
    """Returns a token as ``--json`` prints it."""
    return {"id": token.id, "bytes": token.bytes.hex(), "text": token.text, "group": token.group}


def step_json(recording: "Recording", name: str) -> dict[str, Any]:
    """Returns a step as ``--json`` prints it."""
    step = recording.steps[name]
    shape = list(recording.shape(name))
    return {"name": name, "kind": step.kind, "axes": step.axes, "shape": shape, "inputs": step.inputs}


def as_json(value: Any) -> Any:
    """Returns records, also in lists, as dictionaries."""
    import dataclasses

    if isinstance(value, list):
        return [as_json(item) for item in value]
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def strongest(recording: "Recording") -> list[dict[str, Any]]:
    """Returns where each head of each layer looks most from the last token."""
    config, last = recording.model.config, len(recording.ids) - 1
    found = []
    for layer in range(config.layers):
        for head in range(config.heads):
            weight, token = recording.part(f"layer.{layer}.attention.weights", head)[last].max(dim=-1)
            found.append({"layer": layer, "head": head, "token": int(token), "weight": float(weight)})
    return found


def show(context: Context, recording: "Recording", found: dict[str, Any], steps: bool) -> None:
    """Prints everything for people."""
    if "number" in found:
        show_number(context, found["number"])
        return
    if steps:
        heads = tuple(t(f"cli_inspect.head_{name}") for name in ("step", "axes", "shape"))
        rows = [
            (step["name"], " × ".join(step["axes"]), " × ".join(map(str, step["shape"]))) for step in found["steps"]
        ]
        context.print(table([heads, *rows]))
        return
    show_tokens(context, recording)
    show_lens(context, [row[0] for row in found["lens"]])
    show_attention(context, recording, found["attention"])
    show_next(context, recording, found["next"])


def visible(text: str) -> str:
    """Returns a text with its white space and control characters visible."""
    from textmill.cli.tokenizer_show import visible as shown

    return shown(text).replace("\n", "").replace(" ", "␣")


def show_tokens(context: Context, recording: "Recording") -> None:
    """Prints the tokens, those of one character together."""
    groups: dict[int, list[Any]] = {}
    for token in recording.tokens:
        groups.setdefault(token.group, []).append(token)
    heads = tuple(t(f"cli_inspect.head_{name}") for name in ("place", "text", "ids"))
    rows, place = [], 0
    for parts in groups.values():
        span = str(place) if len(parts) == 1 else f"{place}–{place + len(parts) - 1}"
        rows.append((span, visible(parts[0].text), " ".join(str(token.id) for token in parts)))
        place += len(parts)
    context.print(t("cli_inspect.tokens_title"))
    context.print(table([heads, *rows]))


def show_lens(context: Context, cells: "list[LensCell]") -> None:
    """Prints what the model would say after each layer."""
    heads = tuple(t(f"cli_inspect.head_{name}") for name in ("layer", "best", "probability", "rank"))
    rows = [
        (
            t("cli_inspect.embedding") if cell.layer < 0 else str(cell.layer),
            visible(cell.text),
            f"{cell.probability:.1%}",
            str(cell.final_rank + 1),
        )
        for cell in cells
    ]
    context.print("\n" + t("cli_inspect.lens_title"))
    context.print(table([heads, *rows]))


def show_attention(context: Context, recording: "Recording", found: list[dict[str, Any]]) -> None:
    """Prints the token that each head looks at most, a line a layer."""
    rows: dict[int, list[str]] = {}
    for one in found:
        text = visible(recording.tokens[one["token"]].text)
        rows.setdefault(one["layer"], [str(one["layer"])]).append(f"{text} {one['weight']:.0%}")
    heads = recording.model.config.heads
    context.print("\n" + t("cli_inspect.attention_title"))
    titles = [t("cli_inspect.head_layer"), *(t("cli_inspect.head_head", number=head) for head in range(heads))]
    context.print(table([titles, *rows.values()]))


def show_next(context: Context, recording: "Recording", found: "NextToken") -> None:
    """Prints what may come next, and what the cuts leave of it."""
    heads = tuple(t(f"cli_inspect.head_{name}") for name in ("text", "logit", "probability", "chance", "cut"))
    rows = [
        (
            ("▶ " if one.id == found.drawn else "") + visible(one.text),
            f"{one.logit:.3f}",
            f"{one.probability:.2%}",
            f"{one.chance:.2%}" if not one.cut else "–",
            one.cut.replace("_", "-") or "",
        )
        for place, one in enumerate(found.candidates)
        if place < SHOWN_CANDIDATES or one.id == found.drawn
    ]
    size = recording.model.config.vocabulary_size
    context.print("\n" + t("cli_inspect.next_title"))
    context.print(table([heads, *rows]))
    context.print(t("cli_inspect.kept", kept=found.kept, size=size, entropy=found.entropy))


def show_number(context: Context, number: "Number") -> None:
    """Prints how one number came about."""
    place = ", ".join(map(str, number.index))
    context.print(f"{number.name}[{place}] = {number.value:.6g}\n")
    context.print(number.formula)
    context.print(f"= {number.filled}\n= {number.made:.6g}\n")
    rows = []
    for operand in number.operands:
        at = ", ".join(":" if place is None else str(place) for place in operand.index)
        values = ", ".join(f"{value:.4g}" for value in operand.values[:32])
        shape = " × ".join(map(str, operand.shape)) or t("cli_inspect.constant")
        name = f"{operand.name}[{at}]" if operand.name else ""
        rows.append((operand.symbol, name, shape, values if len(values) <= LONGEST else values[:LONGEST] + "…"))
    heads = ("", t("cli_inspect.head_from"), t("cli_inspect.head_shape"), t("cli_inspect.head_values"))
    context.print(table([heads, *rows]))
    context.print(f"\n{number.source.file}:{number.source.line}\n    {number.source.code}")


COMMAND = Command(
    words=("inspect",),
    run=run,
    example=(
        'textmill inspect "The cat sat on the"\n'
        'textmill inspect "1 + 1 =" --model main@1000 --steps\n'
        'textmill inspect "The cat" --number "layer.0.attention.weights[0, 1, 0]"'
    ),
    arguments=(
        Argument(name="prompt", metavar="TEXT"),
        Argument(name="--model", metavar="MODEL"),
        Argument(name="--number", default="", metavar="NAME[1,2,3]"),
        Argument(name="--steps", flag=True),
        Argument(name="--special", flag=True),
        Argument(name="--temperature", kind=float),
        Argument(name="--top-k", kind=int),
        Argument(name="--top-p", kind=float),
        Argument(name="--min-p", kind=float),
        Argument(name="--seed", kind=int),
    ),
    settings=("generate",),
)
