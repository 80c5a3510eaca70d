"""Which files of a dataset on a hub are read: the configuration and the split or path that a reference names.

    hf:OWNER/NAME[@REVISION][:CONFIGURATION][/SPLIT or PATH]

A configuration is what the dataset's card (the YAML head of README.md) says under `configs`; without such a card it is
a folder. A split is what the card says, else what a file's name says, as the `datasets` library reads it: one of the
words below between other signs. A path is a file, a folder or a pattern with * and **.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textmill.errors import InputError

REFERENCE = re.compile(
    r"hf:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>refs/[\w-]+/[\w-]+|[\w.-]+))?(?::(?P<config>[\w.-]+))?(?:/(?P<part>.+))?"
)
ENDINGS = re.compile(
    r"\.(?:parquet|jsonl|ndjson|jsonlines|json|csv|tsv|txt|text|arrow|html?|xml|warc|wet|epub|pdf|docx|odt|mbox|zip|tar|tgz)"
    r"(?:\.(?:gz|gzip|bz2|xz|zst|zstd|lz4))?$|\.(?:zst|zstd|gz|bz2|xz|lz4)$",
    re.I,
)
ABOUT = re.compile(r"(?:^|/)(?:readme|licen[cs]e|citation|dataset_infos?|\.[^/]*)(?:\.[^/]*)?$|(?:^|/)\.", re.I)
"""Files about a dataset, which are not its data."""
SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
HELD_OUT = ("validation", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference in its parts, "" where it has none."""

    text: str
    name: str
    revision: str = ""
    config: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A file to read, by its path in the dataset, and the split that it belongs to ("": not known)."""

    path: str
    split: str = ""


def parse(text: str) -> Reference:
    """Returns the parts of `hf:…`; InputError for what is none."""
    found = REFERENCE.fullmatch(text)
    if not found or ".." in (found["part"] or "").split("/"):
        raise InputError("hub_data.reference", value=text)
    return Reference(text=text, **{name: value or "" for name, value in found.groupdict().items()})


def choose(paths: Sequence[str], card: dict[str, Any], reference: Reference) -> list[Chosen]:
    """Returns the files that a reference means, by name; InputError says which configurations or splits there are."""
    data = sorted(path for path in paths if ENDINGS.search(path) and not ABOUT.search(path))
    if reference.part and not reference.config:
        exact = named(data, reference.part)
        if exact:
            return exact
    found = of_config(data, card, reference)
    if reference.part:
        splits = sorted({chosen.split for chosen in found if chosen.split})
        within = f"{reference.config}/{reference.part}" if reference.config else reference.part
        kept = [chosen for chosen in found if chosen.split == normal(reference.part)] or named(data, within)
        if not kept:
            raise InputError(
                "hub_data.no_part", name=reference.name, part=reference.part, splits=", ".join(splits) or "–",
                example=splits[0] if splits else "PATH",
            )  # fmt: skip
        found = kept
    if not found:
        endings = sorted({path.rsplit(".", 1)[-1] for path in paths if "." in path.rsplit("/", 1)[-1]})
        raise InputError("hub_data.no_files", name=reference.name, found=", ".join(endings[:12]) or "–")
    return found


def of_config(data: list[str], card: dict[str, Any], reference: Reference) -> list[Chosen]:
    """Returns the files of the configuration that is named, or of the usual one."""
    configs = {str(item["config_name"]): item for item in card.get("configs") or [] if has_name(item)}
    if reference.config in configs:
        return by_card(data, configs[reference.config])
    if reference.config:
        inside = [path for path in data if reference.config in path.split("/")[:-1]]
        if not inside:
            raise no_config(reference, list(configs) or sorted({path.split("/")[0] for path in data if "/" in path}))
        return [Chosen(path=path, split=split_of(path)) for path in inside]
    usual = [name for name, item in configs.items() if item.get("default")] or [n for n in configs if n == "default"]
    if usual or len(configs) == 1:
        return by_card(data, configs[(usual or list(configs))[0]])
    if configs:
        raise no_config(reference, list(configs))
    return [Chosen(path=path, split=split_of(path)) for path in data]


def has_name(item: Any) -> bool:
    """True for an entry of a card that names a configuration."""
    return isinstance(item, dict) and isinstance(item.get("config_name"), str)


def no_config(reference: Reference, known: list[str]) -> InputError:
    """Returns the error that says which configurations there are."""
    shown = ", ".join(known[:20]) + (" …" if len(known) > 20 else "") or "–"
    example = known[0] if known else "NAME"
    return InputError(
        "hub_data.config", name=reference.name, config=reference.config or "–", configs=shown, example=example
    )


def by_card(data: list[str], config: dict[str, Any]) -> list[Chosen]:
    """Returns the files that a configuration's `data_files` (or `data_dir`) name, each once."""
    folder = str(config.get("data_dir") or "").strip("/")
    entries = config.get("data_files") or ([{"path": f"{folder}/**"}] if folder else [{"path": "**"}])
    found: dict[str, Chosen] = {}
    for entry in [entries] if isinstance(entries, str | dict) else entries:
        entry = entry if isinstance(entry, dict) else {"path": entry}
        patterns = entry.get("path") or []
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            full = f"{folder}/{pattern}" if folder and not str(pattern).startswith(folder) else str(pattern)
            for path in filter(matcher(full).fullmatch, data):
                found.setdefault(path, Chosen(path=path, split=normal(str(entry.get("split") or "")) or split_of(path)))
    return [found[path] for path in sorted(found)]


def named(data: list[str], part: str) -> list[Chosen]:
    """Returns the files that a path means: itself, all below it, or what its pattern matches."""
    part = part.strip("/")
    meant = matcher(part)
    chosen = [path for path in data if path == part or path.startswith(f"{part}/") or meant.fullmatch(path)]
    return [Chosen(path=path, split=split_of(path)) for path in chosen]


def matcher(pattern: str) -> re.Pattern[str]:
    """Returns the expression of a pattern: ** any signs, * any but /, ? one; [ is only itself."""
    pieces = re.split(r"(\*\*/?|\*|\?)", pattern.removeprefix("./"))
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(piece, re.escape(piece)) for piece in pieces))


def normal(split: str) -> str:
    """Returns train, validation or test for their other names, and any other name as it is."""
    lower = split.lower()
    return next((name for name, words in SPLIT_WORDS.items() if lower in words), lower)


def split_of(path: str) -> str:
    """Returns the split that a file's name tells, else that of the nearest folder that tells one, else ""."""
    for part in reversed(path.split("/")):
        words = re.split(r"[^a-z]+", part.lower())
        for name, known in SPLIT_WORDS.items():
            if any(word in known for word in words):
                return name
    return ""
