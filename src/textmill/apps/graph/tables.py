"""CSV and TSV as statements, by a mapping of a few lines of TOML:

    header = ["film", "relation", "value"]        # when the file has no header line of its own
    delimiter = "|"                               # by default "," for .csv and a tab for .tsv

    [[statement]]
    subject = "https://example.org/film/{film}"   # {column}: its value, made safe for an IRI
    predicate = "https://example.org/{relation}"
    object = "https://example.org/film/{value}"   # an IRI, or instead of it:

    [[statement]]
    subject = "https://example.org/film/{film}"
    predicate = "label"                           # rdfs:label; also type, alias, and prefixes as rdfs:, schema:, wdt:
    text = "{film}"                               # a literal
    language = "en"                               # or datatype = "integer", "decimal", "date", "gYear", "boolean" …
    split = "|"                                   # one statement for each part of each column that is used

A row where a used column is empty gives no such statement; a value that its datatype does not know is left out and
counted. The line of a row that cannot be read at all is named.
"""

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from textmill.apps.graph.terms import PREFIXES, RDF, RDFS, SKOS, XSD, is_iri, library
from textmill.errors import InputError

if TYPE_CHECKING:
    from pyoxigraph import Quad

WORDS = {"label": RDFS + "label", "alias": SKOS + "altLabel", "type": RDF + "type"}
PLACE = re.compile(r"\{([^{}]*)\}")
FORMS = {
    "integer": re.compile(r"[+-]?\d+"),
    "decimal": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)"),
    "double": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|INF|-INF|NaN"),
    "boolean": re.compile("true|false|0|1"),
    "gYear": re.compile(r"-?\d{4,}"),
    "date": re.compile(r"-?\d{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(Z|[+-]\d\d:\d\d)?"),
    "dateTime": re.compile(r"-?\d{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"),
}
"""How values of the common datatypes are written; other datatypes are taken as they are."""
UNSAFE = re.compile(r"[^\w.~!$&'()*+,;=:@-]")
KEYS = frozenset(("subject", "predicate", "object", "text", "language", "datatype", "split"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A statement that each row may give."""

    subject: str
    predicate: str
    object: str = ""
    text: str = ""
    language: str = ""
    datatype: str = ""
    split: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it uses, each once."""
        parts = (self.subject, self.predicate, self.object, self.text)
        return tuple(dict.fromkeys(name for part in parts for name in PLACE.findall(part)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """How a table's rows become statements."""

    templates: tuple[Template, ...]
    header: tuple[str, ...] = ()
    delimiter: str = ""


def read_mapping(path: Path) -> Mapping:
    """Returns the mapping in a TOML file."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
        templates = tuple(_template(item) for item in given.pop("statement"))
        header, delimiter = tuple(given.pop("header", ())), given.pop("delimiter", "")
        if given or not templates or not all(isinstance(name, str) for name in (*header, delimiter)):
            raise ValueError(", ".join(given) or "statement, header, delimiter")
        if delimiter and len(delimiter) != 1:
            raise ValueError(f"delimiter = {delimiter!r}")
    except OSError as error:
        raise InputError("graph.file_unreadable", path=path, detail=error.strerror or error) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("graph.mapping_bad", path=path, detail=error) from error
    return Mapping(templates=templates, header=header, delimiter=delimiter)


def _template(item: dict[str, Any]) -> Template:
    if unknown := set(item) - KEYS:
        raise ValueError(", ".join(sorted(unknown)))
    if not all(isinstance(value, str) for value in item.values()):
        raise ValueError(str(item))
    item = item | {"predicate": _full(item["predicate"]), "subject": _full(item["subject"])}
    item |= {"object": _full(item["object"])} if item.get("object") else {}
    if item.get("datatype"):
        datatype = item["datatype"]
        item["datatype"] = _full(datatype) if ":" in datatype else XSD + datatype
    if bool(item.get("object")) == bool(item.get("text")) or (item.get("language") and item.get("datatype")):
        raise ValueError(f"object / text, language / datatype: {item}")
    return Template(**item)


def _full(name: str) -> str:
    """Returns the whole IRI for a word or a name with a known prefix."""
    prefix, colon, rest = name.partition(":")
    return WORDS.get(name) or (PREFIXES[prefix] + rest if colon and prefix in PREFIXES else name)


def rows_of(stream: BinaryIO, mapping: Mapping, tabs: bool, leave_out: Callable[[str], None]) -> "Iterator[Quad]":
    """Yields the statements of a table."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=mapping.delimiter or ("\t" if tabs else ","), strict=True)
    try:
        header = mapping.header or tuple(next(reader, ()))
        used = {name for template in mapping.templates for name in template.columns}
        if missing := sorted(used - set(header)):
            raise ValueError(f"{', '.join(missing)} ∉ {', '.join(header)}")
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise _at(reader.line_num, f"{len(row)} ≠ {len(header)}")
            values = dict(zip(header, (value.strip() for value in row), strict=True))
            for template in mapping.templates:
                yield from _made(template, values, reader.line_num, leave_out)
    except (csv.Error, UnicodeDecodeError) as error:
        raise _at(reader.line_num + 1, str(error)) from error
    finally:
        text.detach()


def _at(line: int, message: str) -> SyntaxError:
    error = SyntaxError(message)
    error.lineno = line
    return error


def _made(template: Template, values: dict[str, str], line: int, leave_out: Callable[[str], None]) -> "Iterator[Quad]":
    """Yields the statements that a template makes of a row."""
    kinds = library()
    parts = [_parts(values[name], template.split) for name in template.columns]
    for chosen in product(*parts):
        row = dict(zip(template.columns, chosen, strict=True))
        subject, predicate = _iri(template.subject, row), _iri(template.predicate, row)
        bad = next((iri for iri in (subject, predicate) if not is_iri(iri)), "")
        thing: Any = None
        if template.object:
            iri = _iri(template.object, row)
            bad = bad or ("" if is_iri(iri) else iri)
            thing = None if bad else kinds.NamedNode(iri)
        else:
            text = _filled(template.text, row)
            form = FORMS.get(template.datatype.removeprefix(XSD)) if template.datatype.startswith(XSD) else None
            bad = bad or (text if form is not None and not form.fullmatch(text) else "")
            thing = None if bad else _literal(kinds, text, template)
        if bad:
            leave_out(f"{line}: {bad[:100]}")
        else:
            yield kinds.Quad(kinds.NamedNode(subject), kinds.NamedNode(predicate), thing)


def _parts(value: str, split: str) -> list[str]:
    parts = value.split(split) if split else [value]
    return [part.strip() for part in parts if part.strip()]


def _iri(template: str, row: dict[str, str]) -> str:
    """Returns the IRI of a row; letters beyond ASCII may stand in an IRI and stay readable, signs are escaped."""

    def safe(match: re.Match[str]) -> str:
        return UNSAFE.sub(lambda sign: quote(sign[0]), row[match[1]].replace(" ", "_"))

    return PLACE.sub(safe, template)


def _filled(template: str, row: dict[str, str]) -> str:
    return PLACE.sub(lambda match: row[match[1]], template)


def _literal(kinds: Any, text: str, template: Template) -> Any:
    if template.language:
        return kinds.Literal(text, language=template.language)
    return (
        kinds.Literal(text, datatype=kinds.NamedNode(template.datatype)) if template.datatype else kinds.Literal(text)
    )
