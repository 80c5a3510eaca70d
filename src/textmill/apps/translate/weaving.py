"""The grammar of a translation: each marker exactly once and well nested, each term of the glossary at least once.

    start: s0
    s0: t (<1> s1 | <2> t … </2> s2)        what is done so far is in a rule's name, so any order of siblings will do
    t: TEXT?                                any text without "<"
    t_1: WITH_1                             text with term 1 in it, for as long as the term has not been written

A pair's inside is a grammar of the same kind. With more than `MOST_FREE` siblings their order is the source's: the
rules of a level grow as 2 to their number.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from textmill.apps.translate.markers import MARKER

MOST_FREE = 6
MOST_TERMS = 3
"""Terms of one sentence that the grammar holds; whether more are there is only looked at afterwards."""
TEXT = r"[^<\n]"


@dataclass(slots=True)
class Node:
    """A marker: alone (`closes` ""), or a pair with what stands in it."""

    opens: str
    closes: str = ""
    children: list["Node"] = field(default_factory=list)


def tree_of(text: str) -> list[Node]:
    """Returns the markers of a source as they are nested; its pairs are well nested."""
    found = list(MARKER.finditer(text))
    paired = {match[2] for match in found if match[1]}
    stack: list[Node] = [Node("")]
    for match in found:
        if match[1]:
            stack.pop().closes = match[0]
            continue
        node = Node(match[0])
        stack[-1].children.append(node)
        if match[2] in paired:
            stack.append(node)
    return stack[0].children


def weaving_grammar(source: str, terms: Sequence[Sequence[str]] = ()) -> str:
    """Returns the Lark grammar of the translations of `source`; each of `terms` is a choice of texts."""
    return Weaver(terms=terms[:MOST_TERMS]).grammar(tree_of(source))


class Weaver:
    """Makes the rules of one grammar."""

    def __init__(self, *, terms: Sequence[Sequence[str]]) -> None:
        self.terms = terms
        self.rules: list[str] = []
        self.count = 0

    def grammar(self, nodes: list[Node]) -> str:
        """Returns the whole grammar."""
        everything = (1 << len(self.terms)) - 1
        starts = self.level(nodes, 0)
        # which terms are still to come is in the rule's second number; the last text must leave none
        first = starts[0]
        lines = [f"start: {first}", *self.rules, f"TEXT: /{TEXT}+/", "free: TEXT?"]
        for mask in range(1, everything + 1):
            held = [alternatives for at, alternatives in enumerate(self.terms) if mask >> at & 1]
            patterns = " & ".join(f"/{TEXT}*({choice(one)}){TEXT}*/" for one in held)
            lines.append(f"WITH_{mask}: {patterns}")
        return "\n".join(lines)

    def level(self, nodes: list[Node], done: int) -> dict[int, str]:
        """Writes the rules of siblings, begun with the terms `done`; returns the first rule, under `done`."""
        name = f"l{self.count}"
        self.count += 1
        inner = [self.inside(node) for node in nodes]
        everything = (1 << len(self.terms)) - 1
        ordered = len(nodes) > MOST_FREE
        states = [(1 << at) - 1 for at in range(len(nodes) + 1)] if ordered else range(1 << len(nodes))
        for state in states:
            for have in range(done, everything + 1):
                if have & done == done:
                    self.rules.append(self.rule(name, nodes, inner, state, have, ordered=ordered))
        return {done: f"{name}_0_{done}"}

    def inside(self, node: Node) -> str:
        """Returns the rule of what stands in a pair: terms may be there, but do not count as written."""
        if not node.closes:
            return ""
        outer, self.terms = self.terms, ()
        rule = self.level(node.children, 0)[0] if node.children else "free"
        self.terms = outer
        return rule

    def rule(self, name: str, nodes: list[Node], inner: list[str], state: int, have: int, *, ordered: bool) -> str:
        """Returns the rule behind the siblings in `state`, terms in `have`: a text, then one more or the end."""
        everything, ways = (1 << len(self.terms)) - 1, []
        missing = everything & ~have
        left = [at for at in range(len(nodes)) if not state >> at & 1]
        for now in subsets(missing):
            text = f"WITH_{now}" if now else "free"
            for at in left[:1] if ordered else left:
                node = nodes[at]
                body = (
                    f"{json.dumps(node.opens)} {inner[at]} {json.dumps(node.closes)}"
                    if node.closes
                    else (json.dumps(node.opens))
                )
                ways.append(f"{text} {body} {name}_{state | 1 << at}_{have | now}")
            if not left and now == missing:
                ways.append(text)
        return f"{name}_{state}_{have}: {' | '.join(ways)}"


def subsets(mask: int) -> list[int]:
    """Returns all masks within a mask."""
    return [some for some in range(mask + 1) if some & ~mask == 0]


def choice(alternatives: Sequence[str]) -> str:
    """Returns the pattern of one of several texts, whatever their case."""
    return "|".join(f"(?i:{escaped(text)})" for text in alternatives)


def escaped(text: str) -> str:
    """Returns a text as a pattern that means itself, between slashes."""
    return re.sub(r"[^\w\s]", lambda match: f"\\x{{{ord(match[0]):x}}}", text).replace("\n", r"\n")
