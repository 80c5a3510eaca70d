"""The article as a file: Markdown, HTML or DOCX, with its sources behind it."""

import io
from itertools import pairwise
from pathlib import Path

from textmill.apps.write.candidates import Sentence
from textmill.apps.write.piece import Piece
from textmill.errors import UsageError
from textmill.office import WORD, Part, open_package, xml_text
from textmill.report.markup import Markup, element

PARAGRAPH = 4
"""Sentences of a paragraph."""
SOURCES = {"en": "Sources", "zh": "资料来源"}  # text data
FORMS = (".md", ".html", ".docx")
TAGS = {"en": "en", "zh": "zh-Hans"}


def check_form(out: Path) -> None:
    """Raises UsageError where an article cannot be written to a file of this name."""
    if out.suffix.lower() not in FORMS:
        raise UsageError("write.form", known=", ".join(FORMS), got=out)


def rendered(piece: Piece, form: str, headings: bool) -> bytes:
    """Returns the article in the form of a file's ending."""
    if form == ".html":
        return html(piece, headings).encode()
    return docx(piece, headings) if form == ".docx" else markdown(piece, headings).encode()


def paragraphs(section: list[Sentence], language: str) -> list[str]:
    """Returns a section's sentences in paragraphs of about equal length."""
    count = max(1, round(len(section) / PARAGRAPH))
    cuts = [round(at * len(section) / count) for at in range(count + 1)]
    space = "" if language == "zh" else " "
    return [space.join(each.text for each in section[start:end]) for start, end in pairwise(cuts)]


def listed(piece: Piece) -> list[tuple[int, str]]:
    """Returns the sources that are cited: number, title and place."""
    return [(each.number, ". ".join(filter(None, (each.title, each.place)))) for each in piece.cited]


def markdown(piece: Piece, headings: bool) -> str:
    """Returns the article as Markdown."""
    parts = [f"# {piece.outline.title}"]
    for section, planned in zip(piece.sections, piece.outline.sections, strict=True):
        parts += ([f"## {planned.heading}"] if headings else []) + paragraphs(section, piece.language)
    if sources := listed(piece):
        parts.append(f"## {SOURCES[piece.language]}")
        parts.append("\n".join(f"- [{number}] {text}" for number, text in sources))
    return "\n\n".join(parts) + "\n"


def html(piece: Piece, headings: bool) -> str:
    """Returns the article as a page that loads and runs nothing."""
    body: list[Markup] = [element("h1", piece.outline.title)]
    for section, planned in zip(piece.sections, piece.outline.sections, strict=True):
        body += [element("h2", planned.heading)] if headings else []
        body += [element("p", text) for text in paragraphs(section, piece.language)]
    if sources := listed(piece):
        body.append(element("h2", SOURCES[piece.language]))
        body.append(element("ul", (element("li", f"[{number}] {text}") for number, text in sources)))
    head = element("head", element("meta", charset="utf-8"), element("title", piece.outline.title))
    whole = element("html", head, element("body", element("article", body)), lang=TAGS[piece.language])
    return f"<!doctype html>\n{whole}\n"


def docx(piece: Piece, headings: bool) -> bytes:
    """Returns the article as a Word file: an Office Open XML package (ECMA-376) with headings and paragraphs."""
    body = [_paragraph(piece.outline.title, "Title")]
    for section, planned in zip(piece.sections, piece.outline.sections, strict=True):
        body += [_paragraph(planned.heading, "Heading1")] if headings else []
        body += [_paragraph(text) for text in paragraphs(section, piece.language)]
    if sources := listed(piece):
        body.append(_paragraph(SOURCES[piece.language], "Heading1"))
        body += [_paragraph(f"[{number}] {text}") for number, text in sources]
    file = io.BytesIO()
    document = Part(
        name="word/document.xml",
        kind="wordprocessingml.document.main",
        relation="officeDocument",
        xml=f'<w:document xmlns:w="{WORD}"><w:body>{"".join(body)}</w:body></w:document>',
    )
    with open_package(file, document, (STYLES,)):
        pass
    return file.getvalue()


def _paragraph(text: str, style: str = "") -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{look}<w:r><w:t xml:space="preserve">{xml_text(text)}</w:t></w:r></w:p>'


def _style(name: str, label: str, size: int) -> str:
    return (
        f'<w:style w:type="paragraph" w:styleId="{name}"><w:name w:val="{label}"/><w:pPr><w:spacing w:before="240" '
        f'w:after="120"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'
    )


STYLES = Part(
    name="word/styles.xml",
    kind="wordprocessingml.styles",
    relation="styles",
    xml=f'<w:styles xmlns:w="{WORD}">{_style("Title", "Title", 40)}{_style("Heading1", "heading 1", 30)}</w:styles>',
)
