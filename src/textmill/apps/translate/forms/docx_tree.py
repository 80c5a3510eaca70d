"""The elements of a piece of XML as they are written: what is put together again is what was there."""

import re
from dataclasses import dataclass, field

TAG = re.compile(
    r"<!--.*?-->|<(?P<slash>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.S
)


@dataclass(slots=True)
class Node:
    """An element: its tags, and text and elements in it."""

    name: str
    open: str
    close: str = ""
    children: list["Part"] = field(default_factory=list)

    @property
    def inside(self) -> str:
        """What stands between its tags."""
        return "".join(map(str, self.children))

    @property
    def raw(self) -> str:
        """The whole element."""
        return self.open + self.inside + self.close

    def __str__(self) -> str:
        return self.raw


Part = Node | str


def tree_of(raw: str) -> Node:
    """Returns the one element that well formed XML is."""
    stack, at = [Node("", "")], 0
    for match in TAG.finditer(raw):
        if match.start() > at:
            stack[-1].children.append(raw[at : match.start()])
        at = match.end()
        if not match["name"]:
            stack[-1].children.append(match[0])
        elif match["slash"]:
            stack.pop().close = match[0]
        else:
            node = Node(match["name"], match[0])
            stack[-1].children.append(node)
            if not match["rest"].endswith("/"):
                stack.append(node)
    first = stack[0].children[0]
    assert isinstance(first, Node)
    return first
