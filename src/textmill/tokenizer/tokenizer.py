"""Text to token ids and back: a BPE as a Hugging Face `tokenizer.json`, ours byte-level, safe and lossless.

    text ─▶ words (pattern.py) ─▶ UTF-8 bytes ─▶ merges ─▶ ids          ids ─▶ bytes ─▶ text

Safe: special tokens spelled in a text are encoded as the plain characters they are, unless the caller allows them.
Lossless: every string without lone surrogates (and, with `encode_bytes`, every bytes) comes back exactly.
An object never changes after it is made, so threads may share it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from textmill.errors import TokenizerError
from textmill.files import atomic_folder, disk_errors, write_bytes, write_json
from textmill.tokenizer.chat_template import default_template
from textmill.tokenizer.other_forms import converted, other_form
from textmill.tokenizer.pattern import STRETCH, stretches, without_surrogates
from textmill.tokenizer.special_tokens import END_OF_TEXT
from textmill.tokenizer.start import start_ids
from textmill.tokenizer.token_bytes import PIECES, kind_of, strips_a_space, table_of_bytes

if TYPE_CHECKING:
    import tokenizers

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
ADDED_FILE = "added_tokens.json"
TEMPLATE_FILE = "chat_template.jinja"
MANIFEST_FILE = "manifest.json"
FORMAT_VERSION = 1
ESCAPED = re.compile("[\udc80-\udcff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The smallest group of tokens that makes whole characters; `start` and `end` are code points in the text."""

    text: str
    ids: tuple[int, ...]
    bytes: tuple[bytes, ...]
    start: int
    end: int


class Tokenizer:
    """A byte-level tokenizer; made by `train_tokenizer` or `Tokenizer.load`."""

    def __init__(
        self,
        tokenizer_json: bytes,
        *,
        config: Mapping[str, Any] | None = None,
        manifest: Mapping[str, Any] | None = None,
        source: str = TOKENIZER_FILE,
    ) -> None:
        self.json_bytes = tokenizer_json
        self.hash = hashlib.sha256(tokenizer_json).hexdigest()
        self.config: Mapping[str, Any] = MappingProxyType(dict(config or default_config()))
        self.manifest: Mapping[str, Any] = MappingProxyType(dict(manifest or {}))
        self.source = source
        self._plain = self._backend(special_as_text=True)
        content = json.loads(tokenizer_json)
        self.kind = kind_of(content, source)
        self._strips = self.kind == PIECES and strips_a_space(content)
        self._token_bytes = table_of_bytes(self._plain, self.kind)
        self.special: Mapping[str, int] = MappingProxyType(
            {token.content: id for id, token in self._plain.get_added_tokens_decoder().items() if token.special}
        )
        self._special_ids = frozenset(self.special.values())

    # ---- files

    @classmethod
    def load(cls, place: Path | str) -> "Tokenizer":
        """Returns the tokenizer in a folder (or a tokenizer.json), with chat template and manifest if there are any.

        A folder without a tokenizer.json may hold one of the forms before it (`other_forms`).
        """
        place = Path(place)
        file = place / TOKENIZER_FILE if place.is_dir() else place
        told = read_object(file.with_name(CONFIG_FILE))
        older = other_form(place) if place.is_dir() and not file.is_file() else None
        try:
            added = read_object(file.with_name(ADDED_FILE)) if older else {}
            data = converted(older, told, added) if older else file.read_bytes()
        except OSError as error:
            raise TokenizerError("tokenizer.missing", file=file) from error
        config = dict(told or default_config())
        template = file.with_name(TEMPLATE_FILE)
        if template.is_file():
            config["chat_template"] = template.read_text(encoding="utf-8")
        manifest = read_object(file.with_name(MANIFEST_FILE))
        if manifest.get("kind") != "tokenizer":
            manifest = {}
        tokenizer = cls(data, config=config, manifest=manifest, source=str(file))
        if manifest.get("hash", tokenizer.hash) != tokenizer.hash:
            raise TokenizerError("tokenizer.damaged", file=file, detail="SHA-256 ≠ manifest.json")
        return tokenizer

    def save(self, folder: Path) -> None:
        """Writes a tokenizer folder: the files that `transformers` loads, and the manifest."""
        with atomic_folder(folder) as fresh:
            self.write_files(fresh)
            write_json(fresh / MANIFEST_FILE, {**self.manifest, **self.facts()})

    def write_files(self, folder: Path) -> None:
        """Writes tokenizer.json and tokenizer_config.json into a folder that is there, such as a checkpoint's."""
        with disk_errors(folder):
            write_bytes(folder / TOKENIZER_FILE, self.json_bytes)
            write_json(folder / CONFIG_FILE, dict(self.config))

    def with_manifest(self, **facts: Any) -> "Tokenizer":
        """Returns the same tokenizer with more said about it."""
        return Tokenizer(self.json_bytes, config=self.config, manifest={**self.manifest, **facts}, source=self.source)

    def facts(self) -> dict[str, Any]:
        """Returns what a manifest says of any tokenizer."""
        return {
            "format_version": FORMAT_VERSION,
            "kind": "tokenizer",
            "hash": self.hash,
            "vocabulary_size": self.vocabulary_size,
            "special": dict(self.special),
        }

    # ---- what it is

    @property
    def vocabulary_size(self) -> int:
        """How many ids there are, special tokens included."""
        return len(self._token_bytes)

    @property
    def end_of_text_id(self) -> int:
        """The document boundary: `<|endoftext|>`, or what a foreign tokenizer calls its end of text."""
        name = END_OF_TEXT if END_OF_TEXT in self.special else token_text(self.config.get("eos_token"))
        if name not in self.special:
            raise TokenizerError("tokenizer.no_end_of_text", file=self.source)
        return self.special[name]

    @cached_property
    def start_ids(self) -> tuple[int, ...]:
        """The ids that stand before every text."""
        return start_ids(self)

    @property
    def chat_template(self) -> str:
        """The template that turns messages into text; Textmill's own where the files bring none."""
        template = self.config.get("chat_template") or default_template()
        if isinstance(template, list):
            named = {item["name"]: item["template"] for item in template}
            template = named.get("default") or next(iter(named.values()))
        return template

    @property
    def special_variables(self) -> dict[str, str]:
        """What templates may use by name: bos_token, eos_token, pad_token, as far as there are any."""
        names = ("bos_token", "eos_token", "pad_token", "unk_token")
        return {name: text for name in names if (text := token_text(self.config.get(name)))}

    # ---- text to ids

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Returns the ids of `text`. Special tokens spelled in it become their ids only with `allow_special`.

        Lone surrogates, which no UTF-8 has, are encoded as U+FFFD.
        """
        if allow_special:
            return self._with_special.encode(without_surrogates(text), add_special_tokens=False).ids
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, plain, on all cores; long texts are cut where that changes no token."""
        parts: list[str] = []
        counts: list[int] = []
        for text in texts:
            # of pieces, each stretch would begin with a space of its own
            whole = len(text) <= STRETCH or self.kind == PIECES
            cut = [text] if whole else list(stretches(text))
            parts += cut
            counts.append(len(cut))
        ids = self._encode_parts(parts)
        if len(parts) == len(counts):
            return ids
        at = iter(ids)
        return [[id for _ in range(count) for id in next(at)] for count in counts]

    def encode_bytes(self, data: bytes) -> list[int]:
        """Returns ids that `decode_bytes` turns back into exactly `data`: UTF-8 as text, other bytes one by one."""
        text = data.decode("utf-8", "surrogateescape")
        ids: list[int] = []
        start = 0
        for match in ESCAPED.finditer(text):
            ids += self.encode(text[start : match.start()])
            ids += (self._byte_ids[ord(character) - 0xDC00] for character in match.group())
            start = match.end()
        return ids + self.encode(text[start:])

    # ---- ids to text

    def token_bytes(self, id: int) -> bytes:
        """Returns the bytes that a token stands for; a special token's are its name."""
        if not 0 <= id < len(self._token_bytes):
            raise TokenizerError("tokenizer.unknown_id", id=id, last=self.vocabulary_size - 1)
        return self._token_bytes[id]

    def decode_bytes(self, ids: Iterable[int], skip_special: bool = True) -> bytes:
        """Returns the bytes of `ids`, without special tokens unless they are asked for."""
        skipped = self._special_ids if skip_special else ()
        return b"".join(self.token_bytes(id) for id in ids if id not in skipped)

    def decode(self, ids: Iterable[int], skip_special: bool = True) -> str:
        """Returns the text of `ids`; bytes that are no UTF-8 (half a character) become U+FFFD.

        A space that encoding puts before every text is taken away again; `StreamDecoder` goes on from one and keeps it.
        """
        text = self.decode_bytes(ids, skip_special).decode("utf-8", "replace")
        return text.removeprefix(" ") if self._strips else text

    def is_special(self, id: int) -> bool:
        """True for the tokens of structure, which are not text."""
        return id in self._special_ids

    def pieces(self, text: str, allow_special: bool = False) -> list[Piece]:
        """Returns the tokens of `text` in groups that make whole characters, so that no half one is ever shown."""
        pieces: list[Piece] = []
        ids: list[int] = []
        held = b""
        start = 0
        encoded = self.encode(text, allow_special)
        put_before = self._strips and self.decode_bytes(encoded, skip_special=False).startswith(b" " + text.encode())
        for id in encoded:
            ids.append(id)
            held += self.token_bytes(id)
            try:
                shown = held.decode()
            except UnicodeDecodeError:
                continue
            if put_before and not pieces:
                shown = shown[1:]
            parts = tuple(self.token_bytes(each) for each in ids)
            pieces.append(Piece(text=shown, ids=tuple(ids), bytes=parts, start=start, end=start + len(shown)))
            start += len(shown)
            ids, held = [], b""
        return pieces

    # ---- inside

    def _backend(self, *, special_as_text: bool) -> "tokenizers.Tokenizer":
        """Returns a tokenizer of the library; what special tokens mean to it is fixed here."""
        import tokenizers

        with damage(self.source):
            backend = tokenizers.Tokenizer.from_buffer(self.json_bytes)
        backend.no_padding()
        backend.no_truncation()
        backend.encode_special_tokens = special_as_text
        return backend

    @cached_property
    def _with_special(self) -> "tokenizers.Tokenizer":
        return self._backend(special_as_text=False)

    @cached_property
    def _byte_ids(self) -> list[int]:
        by_bytes = {value: id for id, value in enumerate(self._token_bytes) if len(value) == 1}
        return [by_bytes[bytes([value])] for value in range(256)]

    def _encode_parts(self, parts: list[str]) -> list[list[int]]:
        with damage(self.source):
            try:
                encodings = self._plain.encode_batch_fast(parts, add_special_tokens=False)
            except (UnicodeEncodeError, TypeError):
                parts = [without_surrogates(part) for part in parts]
                encodings = self._plain.encode_batch_fast(parts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


@contextmanager
def damage(source: str) -> Iterator[None]:
    """Makes one clear error of whatever the library says of a file: bare Exception, or a panic, which is none."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise  # Ctrl-C
        raise TokenizerError("tokenizer.damaged", file=source, detail=error) from error


def default_config() -> dict[str, Any]:
    """Returns tokenizer_config.json as `transformers` and inference engines read it, with Textmill's chat template."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": END_OF_TEXT,
        "pad_token": END_OF_TEXT,
        "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": False,
        "errors": "replace",
        "model_max_length": 1_000_000_000,
        "chat_template": default_template(),
    }


def read_object(file: Path) -> dict[str, Any]:
    """Returns the JSON object in `file`, or {} when there is none that can be read."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def token_text(token: Any) -> str:
    """Returns the text of a token of tokenizer_config.json, which is a string or an object with "content"."""
    return (token.get("content") if isinstance(token, dict) else token) or ""
