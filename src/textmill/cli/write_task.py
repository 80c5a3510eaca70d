"""What `textmill write` is to do, out of its options: everything is checked before a model is loaded."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Context
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.apps.write.kinds import Kind
    from textmill.apps.write.order import Order
    from textmill.apps.write.outline import Outline
    from textmill.apps.write.sources import Source

ORDER_NAMES = (
    "kind",
    "topic",
    "language",
    "words",
    "sections",
    "style",
    "tone",
    "person",
    "level",
    "seed",
    "candidates",
)
KINDS_FOLDER = "kinds"
FETCHED = ".sources"
"""Behind an article's name: the folder of the pages that were fetched for it, so that going on fetches nothing."""
MOST_VARIANTS = 20
LONGEST_LIST = 1 << 22
"""Bytes of a file of forbidden words, or of a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one call is to do, checked before a model is loaded."""

    order: "Order"
    kind: "Kind"
    outline: "Outline | None"
    sources: "list[Source]"
    out: Path | None
    again: int = 0
    """The section to write anew; 0: none."""
    watermark: str = ""
    """The key."""


def make_task(context: Context, given: dict[str, Any]) -> Task:
    """Returns what is to be done; raises the error of whatever is wrong with it."""
    from textmill.apps.write.order import Order
    from textmill.apps.write.outline import read_outline
    from textmill.apps.write.render import check_form

    if given["topic"] is None:
        raise UsageError("write.no_topic")
    if not 1 <= given["variants"] <= MOST_VARIANTS:
        raise UsageError("write.variants", most=MOST_VARIANTS, got=given["variants"])
    if given["variants"] > 1 and (given["section"] or given["outline_only"]):
        raise UsageError("usage.together", options="--variants, --section, --outline-only")
    kind = find_kind(context, given["kind"])
    chosen: dict[str, Any] = {name: given[name] for name in ORDER_NAMES} | {"person": given["person"] or kind.person}
    forbidden = (*given["forbid"], *blocked(given["blocklist"]))
    order = Order(required=given["require"], forbidden=forbidden, **chosen)
    if given["out"] is not None:
        check_form(given["out"])
    outline = read_outline(given["outline"]).allotted(order) if given["outline"] is not None else None
    return Task(
        order=order,
        kind=kind,
        outline=outline,
        sources=sources_of(context, given["sources"], order, given["out"]),
        out=given["out"],
        again=given["section"] or 0,
        watermark=watermark_key(context, given["watermark"], make=True),
    )


def find_kind(context: Context, name: str) -> "Kind":
    """Returns a kind: a file, one of the project's kinds/, one that a run learned, or one of ours."""
    from textmill.apps.write.kinds import KIND_FILE, load_kind, read_kind

    project = context.project
    if project is None:
        return load_kind(name)
    own, learned = project.root / KINDS_FOLDER, project.runs / name / KIND_FILE
    if learned.is_file() and not (own / f"{name}.toml").is_file():
        return read_kind(learned, name)
    return load_kind(name, own)


def sources_of(context: Context, given: tuple[str, ...], order: "Order", out: Path | None) -> "list[Source]":
    """Returns what `--sources` names; fetches the addresses among it."""
    from textmill.apps.write.places import all_sources, fetch, sort_places

    if not given:
        return []
    places = sort_places(given, context.project.graph if context.project is not None else None)
    with ExitStack() as stack:
        fetched = None
        if places.addresses:
            kept = out.with_name(out.name + FETCHED) if out is not None else None
            folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "pages"
            with context.progress(t("cli_write.fetching"), t("cli_write.pages")) as progress:
                fetched = fetch(places.addresses, folder, context.settings.crawl, progress)
        found, other = all_sources(places, order.topic, order.text_language, fetched)
    for name in other:
        context.say(t("cli_write.other_language", source=name))
    return found


def blocked(files: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the forbidden words of files: a word or phrase a line, # comments."""
    found: dict[str, None] = {}
    for file in files:
        lines = read_lines(Path(file).expanduser(), "--blocklist")
        found |= dict.fromkeys(line for line in lines if not line.startswith("#"))
    return tuple(found)


def watermark_key(context: Context, file: str | None, *, make: bool) -> str:
    """Returns the key in a file, "" where none is named; with `make`, a file that is not there gets a new one."""
    from textmill.files import write_bytes
    from textmill.infer.watermark import check_key, new_key

    if file is None:
        return ""
    path = Path(file).expanduser()
    if make and not path.exists():
        write_bytes(path, new_key().encode() + b"\n")
        path.chmod(0o600)
        context.say(t("cli_write.new_key", file=path))
    lines = read_lines(path, "--watermark")
    key = lines[0] if len(lines) == 1 else ""
    check_key(key)
    return key


def read_lines(path: Path, option: str) -> list[str]:
    """Returns the lines of a small text file that are not empty."""
    try:
        if path.stat().st_size > LONGEST_LIST:
            raise InputError("write.list_long", option=option, file=path, most=LONGEST_LIST)
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        raise InputError("usage.no_file", option=option, file=path) from None
    except UnicodeDecodeError:
        raise InputError("usage.file_not_utf8", option=option, file=path) from None
    return [line.strip() for line in text.splitlines() if line.strip()]
