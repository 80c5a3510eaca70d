"""SPARQL read back as a `Query`: what the grammar lets a model write, and the same forms in question/SPARQL pairs.

The variable that is asked for becomes ?answer, one that is compared or ordered by ?value, the others ?x1, ?x2 in the
order in which they come. What has another form (UNION, property paths, GROUP BY) is None: it is left out and counted.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from textmill.apps.ask.query import ANSWER, ASK, COUNT, EXTRA, SELECT, VALUE, Pattern, Query
from textmill.apps.graph.terms import PREFIXES, RDF, is_iri

TOKEN = re.compile(
    r"""\s*(?: (?P<iri><[^<>\s]*>) | (?P<literal>"(?:[^"\\]|\\.)*"(?:@[\w-]+|\^\^(?:<[^<>\s]*>|[\w-]*:[\w-]+))?)
    | (?P<variable>[?$]\w+) | (?P<number>[+-]?\d+(?:\.\d+)?) | (?P<name>[\w-]*:[\w.%-]*[\w%-]) | (?P<prefix>\w*:)
    | (?P<word>\w+) | (?P<sign><=|>=|!=|[{}().;,<>=*]) )""",
    re.VERBOSE,
)
OPERATORS = ("<=", ">=", "<", ">", "=")


class _Unknown(Exception):
    """A form that is not read here."""


def read_query(text: str, names: Callable[[str], str] | None = None) -> Query | None:
    """Returns the query that a text writes, None for any other form. `names`: IRIs of prefixed names of one's own."""
    try:
        return _Reader(text, names).query()
    except (_Unknown, StopIteration, IndexError, KeyError):
        return None


class _Reader:
    def __init__(self, text: str, names: Callable[[str], str] | None) -> None:
        self.names = names
        self.prefixes = dict(PREFIXES)
        self.tokens = list(_tokens(text))
        self.at = 0
        self.patterns: list[Pattern] = []
        self.apart: list[tuple[str, str]] = []
        self.compared: tuple[str, str, str] | None = None
        self.optional: Pattern | None = None

    def peek(self) -> str:
        return self.tokens[self.at][1].upper() if self.at < len(self.tokens) else ""

    def next(self, *wanted: str) -> str:
        value = self.tokens[self.at][1]
        if wanted and value.upper() not in wanted:
            raise _Unknown
        self.at += 1
        return value

    def query(self) -> Query:
        while self.peek() == "PREFIX":
            self.next()
            prefix = self.next().removesuffix(":")
            self.prefixes[prefix] = self.next()[1:-1]
        form, asked, told = self._head()
        if self.peek() == "WHERE":
            self.next()
        self.next("{")
        while self.peek() != "}":
            self._part()
        self.next("}")
        ordered, order = self._order()
        if self.at < len(self.tokens) or not self.patterns or not any(map(_asks(asked), self.patterns)):
            raise _Unknown
        return self._named(form, asked, told, ordered, order)

    def _head(self) -> tuple[str, str, str]:
        """Returns the form, the variable that is asked for, and one that is told beside it."""
        if self.next("SELECT", "ASK").upper() == "ASK":
            return ASK, "", ""
        if self.peek() == "DISTINCT":
            self.next()
        parts: list[str] = []
        while self.peek() not in ("WHERE", "{"):
            parts.append(self.next())
        variables = [part for part in parts if part[0] in "?$"]
        if any(part.upper() == "COUNT" for part in parts):
            return COUNT, variables[0], ""
        if not 1 <= len(variables) <= 2 or len(variables) != len(parts):
            raise _Unknown
        return SELECT, variables[0], variables[1] if len(variables) > 1 else ""

    def _part(self) -> None:
        word = self.peek()
        if word == "FILTER":
            self._filter()
        elif word == "OPTIONAL" and self.optional is None:
            self.next()
            self.next("{")
            self.optional = self._pattern()
            self.next("}")
        else:
            self.patterns.append(self._pattern())
        if self.peek() == ".":
            self.next()

    def _pattern(self) -> Pattern:
        subject, predicate, thing = self._term(), self._term(), self._term()
        if predicate[0] != "<":
            raise _Unknown
        if self.peek() == ".":
            self.next()
        return Pattern(subject=subject, predicate=predicate[1:-1], object=thing)

    def _filter(self) -> None:
        self.next("FILTER")
        self.next("(")
        one, operator, other = self._term(), self.next(*OPERATORS, "!="), self._term()
        self.next(")")
        if operator == "!=":
            self.apart.append((one, other))
        elif self.compared is None and one[0] in "?$" and other[0] not in "?$<":
            self.compared = (one, operator, other)
        else:
            raise _Unknown

    def _order(self) -> tuple[str, str]:
        """Returns the variable that the one answer is chosen by, and ASC or DESC."""
        if self.peek() != "ORDER":
            return "", ""
        self.next()
        self.next("BY")
        way = "ASC"
        if self.peek() in ("ASC", "DESC"):
            way = self.next().upper()
            self.next("(")
            by = self._term()
            self.next(")")
        else:
            by = self._term()
        while self.peek().startswith(("?", "$")):
            self.next()
        if self.peek() != "LIMIT":
            return "", ""
        self.next()
        self.next("1")
        return by, way

    def _term(self) -> str:
        kind, value = self.tokens[self.at]
        self.at += 1
        if kind in ("variable", "number", "literal"):
            return "?" + value[1:] if kind == "variable" else value
        if kind == "iri" and is_iri(value[1:-1]):
            return value
        if kind == "word" and value == "a":
            return f"<{RDF}type>"
        if kind == "name":
            prefix, _, rest = value.partition(":")
            if prefix == "" and self.names is not None:
                return f"<{self.names(rest)}>"
            return f"<{self.prefixes[prefix]}{rest}>"
        raise _Unknown

    def _named(self, form: str, asked: str, told: str, ordered: str, order: str) -> Query:
        """Returns the query with variables under their usual names."""
        names = {"?" + asked[1:]: ANSWER} if asked else {}
        if told:
            names["?" + told[1:]] = EXTRA
        valued = self.compared[0] if self.compared else ordered
        if valued and valued not in names:
            names[valued] = VALUE
        for pattern in self.patterns:
            for term in (pattern.subject, pattern.object):
                if term.startswith("?") and term not in names:
                    names[term] = f"?x{sum(name.startswith('?x') for name in names.values()) + 1}"
        operator, bound = (self.compared[1], self.compared[2]) if self.compared else ("", "")
        if (operator or order) and names[valued] != VALUE:
            raise _Unknown
        made = Query(form=form, patterns=tuple(self.patterns), apart=tuple(self.apart), operator=operator,
                     bound=bound, order=order, optional=self.optional)  # fmt: skip
        return made.renamed(names)


def _asks(asked: str) -> Callable[[Pattern], bool]:
    return lambda pattern: not asked or "?" + asked[1:] in (pattern.subject, pattern.object)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _Unknown
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


def query_json(query: Query) -> dict[str, Any]:
    """Returns a query or a shape as JSON keeps it."""
    return {name: value for name, value in asdict(query).items() if value}


def query_of(told: dict[str, Any]) -> Query:
    """Returns the query that `query_json` kept."""
    optional = Pattern(**told["optional"]) if told.get("optional") else None
    patterns = tuple(Pattern(**pattern) for pattern in told["patterns"])
    apart = tuple((str(one), str(other)) for one, other in told.get("apart", ()))
    rest = {name: value for name, value in told.items() if name not in ("patterns", "apart", "optional")}
    return Query(patterns=patterns, apart=apart, optional=optional, **rest)
