"""Documents of every form, stand-ins for a translator, and what of a document must be there afterwards."""

import csv
import io
import json
import random
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from textmill.apps.translate.forms.document import Counted, open_document, translate_document
from textmill.apps.translate.forms.journal import Journal
from textmill.apps.translate.forms.piece import FormOptions, Said
from textmill.apps.translate.gettext_files import po_entries
from textmill.apps.translate.markers import MARKER_TEXT, THINGS, Marked, in_order, markers_of
from textmill.apps.translate.weaving import Node, tree_of
from textmill.data.safe_xml import tree

DOCUMENTS = Path(__file__).parent / "documents"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SAMPLES = {path.name: path.read_bytes() for path in sorted(DOCUMENTS.iterdir()) if path.suffix != ".xml"}
NAMES = [*SAMPLES, "a.docx"]


def sample(name: str) -> bytes:
    """Returns the sample of that name."""
    return docx() if name == "a.docx" else SAMPLES[name]


def docx(document: bytes | None = None, **more: str | bytes) -> bytes:
    """Returns a Word document."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": document or (DOCUMENTS / "document.xml").read_bytes(),
        "word/header1.xml": f"<w:hdr {W}><w:p><w:r><w:t>Above</w:t></w:r></w:p></w:hdr>",
        "word/media/a.png": b"\0png",
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in {**parts, **{f"word/{name}.xml": data for name, data in more.items()}}.items():
            package.writestr(name, data)
    return made.getvalue()


Stand = Callable[[Sequence[Marked]], list[Said]]


def restored(text: Marked, said: str) -> str:
    """Returns a translation as texts are put together: sentence by sentence, with the lines' ends between them."""
    ends = r"([\r\n]+)" if "\n" in text.text else r"(?!)()"
    return "".join(part if part.isspace() else text.restore(part) for part in re.split(ends, said) if part)


def kept(texts: Sequence[Marked]) -> list[Said]:
    """Says what was said."""
    return [Said(text=restored(text, text.text)) for text in texts]


def shouted(texts: Sequence[Marked]) -> list[Said]:
    """Says the same in capitals."""
    return [Said(text=restored(text, re.sub(rf"{MARKER_TEXT}|([^<]+)", loud, text.text))) for text in texts]


def loud(match: re.Match[str]) -> str:
    """Returns text in capitals, markers as they are."""
    return match[0].upper() if match[1] else match[0]


def shuffled(texts: Sequence[Marked]) -> list[Said]:
    """Says other words, in the source's tags, whose order among siblings is another one."""
    made = []
    for text in texts:
        drawn = random.Random(text.text)
        said = woven(tree_of(text.text), drawn)
        assert in_order(said, markers_of(text.text))
        made.append(Said(text=restored(text, said), confidence=drawn.random()))
    return made


WORDS = [
    "ein Wort",
    "字词",
    "a & b",
    'he said "so"',
    "x > y",
    "naïve",
    "*",
    "_",
    "`",
    "[",
    "- 1.",
    "; |",
    "🙂",
    "שלום",
]  # text data


def woven(nodes: list[Node], drawn: random.Random) -> str:
    """Returns words with markers between them."""
    nodes = drawn.sample(nodes, len(nodes))
    parts = [drawn.choice(WORDS), drawn.choice(WORDS)]
    for node in nodes:
        parts += [node.opens, woven(node.children, drawn) + node.closes if node.closes else "", drawn.choice(WORDS)]
    return " ".join(filter(None, parts))


def translated(
    place: Path, out: Path, said: Stand = kept, *, target: str = "de", fields: tuple[str, ...] = ()
) -> Counted:
    """Translates a document with a stand-in."""
    document = open_document(place, FormOptions(target=target, fields=fields))
    with Journal(out, {"file": place.name}) as journal:
        return translate_document(document, out, journal, said, lambda done, whole: None)


def bones(name: str, data: bytes) -> object:
    """Returns what of a document must be the same in every language; fails where it is not well formed."""
    ending = name.rpartition(".")[2]
    if ending == "docx":
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return {each: docx_bones(each, package.read(each)) for each in package.namelist()}
    text = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8")
    if ending in ("xlf", "xliff"):
        return xliff_bones(text)
    return {"html": tags, "md": markdown_bones, "po": po_bones, "srt": times, "vtt": times, "json": json_bones}.get(
        ending, things if ending == "txt" else lambda text: table_bones(text, "\t" if ending == "tsv" else ";")
    )(text)


def things(text: str) -> Counter[str]:
    """Returns the placeholders and addresses of a text."""
    return Counter(match[0] for match in THINGS.finditer(text) if match["bracket"] is None)


def tags(text: str) -> Counter[str]:
    """Returns the tags of a text and what it has that no one says."""
    return Counter(re.findall(r"<!--.*?-->|<script.*?</script>|<code.*?</code>|<[^<>]*>|&nbsp;", text, re.S)) + things(
        re.sub("&(amp|lt|gt|quot|mdash);", "", text)
    )


def markdown_bones(text: str) -> object:
    """Returns code, the targets of links, notes and what lines begin with."""
    text = re.sub(r"\\[^\w\s]", "", text)  # what is escaped marks nothing
    found = re.findall(
        r"```.*?```|^ {4}\S[^\n]*|`[^`\n]+`|\]\([^)]*\)|\[\^1\]|<[^<>]*>|^#+ |^- \[ \]|^> |^\[[^\n]*$",
        text,
        re.S | re.M,
    )
    return Counter(found), text.count("\n|")


def xliff_bones(text: str) -> object:
    """Returns the attributes that stay, and that each target has its source's codes."""
    for unit in tree(text.encode()).iter():
        source, target = unit.find("source"), unit.find("target")
        if (
            source is not None
            and target is not None
            and unit.get("state") != "final"
            and (target.text or "") != "Fertig"
        ):
            assert codes(source) == codes(target)
    return re.findall(
        r'(?:id|srcLang|source-language)="[^"]*"|<source>.*?</source>|<note>.*?</note>', text.split("<target")[0], re.S
    )


def codes(element: Element) -> Counter[str]:
    """Returns the inline codes of an element."""
    return Counter(f"{one.tag} {sorted(one.attrib.items())}" for one in element.iter() if one is not element)


def po_bones(text: str) -> object:
    """Returns what is to be translated and how many forms it has, with the placeholders of each."""
    entries = list(po_entries(text.splitlines(keepends=True), Path("x.po")))
    for entry in entries[1:]:
        for name in ("msgid", "msgid_plural"):
            other = {"msgid": "msgstr[0]" if "msgid_plural" in entry.strings else "msgstr"}.get(name, "msgstr[1]")
            if entry.strings.get(other) and name in entry.strings and not entry.fuzzy:
                assert things(entry.strings[name]) == things(entry.strings[other])
    return [(entry.strings["msgid"], sorted(entry.strings)) for entry in entries], re.findall("^#[:~ ].*", text, re.M)


def times(text: str) -> object:
    """Returns when the cues are shown."""
    return re.findall(r"^.*-->.*$", text, re.M), Counter(re.findall(r"<[^<>]*>|\{\\[^}]*\}", text)), text.count("NOTE")


def json_bones(text: str) -> object:
    """Returns a JSON document without its strings."""

    def hollow(value: object) -> object:
        if isinstance(value, dict):
            return {key: hollow(one) for key, one in value.items()}
        return (
            [hollow(one) for one in value]
            if isinstance(value, list)
            else things(value)
            if isinstance(value, str)
            else value
        )

    return hollow(json.loads(text))


def table_bones(text: str, separator: str) -> object:
    """Returns a table's rows without what is translated."""
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True))
    return [[row[0], things(row[1]), *row[2:]] for row in rows]


def docx_bones(name: str, data: bytes) -> object:
    """Returns a part that is not translated, and of one that is its elements besides runs and text."""
    if not re.fullmatch(r"word/(document|header1|footnotes)\.xml", name):
        return data
    found = Counter(one.tag for one in tree(data).iter())
    return {tag: count for tag, count in found.items() if tag not in ("r", "t", "rPr", "b", "i", "proofErr")}
