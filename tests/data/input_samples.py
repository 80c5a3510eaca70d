"""Small valid files of many formats, made here: what the tests of inputs read."""

import io
import tarfile
import zipfile
from xml.sax.saxutils import escape, quoteattr


def page(title: str, *paragraphs: str) -> str:
    """Returns a web page."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><article>{body}</article></body></html>"


def zipped(files: dict[str, str | bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """Returns a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, compress_type=kind)
    return out.getvalue()


def tarred(files: dict[str, str | bytes], mode: str = "w") -> bytes:
    """Returns a tar archive; mode "w:gz" and the like compress it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def warc_record(body: str | bytes, *, url: str = "http://lark.example/", kind: str = "response", status: str = "200 OK",
                content_type: str = "text/html", headers: str = "", length: int | None = None) -> bytes:  # fmt: skip
    """Returns a WARC record; `length` lies about how long it is."""
    data = body if isinstance(body, bytes) else body.encode()
    if kind == "response":
        data = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{headers}\r\n".encode() + data
        content_type = "application/http; msgtype=response"
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2031-03-27T10:00:00Z\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(data) if length is None else length}\r\n\r\n"
    )
    return head.encode() + data + b"\r\n\r\n"


def pdf(*pages: list[str], outline: dict[str, int] | None = None) -> bytes:
    """Returns a PDF with the lines of text on each page (ASCII), and an outline {title: page}."""
    objects: list[bytes] = []

    def add(content: str | bytes) -> int:
        objects.append(content if isinstance(content, bytes) else content.encode("latin-1"))
        return len(objects)

    catalog, tree, font = add(""), add(""), add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    numbers = []
    for lines in pages:
        shown = " ".join(f"({line.replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) Tj T*" for line in lines)
        stream = f"BT /F1 11 Tf 14 TL 50 780 Td {shown} ET"
        content = add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        numbers.append(
            add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
                f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
            )
        )
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects[tree - 1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(numbers)} >>".encode()
    about = add("<< /Title (The lost key) /Author (Ann) /CreationDate (D:20310327100000Z) >>")
    extra = ""
    if outline:
        root = add("")
        first = len(objects) + 1
        for place, (title, number) in enumerate(outline.items()):
            following = f"/Next {first + place + 1} 0 R" if place + 1 < len(outline) else ""
            add(f"<< /Title ({title}) /Parent {root} 0 R /Dest [{numbers[number]} 0 R /Fit] {following} >>")
        objects[root - 1] = f"<< /First {first} 0 R /Last {len(objects)} 0 R /Count {len(outline)} >>".encode()
        extra = f"/Outlines {root} 0 R"
    objects[catalog - 1] = f"<< /Type /Catalog /Pages {tree} 0 R {extra} >>".encode()
    return assembled(objects, catalog, f"/Info {about} 0 R")


def assembled(objects: list[bytes], catalog: int, trailer: str) -> bytes:
    """Returns the PDF file of numbered objects."""
    out = io.BytesIO(b"")
    out.write(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n".encode() + content + b"\nendobj\n")
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.write(b"".join(f"{place:010} 00000 n \n".encode() for place in places))
    out.write(
        f"trailer << /Size {len(objects) + 1} /Root {catalog} 0 R {trailer} >>\nstartxref\n{start}\n%%EOF".encode()
    )
    return out.getvalue()


def encrypted_pdf() -> bytes:
    """Returns a PDF that opens with a password only."""
    plain = pdf(["Nobody may read this."])
    locked = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -44 /O <" + b"1a" * 32 + b"> /U <" + b"2b" * 32 + b"> >> "
    identity = b"/ID [<0123456789abcdef0123456789abcdef> <0123456789abcdef0123456789abcdef>] "
    return plain.replace(b"/Info ", locked + identity + b"/Info ")


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx(body: str, *, styles: str = "", numbering: str = "", notes: str = "") -> bytes:
    """Returns a Word document with this body."""
    core = (
        '<cp:coreProperties xmlns:cp="c" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="t">'
        "<dc:title>The key</dc:title><dc:creator>Ann</dc:creator><dcterms:created>2031-03-27T10:00:00Z"
        "</dcterms:created></cp:coreProperties>"
    )
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types/>',
        "word/document.xml": f'<?xml version="1.0"?><w:document {W}><w:body>{body}</w:body></w:document>',
        "docProps/core.xml": core,
    }
    for name, content in (("styles", styles), ("numbering", numbering), ("footnotes", notes)):
        if content:
            parts[f"word/{name}.xml"] = f"<w:{name} {W}>{content}</w:{name}>"
    return zipped(parts)


def odt(body: str, *, manifest: str = "") -> bytes:
    """Returns an OpenDocument text with this body."""
    names = 'xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:style="s" xmlns:dc="d" xmlns:meta="m"'
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {names}><office:body><office:text>{body}</office:text>"
            "</office:body></office:document-content>",
            "meta.xml": f"<office:document-meta {names}><office:meta><dc:title>The key</dc:title>"
            "<meta:initial-creator>Ann</meta:initial-creator><dc:language>en-GB</dc:language></office:meta>"
            "</office:document-meta>",
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
        },
        stored=("mimetype",),
    )


def epub(chapters: list[str], *, extra: dict[str, str | bytes] | None = None, folder: str = "") -> bytes:
    """Returns a book with these chapters (the inside of their bodies)."""
    items = "".join(
        f'<item id="c{n}" href="ch%20{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="OEBPS/content.opf"/></container>',
        "OEBPS/content.opf": '<package xmlns:dc="d"><metadata><dc:title>The key</dc:title><dc:creator>Ann</dc:creator>'
        "<dc:language>en</dc:language><dc:date>2031-03-27</dc:date><dc:rights>CC BY</dc:rights></metadata>"
        f'<manifest>{items}<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        "</manifest>"
        f"<spine>{spine}</spine></package>",
        "OEBPS/nav.xhtml": "<html><body><nav>Contents</nav></body></html>",
    }
    for number, chapter in enumerate(chapters):
        files[f"OEBPS/ch {number}.xhtml"] = f"<html><head><title>t</title></head><body>{chapter}</body></html>"
    files |= extra or {}
    return zipped({folder + name: content for name, content in files.items()}, stored=("mimetype",))


def dump_rows(root: str, rows: list[dict[str, str]]) -> str:
    """Returns a table of a Stack Exchange dump."""
    lines = ["  <row " + " ".join(f"{name}={quoteattr(value)}" for name, value in row.items()) + " />" for row in rows]
    return '﻿<?xml version="1.0" encoding="utf-8"?>\n' + f"<{root}>\n" + "\n".join(lines) + f"\n</{root}>"


def wiki(*pages: tuple[str, str, str], language: str = "en") -> str:
    """Returns a MediaWiki dump of (title, namespace, wikitext)."""
    inside = "".join(
        f"<page><title>{escape(title)}</title><ns>{ns}</ns><id>{number}</id>"
        + ('<redirect title="Elsewhere" />' if text.startswith("#REDIRECT") else "")
        + f"<revision><timestamp>2031-03-27T10:00:00Z</timestamp><contributor><username>Ann</username></contributor>"
        f'<model>wikitext</model><text xml:space="preserve">{escape(text)}</text></revision></page>'
        for number, (title, ns, text) in enumerate(pages, start=1)
    )
    return (
        f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="{language}"><siteinfo>'
        f"<sitename>W</sitename><base>https://wiki.example/wiki/Main_Page</base></siteinfo>{inside}</mediawiki>"
    )
