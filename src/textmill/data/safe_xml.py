"""The one XML parser: expat without DTD, entities or network, within limits of size, depth and number of elements.

    events(stream)   ("start", name, attributes), ("text", text), ("end", name) of a file of any size
    rows(stream)     the attributes of each <row …/>, as Stack Exchange's dumps have them
    tree(data)       a small document as an ElementTree element

Names are local names: prefixes and namespaces are taken off. A DOCTYPE without declarations of its own is passed over
and never fetched; one that declares anything is refused, and so is every entity that XML itself does not know.
"""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

BLOCK_BYTES = 1 << 16
DEEPEST = 256
LARGEST_TREE = 64 << 20
MOST_ELEMENTS = 2_000_000
SEPARATOR = "}"
Event = tuple[str, str, dict[str, str]]


class XMLProblem(ValueError):
    """XML that is broken, declares entities or is larger than the limits."""


class Handler:
    """Collects what expat tells between two blocks, and holds it to the limits."""

    def __init__(self, encoding: str | None) -> None:
        self.found: list[Event] = []
        self.depth = 0
        self.parser = parser = expat.ParserCreate(encoding, SEPARATOR)
        parser.buffer_text = True
        parser.buffer_size = BLOCK_BYTES
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = self.doctype
        parser.EntityDeclHandler = self.refuse
        parser.ExternalEntityRefHandler = self.refuse
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notes the start of an element."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise XMLProblem(f"nested more than {DEEPEST} deep")
        self.found.append(("start", local(name), {local(key): value for key, value in attributes.items()}))

    def end(self, name: str) -> None:
        """Notes the end of an element."""
        self.depth -= 1
        self.found.append(("end", local(name), {}))

    def text(self, text: str) -> None:
        """Notes text, or a part of one."""
        self.found.append(("text", text, {}))

    def doctype(self, name: str, system: str | None, public: str | None, declares: int) -> None:
        """Refuses a DOCTYPE with declarations; one that only names a DTD is harmless, as nobody fetches it."""
        if declares:
            raise XMLProblem("DTD")

    def refuse(self, *_: Any) -> int:
        """Refuses entities of the document's own."""
        raise XMLProblem("entity")


def local(name: str) -> str:
    """Returns a name without its namespace."""
    return name.rpartition(SEPARATOR)[2]


def events(stream: BinaryIO, limit: int, encoding: str | None = None) -> Iterator[Event]:
    """Yields what the XML in `stream` holds, in order; XMLProblem where it is broken.

    `limit` bounds in bytes what may come without a single event: the longest name, attribute or comment.
    """
    handler, waited = Handler(encoding), 0
    while True:
        block = stream.read(BLOCK_BYTES)
        try:
            handler.parser.Parse(block, not block)
        except expat.ExpatError as error:
            yield from handler.found
            raise XMLProblem(str(error)) from error
        except (LookupError, UnicodeError) as error:
            raise XMLProblem(f"encoding: {error}") from error
        waited = 0 if handler.found else waited + len(block)
        if waited > limit:
            raise XMLProblem("too_large")
        yield from handler.found
        handler.found.clear()
        if not block:
            return


def rows(stream: BinaryIO, limit: int) -> Iterator[dict[str, str]]:
    """Yields the attributes of each <row>, in order."""
    return (attributes for kind, name, attributes in events(stream, limit) if kind == "start" and name == "row")


def tree(data: bytes, encoding: str | None = None) -> Element:
    """Returns the root of a document; XMLProblem when it is broken or larger than the limits."""
    import io

    if len(data) > LARGEST_TREE:
        raise XMLProblem(f"larger than {LARGEST_TREE >> 20} MB")
    return build(events(io.BytesIO(data), LARGEST_TREE, encoding))


def build(found: Iterable[Event]) -> Element:
    """Returns the root of the element tree that events make."""
    builder, count = TreeBuilder(), 0
    for kind, name, attributes in found:
        if kind == "text":
            builder.data(name)
        elif kind == "end":
            builder.end(name)
        else:
            count += 1
            if count > MOST_ELEMENTS:
                raise XMLProblem(f"more than {MOST_ELEMENTS} elements")
            builder.start(name, attributes)
    return builder.close()


def text_of(element: Element | None) -> str:
    """Returns all text of an element and what is in it, blanks single; "" for None."""
    return " ".join("".join(element.itertext()).split()) if element is not None else ""
