r"""What a query is, read by SPARQL's own tokens before an engine sees it: it may look at the graph and nothing else.

Refused are SERVICE and LOAD (which fetch), FROM (another dataset than the one that was meant) and every update. The
words are looked for where they are keywords, so a label "SERVICE", a variable ?from, an IRI or a comment that holds one
is nobody's business. Three things are less plain than they seem, and have tests of their own:

- ``SELECT * FROM:g`` and ``SERVICE:g { … }`` are a keyword and a name with an empty prefix to oxigraph, and a name with
  the prefix ``FROM`` to everybody else: both are refused; ``?s service:name ?o`` stays what it is.
- ``S\u0045RVICE``: some engines unescape a query before they parse it. The query is read both ways.
- ``?a<?b`` may begin an IRI or a comparison. Where it is not certain, both readings must be harmless: no IRI may hold
  ``{``, a blank, ``"`` or ``<``, and one of them follows each forbidden word.
"""

import re
from collections.abc import Iterator

from textmill.errors import InputError

LONGEST = 200_000
"""Characters of a query; those that people write have some hundred."""
DEEPEST = 200
"""Brackets in one another; engines that parse by recursion end with their stack."""
TOKEN = re.compile(
    r"""
    (?P<blank>[\x20\t\r\n]+|\#[^\r\n]*)
  | (?P<iri><[^\x00-\x20<>"{}|^`\\]*>)
  | (?P<string>\"{3}(?:(?:"|"")?(?:[^"\\]|\\.))*\"{3}|'{3}(?:(?:'|'')?(?:[^'\\]|\\.))*'{3}
      |"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
  | (?P<variable>[?$]\w+)
  | (?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)
  | (?P<blank_node>_:[\w](?:[\w.\-·]*[\w\-·])?)
  | (?P<prefixed>(?:[^\W\d_](?:[\w.\-·]*[\w\-·])?)?:
      (?:(?:[\w:]|%[0-9A-Fa-f]{2}|\\.)(?:(?:[\w.\-:·]|%[0-9A-Fa-f]{2}|\\.)*(?:[\w\-:·]|%[0-9A-Fa-f]{2}|\\.))?)?)
  | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<sign>.)
    """,
    re.X | re.S,
)
FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
UPDATES = ("INSERT", "DELETE", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH", "USING", "INTO")
FORBIDDEN = frozenset(("SERVICE", "LOAD", "FROM", *UPDATES))
ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
Token = tuple[str, str]


def tokens(text: str) -> Iterator[Token]:
    """Yields (kind, text) of all but blanks and comments."""
    for match in TOKEN.finditer(text):
        if match.lastgroup != "blank":
            yield match.lastgroup or "", match[0]


def check_query(text: str) -> str:
    """Returns the form of a query (SELECT, ASK, CONSTRUCT, DESCRIBE); InputError for what only reads does not do."""
    if len(text) > LONGEST:
        raise InputError("graph.query_long", limit=LONGEST, got=len(text))
    form = _check(text)
    unescaped = ESCAPE.sub(_character, text)
    if unescaped != text:
        _check(unescaped)
    return form


def _character(match: re.Match[str]) -> str:
    number = int(match[1] or match[2], 16)
    return chr(number) if number < 0x110000 else match[0]


def _check(text: str) -> str:
    form, depth, before = "", 0, ("", "")
    found = list(tokens(text))
    for number, (kind, value) in enumerate(found):
        after = found[number + 1][1] if number + 1 < len(found) else ""
        if value in ("{", "(", "["):
            depth += 1
        elif value in ("}", ")", "]"):
            depth -= 1
        if depth > DEEPEST:
            raise InputError("graph.query_deep", limit=DEEPEST)
        if forbidden := _forbidden(kind, value, before, after, depth):
            raise InputError("graph.query_refused", word=forbidden)
        if kind == "word" and not form and value.upper() not in ("PREFIX", "BASE", "VERSION"):
            form = value.upper()
            if form not in FORMS:
                raise InputError("graph.query_form", got=value)
        before = (kind, value)
    if not form:
        raise InputError("graph.query_form", got=text[:60])
    return form


def _forbidden(kind: str, value: str, before: Token, after: str, depth: int) -> str:
    """Returns the forbidden word that a token is or may be taken for, "" for none."""
    if kind == "word":
        return value.upper() if value.upper() in FORBIDDEN else ""
    if kind != "prefixed" or before[1].upper() == "PREFIX":
        return ""
    prefix = value.partition(":")[0].upper()
    if prefix == "SERVICE" and after == "{":
        return prefix
    return prefix if prefix == "FROM" and depth == 0 else ""
