"""What DOCX, ODT and EPUB share: XML parts in a zip archive, read within a limit of size."""

import io
import zipfile
from xml.etree.ElementTree import Element

from textmill.config import CorpusSettings
from textmill.data import safe_xml
from textmill.data.drops import MEGABYTE
from textmill.data.formats_in.archives import DAMAGE, EPUB_CONTAINER
from textmill.data.formats_in.problem import FREE_BYTES, HIGHEST_RATIO, Unreadable


class Parts:
    """The parts of a document in a zip archive; together they are held to a limit, as a small archive may hold much."""

    def __init__(self, data: bytes, settings: CorpusSettings) -> None:
        try:
            self.archive = zipfile.ZipFile(io.BytesIO(data))
        except DAMAGE as error:
            raise Unreadable("bad_archive", error) from error
        inner = next((name for name in self.archive.namelist() if EPUB_CONTAINER.fullmatch(name)), "META-INF/")
        folder = inner[: inner.index("META-INF/")]
        self.names = {info.filename.removeprefix(folder): info for info in self.archive.infolist()}
        self.left = min(FREE_BYTES + HIGHEST_RATIO * len(data), int(settings.maximum_archive_gigabytes * (1 << 30)))
        self.largest = int(settings.maximum_document_megabytes * MEGABYTE)

    def read(self, name: str) -> bytes:
        """Returns a part's bytes; Unreadable when it is missing, damaged, locked or too large."""
        info = self.names.get(name)
        if info is None:
            raise Unreadable("bad_document", f"{name}?")
        if info.flag_bits & 1:
            raise Unreadable("encrypted")
        try:
            with self.archive.open(info) as stream:
                data = stream.read(self.largest + 1)
        except DAMAGE as error:
            raise Unreadable("bad_archive", f"{name}: {error}") from error
        self.left -= len(data)
        if self.left < 0:
            raise Unreadable("bomb", name)
        if len(data) > self.largest:
            raise Unreadable("too_large", name, f"{self.largest / MEGABYTE:g}")
        return data

    def tree(self, name: str) -> Element:
        """Returns the root of an XML part; Unreadable when it is broken."""
        data = self.read(name)
        try:
            return safe_xml.tree(data)
        except safe_xml.XMLProblem as problem:
            raise Unreadable("bad_xml", f"{name}: {problem}") from problem

    def optional(self, name: str) -> Element | None:
        """Returns the root of an XML part that need not be there, None when it is not or is broken."""
        try:
            return self.tree(name) if name in self.names else None
        except Unreadable as problem:
            if problem.reason in ("bomb", "encrypted"):
                raise
            return None


def dublin_core(root: Element | None) -> dict[str, str]:
    """Returns title, creator, date, language and rights as a document's own metadata has them."""
    wanted = ("title", "creator", "initial-creator", "date", "created", "creation-date", "language", "rights")
    found: dict[str, str] = {}
    for element in root.iter() if root is not None else ():
        text = " ".join((element.text or "").split())
        if text and element.tag in wanted:
            found.setdefault(str(element.tag), text)
    return found


def table_text(rows: list[list[str]]) -> str:
    """Returns a table in the manner of Markdown; cells are one line each."""
    lines = [
        "| " + " | ".join(" ".join(cell.split()) for cell in row) + " |" for row in rows if any(map(str.strip, row))
    ]
    return "\n".join(lines)
