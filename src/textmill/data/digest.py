"""From a unit of work to drafts: decode, extract, map, tidy, tell the language. Runs in any process, always the same.

Every document stands alone: whatever is wrong with one becomes its own Drop. What is special about a format stands in
`formats_in`; here is what all of them share.
"""

import json
from collections.abc import Iterator
from typing import Any

from textmill.config import CorpusSettings
from textmill.data import charset, formats
from textmill.data.clean import CONTROLS, SURROGATES, clean, control_share
from textmill.data.cleaning.mending import repair
from textmill.data.document import EXCERPT_CHARACTERS, Document, Draft, Drop, document_id, text_digest
from textmill.data.drops import drop, drop_of, limit_bytes, too_large
from textmill.data.formats_in import documents
from textmill.data.formats_in.problem import Unreadable
from textmill.data.formats_in.threads import thread_fields
from textmill.data.language import detect_language, normal_code
from textmill.data.mapping import Fields
from textmill.data.personal import mask, regions_of
from textmill.data.sources import SourceFile, printable
from textmill.data.streams import Record
from textmill.data.units import Unit

FEW_CONTROLS = 3
"""So many control characters make no text binary, however short it is."""
RAW_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")
PIECE_BROKEN_SHARE = 0.1


def digest(unit: Unit, settings: CorpusSettings) -> Iterator[Draft | Drop]:
    """Yields what becomes of a unit, in the order of its records; a MemoryError is the end of the process."""
    for file in unit.files:
        if isinstance(file, Drop):
            yield file
        else:
            yield from digest_records(file, unit, settings) if unit.records else digest_file(file, settings)


def digest_file(file: SourceFile, settings: CorpusSettings) -> Iterator[Draft | Drop]:
    """Yields the documents of a whole file: one of a web page, one or more of a text, a book or a feed."""
    limit = limit_bytes(settings)
    data = file.data
    if data is None:
        try:
            with open(file.path, "rb") as stream:
                data = stream.read(limit + 1)
        except OSError as error:
            yield drop(file, "unreadable", value=error.strerror or type(error).__name__)
            return
    if len(data) > limit:
        yield too_large(file, max(file.size, len(data)), settings)
    elif not data.strip():
        yield drop(file, "empty", step="clean", value=len(data))
    elif file.form in documents.READERS:
        yield from digest_document(file, data, settings)
    else:
        yield from digest_text(file, data, settings)


def digest_document(file: SourceFile, data: bytes, settings: CorpusSettings) -> Iterator[Draft | Drop]:
    """Yields the documents of a file in a format of its own: a book in pieces, the items of a feed."""
    try:
        found = documents.read(file, data, settings)
    except Unreadable as problem:
        yield drop_of(file, problem)
        return
    except MemoryError:
        raise
    except Exception as error:  # whatever a parser stumbles over is this file's fault, and costs this file only
        yield drop(file, "bad_document", step="extract", value=f"{file.form}: {type(error).__name__}: {error}"[:200])
        return
    if not any(fields.text.strip() for _, fields in found):
        yield drop(file, "extraction_empty", step="extract", value=0)
        return
    for position, fields in found:
        yield finish(file, position, fields, settings)


def digest_text(file: SourceFile, data: bytes, settings: CorpusSettings) -> Iterator[Draft | Drop]:
    """Yields the documents of bytes that are text in some encoding."""
    decoded = decode_or_drop(file, data, settings)
    if isinstance(decoded, Drop):
        yield decoded
    elif not decoded.text:  # a byte order mark and nothing after it
        yield drop(file, "empty", step="clean", value=len(data))
    elif file.form == formats.HTML:
        yield digest_page(file, decoded, settings)
    else:
        text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
        title = markdown_title(text) if file.form == formats.MARKDOWN else ""
        for position, piece in enumerate(documents.pieces(text, settings)):
            yield finish(file, position, Fields(text=piece, title=title), settings, decoded)


def decode_or_drop(file: SourceFile, data: bytes, settings: CorpusSettings) -> charset.Decoded | Drop:
    """Returns the text of a file's bytes, or the Drop of what is binary or in no known encoding."""
    decoded = charset.decode(data)
    if decoded is None or (decoded.replaced > charset.BROKEN_SHARE * len(decoded.text) and decoded.replaced > 1):
        share = (len(data) - len(data.translate(None, RAW_CONTROLS))) / len(data)
        if share > settings.maximum_control_share:
            return drop(file, "binary", value=f"{share:.4f}", threshold=settings.maximum_control_share)
        return drop(file, "undecodable", value="" if decoded is None else f"{decoded.replaced / len(decoded.text):.4f}")
    share = too_many_controls(decoded.text, settings)
    if share:
        return drop(file, "binary", value=f"{share:.4f}", threshold=settings.maximum_control_share)
    return decoded


def too_many_controls(text: str, settings: CorpusSettings) -> float:
    """Returns the share of control characters when it is larger than `corpus.maximum_control_share`, else 0."""
    share = control_share(text)
    return share if share > settings.maximum_control_share and share * len(text) > FEW_CONTROLS else 0.0


def digest_page(file: SourceFile, decoded: charset.Decoded, settings: CorpusSettings) -> Draft | Drop:
    """Returns the document of a web page."""
    from textmill.data.formats_in.forum_pages import read_thread
    from textmill.data.html import read_page

    try:
        thread = read_thread(decoded.text)
        fields = thread_fields(thread, settings.authors, file.scope) if thread else None
        if fields is not None:
            return finish(file, 0, fields, settings, decoded)
        page = read_page(decoded.text, settings.extraction)
    except (ValueError, RuntimeError) as error:
        return drop(file, "extraction_failed", step="extract", value=f"{type(error).__name__}: {error}"[:200])
    if not page.text.strip():
        excerpt = clean(decoded.text).text[:EXCERPT_CHARACTERS]
        return drop(file, "extraction_empty", step="extract", value=0, excerpt=excerpt)
    fields = Fields(
        text=page.text,
        url=page.url,
        title=page.title,
        date=page.date,
        licence=page.licence,
        language=page.language,
        meta=page.meta,
    )
    return finish(file, 0, fields, settings, decoded)


def digest_records(file: SourceFile, unit: Unit, settings: CorpusSettings) -> Iterator[Draft | Drop]:
    """Yields what becomes of some records of a file."""
    if file.form in (formats.TEXT, formats.MARKDOWN):
        for record in unit.records:
            yield digest_piece(file, record, settings)
        return
    for position, row in rows_of(file, unit):
        if isinstance(row, Drop):
            yield row
            continue
        try:
            fields = documents.fields_of(file, row, settings)
        except Unreadable as problem:
            yield drop_of(file, problem, position)
            continue
        except MemoryError:
            raise
        except Exception as error:  # as above: one record's fault
            yield drop(
                file, "bad_document", step="extract", position=position, value=f"{type(error).__name__}: {error}"[:200]
            )
            continue
        if len(fields.text) > limit_bytes(settings):
            yield too_large(file, len(fields.text), settings, position)
        else:
            yield finish(file, position, fields, settings)


def digest_piece(file: SourceFile, record: Record, settings: CorpusSettings) -> Draft | Drop:
    """Returns the document of a piece of a large text."""
    text: str = record.value
    replaced = text.count("\ufffd")
    if replaced > PIECE_BROKEN_SHARE * len(text):
        return drop(file, "undecodable", position=record.position, value=f"{replaced / len(text):.4f}")
    share = too_many_controls(text, settings)
    if share:
        threshold = settings.maximum_control_share
        return drop(file, "binary", position=record.position, value=f"{share:.4f}", threshold=threshold)
    return finish(file, record.position, Fields(text=text), settings)


def rows_of(file: SourceFile, unit: Unit) -> Iterator[tuple[int, Any]]:
    """Yields (position, row) for the records of a file, a Drop in the place of one that is broken."""
    for record in unit.records:
        if file.form in formats.BATCHES:
            yield from batch_rows(file, record)
        elif file.form == formats.JSONL:
            yield record.position, parse_line(file, unit, record)
        else:
            yield record.position, record.value


def parse_line(file: SourceFile, unit: Unit, record: Record) -> Any:
    """Returns the value of a JSON line; where it is not UTF-8, all lines of the unit tell the encoding."""
    try:
        text = record.value.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = charset.detect_encoding(b"\n".join(other.value for other in unit.records))
        if encoding is None:
            return drop(file, "undecodable", position=record.position)
        text = charset.decode_as(record.value, encoding).text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        detail, excerpt = str(error)[:200], clean(text[:EXCERPT_CHARACTERS]).text
        return drop(file, "bad_json", position=record.position, value=detail, excerpt=excerpt)


def batch_rows(file: SourceFile, record: Record) -> Iterator[tuple[int, Any]]:
    """Yields the rows of an Arrow batch; text that is not valid UTF-8 costs its row only."""
    for number in range(record.value.num_rows):
        position = record.position + number + 1
        try:
            yield position, record.value.slice(number, 1).to_pylist()[0]
        except (ValueError, OverflowError, SystemError) as error:
            yield position, drop(file, "undecodable", position=position, value=str(error)[:200])


def finish(
    file: SourceFile,
    position: int,
    fields: Fields,
    settings: CorpusSettings,
    decoded: charset.Decoded | None = None,
) -> Draft | Drop:
    """Returns the draft of a text whose fields are known, or the Drop of what is empty or too short once tidied."""
    raw = repair(fields.text) if settings.repair else fields.text  # before `clean`, which takes out bytes that it needs
    tidy = clean(raw)
    if not tidy.text.strip():
        return drop(file, "empty", step="clean", position=position, value=len(fields.text))
    if len(tidy.text) < settings.minimum_characters:
        return drop(
            file,
            "too_short",
            step="clean",
            position=position,
            value=len(tidy.text),
            threshold=settings.minimum_characters,
            excerpt=tidy.text[:EXCERPT_CHARACTERS],
        )
    language, text, masked = language_of(tidy.text, fields, file.form, settings), tidy.text, {}
    if settings.personal == "mask":
        text, masked = mask(text, language=language, regions=regions_of(settings.phone_regions))
    source = printable(file.name)
    encoding = decoded.encoding if decoded else "utf-8"
    kind = formats.KINDS.get(file.form, file.form)
    meta = {"kind": kind, **({"encoding": encoding} if encoding != "utf-8" else {}), **fields.meta}
    if file.about.get("fetched"):
        meta["fetched"] = file.about["fetched"]
    document = Document(
        id=document_id(file.name, position),
        text=text,
        language=language,
        source=f"{source}:{position}" if position else source,
        url=one_line(fields.url or file.about.get("url", "")),
        title=one_line(fields.title),
        date=one_line(fields.date),
        licence=one_line(fields.licence),
        meta=meta,
    )
    return Draft(
        document=document,
        kind=kind,
        digest=text_digest(text),
        held_out=file.held_out or fields.held_out is True,
        encoding=encoding,
        controls_removed=tidy.controls_removed,
        masked=tuple(sorted(masked.items())),
        mended=(("repaired", 1),) if raw != fields.text else (),
        characters_replaced=tidy.surrogates_replaced + (decoded.replaced if decoded and not position else 0),
    )


def language_of(text: str, fields: Fields, form: str, settings: CorpusSettings) -> str:
    """Returns the document's language: the setting, else what a row says, else what the text shows."""
    if settings.language:
        return settings.language
    stated = normal_code(fields.language)
    if stated and form != formats.HTML:
        return stated
    return detect_language(text, hint=stated)


def markdown_title(text: str) -> str:
    """Returns the first heading of a Markdown text among its first lines, or ""."""
    lines = text[:4096].splitlines()
    return next((line.lstrip("# ").rstrip("# ") for line in lines if line.startswith("# ")), "")


def one_line(value: str) -> str:
    """Returns a field as one line without control characters and lone surrogates."""
    return SURROGATES.sub("\ufffd", CONTROLS.sub("", " ".join(value.split()))) if value else ""


def meta_json(meta: dict[str, Any]) -> str:
    """Returns a document's meta as JSON text that every reader takes: no NaN, no lone surrogates."""
    try:
        text = json.dumps(meta, ensure_ascii=False, default=str, allow_nan=False)
    except ValueError:
        tamed = json.loads(json.dumps(meta, default=str), parse_constant=str)
        text = json.dumps(tamed, ensure_ascii=False)
    return SURROGATES.sub("\ufffd", text)
