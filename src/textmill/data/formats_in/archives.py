"""Compressed files and archives, read on in order: what comes out is counted, and stopped when it is too much.

    decompressed(stream, form, budget)   one stream of bytes out of gzip, bzip2, xz, zstd or lz4
    zip_members, tar_members             (name, stream or the reason for which a member is not read)

zstd and lz4 are Arrow's, which is there anyway; the others are Python's own. Only zstd with a window that Arrow refuses
needs a package of the ``data`` extra.
"""

import bz2
import gzip
import io
import lzma
import posixpath
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from textmill.data import formats
from textmill.data.formats_in.problem import Budget, Unreadable

BLOCK_BYTES = 1 << 16
DEEPEST = 4
"""So many archives and compressions may lie in one another: pages.tar.gz in a zip are three."""
IN_MEMORY = 32 << 20
LONGEST_HEADER = 1 << 20
HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
EPUB_CONTAINER = re.compile(r"(?:[^/]+/)?META-INF/container\.xml")
"""Some packers put the folder that a book was in into the archive."""
DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
          NotImplementedError, RuntimeError)  # fmt: skip
"""What the libraries raise for damaged or unknown content."""


class Counted(io.RawIOBase):
    """What comes out of a decompressor, after `head`: counted against the budget, errors told as Unreadable."""

    def __init__(self, source: Any, budget: Budget | None, head: bytes = b"") -> None:
        super().__init__()
        self.source, self.budget, self.head = source, budget, head

    def readable(self) -> bool:
        """True: reading is all that it does."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills `buffer` as far as there is something."""
        if self.head:
            data, self.head = self.head[: len(buffer)], self.head[len(buffer) :]
        else:
            try:
                data = self.source.read(len(buffer))
            except Unreadable:
                raise
            except DAMAGE as error:
                raise Unreadable("bad_archive", f"{type(error).__name__}: {error}") from error
            if self.budget is not None:
                self.budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)


def counted(stream: Any, budget: Budget) -> BinaryIO:
    """Returns a stream whose bytes are counted against the budget."""
    return io.BufferedReader(Counted(stream, budget), BLOCK_BYTES)


def rejoined(head: bytes, stream: Any) -> BinaryIO:
    """Returns a stream of `head`, and then of what is left in `stream`."""
    return io.BufferedReader(Counted(stream, None, head), BLOCK_BYTES)


def read_fully(stream: Any, size: int) -> bytes:
    """Returns `size` bytes, fewer only at the end of the stream."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def decompressed(stream: BinaryIO, form: str, head: bytes) -> Any:
    """Returns the stream that comes out of a compressed one, which begins with `head`."""
    if form == formats.GZIP:
        return gzip.GzipFile(fileobj=stream, mode="rb")
    if form == formats.BZIP2:
        return bz2.BZ2File(stream)
    if form == formats.XZ:
        return lzma.LZMAFile(stream)
    if form == formats.ZSTD and wide_window(head):
        import zstandard

        return zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(stream, read_across_frames=True)
    import pyarrow as arrow

    return arrow.CompressedInputStream(arrow.PythonFile(stream, mode="r"), form)


def wide_window(head: bytes) -> bool:
    """True for a zstd frame that looks further back than the 128 MB that Arrow allows; those of Reddit do (2 GB)."""
    if len(head) < 6 or head[4] & 0x20:
        return False
    return (1 << 10 + (head[5] >> 3)) * (8 + (head[5] & 7)) // 8 > 1 << 27


@contextmanager
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Gives the stream, or a copy of it (on disk when it is large), in which one can go to and fro."""
    if stream.seekable():
        stream.seek(0)
        yield stream
        return
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as copy:
        while block := stream.read(BLOCK_BYTES * 16):
            copy.write(block)
        copy.seek(0)
        yield copy  # type: ignore[misc]


Member = tuple[str, "BinaryIO | Unreadable"]


def open_zip(stream: BinaryIO) -> zipfile.ZipFile:
    """Returns the zip archive in a stream."""
    try:
        return zipfile.ZipFile(stream)
    except DAMAGE as error:
        raise Unreadable("bad_archive", error) from error


def zip_kind(archive: zipfile.ZipFile) -> str:
    """Returns which document a zip archive is, or ZIP for one of files."""
    names = set(archive.namelist())
    if "word/document.xml" in names:
        return formats.WORD
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 100:
        try:
            kind = archive.read("mimetype").strip()
        except DAMAGE:
            kind = b""
        if kind == b"application/epub+zip":
            return formats.EPUB
        if kind.startswith(b"application/vnd.oasis.opendocument.text"):
            return formats.OPEN_DOCUMENT
        if kind.startswith(b"application/vnd."):
            return formats.UNSUPPORTED
    if any(EPUB_CONTAINER.fullmatch(name) for name in names):
        return formats.EPUB
    return formats.UNSUPPORTED if "[Content_Types].xml" in names else formats.ZIP


def zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """Yields the files in a zip archive, in its order."""
    for info in archive.infolist():
        if info.filename.endswith("/"):
            continue
        if info.flag_bits & 1:
            yield info.filename, Unreadable("encrypted")
            continue
        try:
            with archive.open(info) as stream:
                yield info.filename, stream  # type: ignore[misc]
        except DAMAGE as error:
            yield info.filename, Unreadable("bad_archive", error)


class SmallHeaders(tarfile.TarInfo):
    """A tar member whose headers (long names, PAX records) are bounded: they are read into memory whole."""

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        """Refuses a header that is longer than any name; this method is the one that tarfile says to override."""
        if self.type in HEADERS and self.size > LONGEST_HEADER:
            raise Unreadable("bomb", f"header of {self.size / (1 << 20):.3f}", f"{LONGEST_HEADER / (1 << 20):.3f}")
        return super()._proc_member(tarfile_)  # type: ignore[misc]


def tar_members(stream: BinaryIO) -> Iterator[Member]:
    """Yields the regular files in a tar archive as they come; links in it lead nowhere and are left alone."""
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=SmallHeaders) as archive:
            for info in archive:
                if info.isdir():
                    continue
                if info.issym() or info.islnk():
                    yield info.name, Unreadable("outside_link", info.linkname)
                elif not info.isreg() or info.issparse():
                    yield info.name, Unreadable("unsupported", "not a regular file")
                elif (member := archive.extractfile(info)) is not None:
                    yield info.name, member  # type: ignore[misc]
    except Unreadable:
        raise
    except DAMAGE as error:
        raise Unreadable("bad_archive", error) from error


def member_path(name: str) -> str:
    """Returns a member's name as a path below the archive: no root, no ``..``, no backslashes."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "unnamed"


def numbered(path: str, number: int) -> str:
    """Returns the path of the member that is the second (third …) of its name: ``a~2.txt``."""
    stem, ending = posixpath.splitext(path)
    return f"{stem}~{number}{ending}"
