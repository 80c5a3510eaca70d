"""Formulas as the LaTeX their author wrote, where a page still has it; what is drawn for the eye goes.

A page that shows a formula shows it as MathML, as pictures or as dozens of placed pieces; read as text, those come out
as "x 2 + 1". Most makers keep the source beside it, and that is what stays: ``<annotation>`` in TeX (KaTeX, MathJax,
pandoc), ``alttext`` (Wikipedia, LaTeXML), a picture's ``alt``, ``<script type="math/tex">`` (tokens.py). It
becomes ``$…$``, or ``$$…$$`` where it stands alone.
"""

import re
from html import unescape

from textmill.data.extract.tokens import Tokens

TAGS = frozenset({"math", "mjx-container"})
PICTURE_SIGNS = ('class="latex"', "equation?tex=")
"""WordPress and Zhihu draw formulas as pictures; longer words are found faster."""
MATH = re.compile(r"<math\b([^>]{0,20000})>", re.I)
MATH_END = re.compile(r"</math\s*>", re.I)
ANNOTATION = re.compile(
    r"""<annotation\b[^>]*\bencoding\s*=\s*["']?(?:application/x-tex|LaTeX|TeX)[^>]*>(.*?)</annotation""", re.S | re.I
)
ALTTEXT = re.compile(r"""\balttext\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
BLOCK = re.compile(r"""\bdisplay\s*=\s*["']?block""", re.I)
DISPLAY_STYLE = re.compile(r"^\{\\(?:displaystyle|textstyle)\s(.*)\}$", re.S)
PICTURE = re.compile(
    r"""<img\b(?=[^>]*\bclass\s*=\s*["'][^"'>]*\b(?:tex|latex|math|mwe-math-fallback-image-\w+|ee_img|eeimg|formula)\b)"""
    r"""[^>]*\balt\s*=\s*(?:"([^"]+)"|'([^']+)')[^>]*>""",
    re.I,
)
DRAWN = re.compile(
    r"""<(span|div|mjx-container|mjx-assistive-mml)\b[^>]*\bclass\s*=\s*["']"""
    r"""(?:katex-html|MathJax_Preview|MathJax(?:_SVG|_CHTML|_Display)?|MathJax\s[^"']*)["'][^>]*>""",
    re.I,
)
LONGEST = 4_000_000
"""Larger pages are left as they are: the expressions would take their time."""


def has_formulas(markup: str, tokens: Tokens) -> bool:
    """True for a page with formulas that are not plain text yet."""
    if len(markup) > LONGEST:
        return False
    noted = tokens.formulas > 0 or any(tag in TAGS for tag, _ in tokens.notes)
    return noted or any(sign in attributes for attributes in tokens.pictures for sign in PICTURE_SIGNS)


def with_formulas(markup: str) -> str:
    """Returns the markup with each formula whose LaTeX is known as text."""
    markup = with_latex(markup)
    if "katex-html" in markup or "MathJax" in markup:
        markup = without_drawn(markup)
    # on Wikipedia the picture repeats the MathML beside it
    return PICTURE.sub("" if "mwe-math" in markup else picture, markup)


def with_latex(markup: str) -> str:
    """Returns the markup with the LaTeX of each <math> that has it in its place."""
    parts: list[str] = []
    done = 0
    opening = MATH.search(markup)
    while opening and (closing := MATH_END.search(markup, opening.end())):
        parts += [markup[done : opening.start()], latex_of(opening[1], markup[opening.end() : closing.start()])]
        done = closing.end()
        opening = MATH.search(markup, done)
    return "".join([*parts, markup[done:]])


def latex_of(attributes: str, content: str) -> str:
    """Returns a formula's LaTeX between dollars; without it, the MathML as it is."""
    if annotation := ANNOTATION.search(content):
        latex = annotation[1]
    elif stated := ALTTEXT.search(attributes):
        latex = stated[1] or stated[2] or ""
    else:
        return content
    return dollars(latex, display=bool(BLOCK.search(attributes)))


def picture(found: re.Match[str]) -> str:
    """Returns the LaTeX in a picture's alt text between dollars."""
    return dollars(found[1] or found[2], display=False)


def dollars(latex: str, *, display: bool) -> str:
    """Returns LaTeX as markup: between dollars, its entities as they were, ``<`` kept from looking like a tag."""
    latex = " ".join(unescape(latex).split()).strip("$")
    if inner := DISPLAY_STYLE.match(latex):
        latex = inner[1].strip()
    if not latex:
        return ""
    mark = "$$" if display else "$"
    return f"{mark}{latex}{mark}".replace("&", "&amp;").replace("<", "&lt;")


def without_drawn(markup: str) -> str:
    """Returns the markup without the elements that draw a formula whose source stands beside them."""
    parts: list[str] = []
    done = 0
    drawn = DRAWN.search(markup)
    while drawn:
        end = end_of_element(markup, drawn)
        if end < 0:
            break  # broken markup: what is left stays as it is
        parts.append(markup[done : drawn.start()])
        done = end
        drawn = DRAWN.search(markup, end)
    return "".join([*parts, markup[done:]])


def end_of_element(markup: str, opening: re.Match[str]) -> int:
    """Returns where the element ends that begins here, -1 where it is not closed."""
    depth = 1
    for tag in re.compile(rf"<(/?){opening[1]}\b", re.I).finditer(markup, opening.end()):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return markup.find(">", tag.end()) + 1 or len(markup)
    return -1
