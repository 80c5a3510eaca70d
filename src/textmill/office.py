"""Packages of Office Open XML (ECMA-376), as DOCX and XLSX are: XML parts in a zip archive that name one another.

    [Content_Types].xml            what each part is
    _rels/.rels                    which part is the main one
    word/_rels/document.xml.rels   which parts the main one uses, as rId1, rId2, …

The same parts are the same bytes, whenever they are written.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
TYPES = "application/vnd.openxmlformats-officedocument."
_PACKAGES = "http://schemas.openxmlformats.org/package/2006"
_RELATIONS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part: its place, its type behind `TYPES`, what it is to the main part, and its XML without a head.

    `xml` None: whoever opened the package writes it.
    """

    name: str
    kind: str
    relation: str
    xml: str | None = None


@contextmanager
def open_package(file: BinaryIO, main: Part, others: Sequence[Part] = (), *, level: int = 6) -> Iterator[ZipFile]:
    """Writes a package; yields the archive, for the parts that come without XML. `level`: how hard to compress."""
    parts = (main, *others)
    folder, _, name = main.name.rpartition("/")
    used = [(each.relation, each.name.removeprefix(f"{folder}/")) for each in others]
    written = {
        "[Content_Types].xml": content_types(parts),
        "_rels/.rels": relations([(main.relation, main.name)]),
        f"{folder}/_rels/{name}.rels": relations(used),
    } | {part.name: part.xml for part in parts if part.xml is not None}
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=level) as archive:
        for place, xml in written.items():
            archive.writestr(_entry(place), HEAD + xml, ZIP_DEFLATED, level)
        yield archive


def _entry(name: str) -> ZipInfo:
    """Returns a place in an archive, with the date that the format begins with in the place of the clock's."""
    info = ZipInfo(name)
    info.compress_type = ZIP_DEFLATED
    return info


def content_types(parts: Sequence[Part]) -> str:
    """Returns the list of what each part is."""
    own = "".join(f'<Override PartName="/{part.name}" ContentType="{TYPES}{part.kind}+xml"/>' for part in parts)
    usual = f'<Default Extension="rels" ContentType="{_RELATIONS_TYPE}"/>'
    usual += '<Default Extension="xml" ContentType="application/xml"/>'
    return f'<Types xmlns="{_PACKAGES}/content-types">{usual}{own}</Types>'


def relations(used: Sequence[tuple[str, str]]) -> str:
    """Returns which parts a part uses: what each is to it, and its place."""
    own = "".join(
        f'<Relationship Id="rId{number}" Type="{RELATIONS}/{relation}" Target="{target}"/>'
        for number, (relation, target) in enumerate(used, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGES}/relationships">{own}</Relationships>'


def xml_text(text: str, instead: str = "") -> str:
    """Returns text as it stands between tags; signs that XML does not have become `instead`."""
    return NOT_IN_XML.sub(instead, escape(text, quote=False))
