"""Formulas of Word documents (Office MathML) as LaTeX between dollars, as formulas of web pages are kept.

Word keeps a fraction as two runs of text and a power as a base and a raised run. Read as text, a/b would become "ab"
and 10⁻⁶ "10-6": another statement, and a wrong one.
"""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

NAMES = (
    "arccos arcsin arctan cos cosh cot csc deg det dim exp gcd inf ker lg lim ln log max min sec sin sinh sup tan tanh"
)
FUNCTIONS = frozenset(NAMES.split())
ACCENTS = {
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "overline", "\u0307": "dot", "\u0308": "ddot",
    "\u20d7": "vec", "\u030c": "check", "\u0306": "breve", "\u0300": "grave", "\u0301": "acute",
}  # fmt: skip
SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "%&#$_{}"} | {"\\": "\\backslash ", "\u200b": ""})
"""What means something to LaTeX."""
APPLY = "\u2061"
"""The invisible sign that applies a function, which may be written as plain text before it."""
APPLIED = re.compile(rf"(?<![A-Za-z\\])({'|'.join(sorted(FUNCTIONS, key=len, reverse=True))}){APPLY} ?")
PROPERTIES = frozenset({"rPr", "ctrlPr", "fPr", "dPr", "naryPr", "radPr", "accPr", "barPr", "mPr", "sSupPr", "argPr"})


def formula(element: Element) -> str:
    """Returns an ``oMath`` as ``$…$``, an ``oMathPara`` as ``$$…$$``, "" for an empty one."""
    display = element.tag == "oMathPara"
    written = " ".join(part for part in map(inside, element.findall("oMath") if display else [element]) if part)
    written = APPLIED.sub(r"\\\1 ", written).replace(APPLY, "").strip()
    mark = "$$" if display else "$"
    return f"{mark}{written}{mark}" if written else ""


def inside(element: Element | None) -> str:
    """Returns what is in an element, "" for None."""
    if element is None:
        return ""
    written = ""
    for child in element:
        if child.tag not in PROPERTIES:
            piece = latex(child)
            ends_in_command = written.rpartition("\\")[2].isalpha() and "\\" in written
            written += f" {piece}" if ends_in_command and piece[:1].isalpha() else piece
    return written.strip()


def latex(element: Element) -> str:
    """Returns one part of a formula; what is not known is written as what is in it."""
    if element.tag == "r":
        text = "".join(each.text or "" for each in element.iter("t")).translate(SIGNS)
        plain = element.find("rPr/nor") is not None
        return f"\\text{{{text}}}" if plain and any(sign.isalpha() for sign in text) else text
    write = WRITERS.get(element.tag)
    return write(element) if write else inside(element)


def part(element: Element, name: str) -> str:
    """Returns what is in the child of that name."""
    return inside(element.find(name))


def named(text: str) -> str:
    """Returns the command of a well-known function, any other text as it is."""
    return f"\\{text}" if text in FUNCTIONS else text


def group(text: str) -> str:
    """Returns a text in braces unless it is one sign or a well-known function."""
    return text if len(text) == 1 else named(text) if text in FUNCTIONS else f"{{{text}}}"


def value(element: Element, path: str, default: str = "") -> str:
    """Returns the "val" of a property; the default where there is none."""
    found = element.find(path)
    return default if found is None else found.get("val", "")


def fraction(element: Element) -> str:
    """A fraction, on one line where Word has it so, without a bar as a binomial coefficient."""
    above, below, kind = part(element, "num"), part(element, "den"), value(element, "fPr/type")
    if kind == "lin":
        return f"{group(above)}/{group(below)}"
    return f"\\{'binom' if kind == 'noBar' else 'frac'}{{{above}}}{{{below}}}"


def scripts(element: Element) -> str:
    """A base with what is lowered and raised behind it, or before it."""
    low, high = part(element, "sub"), part(element, "sup")
    written = (f"_{group(low)}" if low else "") + (f"^{group(high)}" if high else "")
    base = group(part(element, "e"))
    return f"{{}}{written}{base}" if element.tag == "sPre" else f"{base}{written}"


def limits(element: Element) -> str:
    """A base with what stands below or above it."""
    return f"{named(part(element, 'e'))}{'_' if element.tag == 'limLow' else '^'}{{{part(element, 'lim')}}}"


def root(element: Element) -> str:
    """A root, with its degree where it is not the second."""
    degree = part(element, "deg")
    return f"\\sqrt{f'[{degree}]' if degree else ''}{{{part(element, 'e')}}}"


def delimited(element: Element) -> str:
    """Parts between brackets, with a sign between them."""
    begin, end = value(element, "dPr/begChr", "("), value(element, "dPr/endChr", ")")
    between = value(element, "dPr/sepChr", "|")
    parts = between.join(inside(each) for each in element.findall("e"))
    return f"{begin.translate(SIGNS)}{parts}{end.translate(SIGNS)}"


def large(element: Element) -> str:
    """A sum, a product, an integral … with its bounds."""
    low, high = part(element, "sub"), part(element, "sup")
    bounds = (f"_{group(low)}" if low else "") + (f"^{group(high)}" if high else "")
    return f"{value(element, 'naryPr/chr', '∫')}{bounds} {part(element, 'e')}"


def function(element: Element) -> str:
    """A function and what it is applied to."""
    return f"{named(part(element, 'fName'))} {part(element, 'e')}"


def accent(element: Element) -> str:
    """A sign with an accent."""
    sign = value(element, "accPr/chr", "\u0302")
    return f"\\{ACCENTS[sign]}{{{part(element, 'e')}}}" if sign in ACCENTS else f"{part(element, 'e')}{sign}"


def bar(element: Element) -> str:
    """Something with a line above or below it."""
    return f"\\{'overline' if value(element, 'barPr/pos') == 'top' else 'underline'}{{{part(element, 'e')}}}"


def table(element: Element) -> str:
    """A matrix, or equations below one another."""
    rows = [[inside(cell) for cell in row.findall("e")] for row in element.findall("mr")]
    kind = "matrix" if element.tag == "m" else "aligned"
    rows = rows or [[inside(each)] for each in element.findall("e")]
    return f"\\begin{{{kind}}}" + " \\\\ ".join(" & ".join(row) for row in rows) + f"\\end{{{kind}}}"


WRITERS: dict[str, Callable[[Element], str]] = {
    "f": fraction, "sSup": scripts, "sSub": scripts, "sSubSup": scripts, "sPre": scripts, "limLow": limits,
    "limUpp": limits, "rad": root, "d": delimited, "nary": large, "func": function, "acc": accent, "bar": bar,
    "m": table, "eqArr": table,
}  # fmt: skip
