"""From wikitext to readable text: headings, lists, tables, code and formulas stay, what templates would draw does not.

A parser of all of it (mwparserfromhell) reads 0.17 MB/s here, and then everything is still to be done; expressions that
work from the innermost bracket outwards read 2 MB/s.
"""

import html
import re
from collections.abc import Callable

PASSES = 24
"""So deep may brackets lie in one another; what is deeper is left out."""
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
PAIRED = re.compile(
    r"<(/?)(ref|gallery|timeline|imagemap|score|templatestyles|graph|mapframe|maplink|section|indicator|syntaxhighlight"
    r"|source|pre|math|chem|ce|nowiki)\b([^<>]*)>", re.I,
)  # fmt: skip
"""Elements whose inside is no wikitext."""
CODE, FORMULA = frozenset(("syntaxhighlight", "source", "pre")), frozenset(("math", "chem", "ce"))
BREAK = re.compile(r"<(?:br|p|/p|div|/div|/center|/blockquote)\b[^>]*>", re.I)
TAG = re.compile(r"</?[a-zA-Z][^<>]{0,1000}>")
TEMPLATE = re.compile(r"\{\{([^{}]*)\}\}")
PARAMETER = re.compile(r"\{\{\{([^{}]*)\}\}\}")
LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
ADDRESS = re.compile(r"\[(?:https?:|ftp:|mailto:)?//?[^\s\[\]]{1,2000}(?:[ \t]+([^\[\]\n]*))?\]")
VARIANT = re.compile(r"-\{([^{}]*)\}-")
QUOTES = re.compile(r"'{2,5}")
HEADING = re.compile(r"^(={1,6})[ \t]*([^=\s][^\n]{0,300}?)[ \t]*=+[ \t]*$", re.M)
ITEM = re.compile(r"^([*#:;]+)[ \t]*", re.M)
MAGIC = re.compile(r"__[A-Z]{3,}__|^(?:#REDIRECT|#重定向).*$", re.M)  # text data
BLANKS = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")
EMPTY_SECTION = re.compile(r"^(#{1,6}) [^\n]*\n+(?=(#{1,6}) |\Z)", re.M)
NAMESPACES = frozenset(
    ("file", "image", "media", "category", "template", "special", "help", "portal", "wikipedia", "datei", "bild",
     "kategorie", "fichier", "catégorie", "archivo", "categoría", "файл", "категория",
     "文件", "檔案", "档案", "图像", "圖像", "分类", "分類", "模板",  # text data
     "ファイル", "画像", "カテゴリ", "파일", "분류")  # text data
)  # fmt: skip
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*")
TEXT_TEMPLATES = {
    "lang": -1, "nowrap": 1, "nobold": 1, "small": 1, "big": 1, "quote": 1, "blockquote": 1, "cquote": 1, "code": 1,
    "em": 1, "strong": 1, "transl": -1, "transliteration": -1, "nihongo": 1, "abbr": 1, "sic": 1, "math": 1, "mvar": 1,
    "sub": 1, "sup": 1, "zh": 1, "link-en": 1, "internal link helper": 1, "tsl": -1, "le": 1, "ill": 1, "color": -1,
    "font color": -1,
}  # fmt: skip
"""Templates that are text: which of their unnamed parameters it is."""
SIGNS = {
    "nbsp": " ",
    "spaced ndash": " – ",
    "snd": " – ",
    "ndash": "–",
    "mdash": "—",
    "!": "|",
    "=": "=",
    "'": "'",
    "·": " · ",
}
UNITS = frozenset(("convert", "cvt"))
KEEP_START, KEEP_END = "\ufdd3", "\ufdd4"
"""Code points that Unicode keeps free: around the number of a piece that nothing may change."""
KEPT = re.compile(f"{KEEP_START}(\\d+){KEEP_END}")


def plain_text(source: str) -> str:
    """Returns the readable text of a wiki page."""
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"{KEEP_START}{len(kept) - 1}{KEEP_END}"

    text = COMMENT.sub("", source.replace(KEEP_START, "").replace(KEEP_END, ""))
    text = without_pairs(text, keep)
    text = inside_out(PARAMETER, lambda found: found[1].partition("|")[2], text)
    text = inside_out(VARIANT, variant_text, text)
    text = inside_out(TEMPLATE, template_text, text)
    text = tables_as_text(text)
    text = inside_out(LINK, link_text, text)
    text = ADDRESS.sub(lambda found: found[1] or "", text)
    text = TAG.sub("", BREAK.sub("\n", MAGIC.sub("", QUOTES.sub("", text))))
    text = ITEM.sub(item_mark, text)  # before headings, whose mark is the sign of numbered lists
    text = HEADING.sub(lambda found: f"\n{'#' * len(found[1])} {found[2]}\n", text)
    text = html.unescape(text).replace("\xa0", " ")
    while (shorter := EMPTY_SECTION.sub(without_empty, text)) != text:
        text = shorter
    text = KEPT.sub(lambda found: kept[int(found[1])], text)
    return BLANKS.sub("\n\n", text).strip()


def without_pairs(text: str, keep: Callable[[str], str]) -> str:
    """Returns the text with code, formulas and unread text kept aside, and references and galleries left out.

    In one pass: an expression for a pair would look to the end of the text from each element that is never closed.
    """
    last_end = {found[2].lower(): found.start() for found in PAIRED.finditer(text) if found[1]}
    parts: list[str] = []
    done, open_name, inside = 0, "", 0
    for found in PAIRED.finditer(text):
        name = found[2].lower()
        if open_name:
            if found[1] and name == open_name:
                parts.append(paired_text(name, text[inside : found.start()], keep))
                done, open_name = found.end(), ""
            continue
        parts.append(text[done : found.start()])
        done = found.end()
        if not found[1] and not found[3].endswith("/") and last_end.get(name, -1) > found.start():
            open_name, inside = name, found.end()
    return "".join([*parts, text[done:]])


def paired_text(name: str, inside: str, keep: Callable[[str], str]) -> str:
    """Returns what stands for an element whose inside is no wikitext."""
    inside = html.unescape(inside)
    if name in CODE:
        return keep("\n```\n" + inside.strip("\n") + "\n```\n")
    if name in FORMULA:
        return keep(f"${' '.join(inside.split())}$")
    return keep(inside) if name == "nowiki" else ""


def inside_out(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> str:
    """Returns the text with what the pattern matches replaced, the innermost first, until nothing is left."""
    for _ in range(PASSES):
        text, count = pattern.subn(replace, text)
        if not count:
            break
    return text


def template_text(found: re.Match[str]) -> str:
    """Returns what is left of a template: nothing, but for those that are text."""
    name, *parameters = found[1].split("|")
    name = name.strip().lower().replace("_", " ")
    if name in SIGNS:
        return SIGNS[name]
    unnamed = [parameter.strip() for parameter in parameters if not re.match(r"\s*[\w -]+=", parameter)]
    if name in UNITS and len(unnamed) > 1:
        return f"{unnamed[0]} {unnamed[1]}"
    if name.startswith("lang-") and unnamed:
        return unnamed[0]
    place = TEXT_TEMPLATES.get(name)
    if place is None or not unnamed:
        return ""
    return unnamed[place] if place < 0 else unnamed[min(place, len(unnamed)) - 1]


def variant_text(found: re.Match[str]) -> str:
    """Returns the simplified reading of Chinese that is written both ways."""
    flags, bar, rest = found[1].rpartition("|")
    if bar and flags.strip() and set(flags.strip()) <= set("HTD-"):
        return ""
    readings = dict(part.split(":", 1) for part in rest.split(";") if ":" in part)
    readings = {name.strip().rpartition("=>")[2]: reading.strip() for name, reading in readings.items()}
    wanted = next((readings[name] for name in ("zh-cn", "zh-hans", "zh-sg", "zh") if name in readings), "")
    return wanted or next(iter(readings.values()), rest)


def link_text(found: re.Match[str]) -> str:
    """Returns the words of a link; pictures, categories and links to other languages have none."""
    target, bar, words = found[1].partition("|")
    prefix, colon, _ = target.partition(":")
    prefix = prefix.strip().lower()
    if colon and prefix in NAMESPACES:
        return ""
    if colon and not bar and LANGUAGE.fullmatch(prefix) and not target.startswith(":"):
        return ""
    return words.rpartition("|")[2] if bar and words else target.lstrip(":").partition("#")[0] or target


def item_mark(found: re.Match[str]) -> str:
    """Returns the mark of a list's item."""
    signs = found[1]
    mark = {"*": "- ", "#": "1. "}.get(signs[-1], "")
    return "  " * (len(signs) - 1 if mark else 0) + mark


def without_empty(found: re.Match[str]) -> str:
    """Returns "" for a heading with nothing under it: the end or a heading of no lower level follows."""
    return "" if found[2] is None or len(found[2]) <= len(found[1]) else found[0]


def tables_as_text(text: str) -> str:
    """Returns the text with its tables as lines of cells, the innermost first."""
    done: list[str] = []
    for _ in range(text.count("{|")):
        end = text.find("\n|}")
        start = text.rfind("{|", 0, end) if end >= 0 else -1
        if end < 0:
            break
        if start < 0:
            done.append(text[: end + 3])
            text = text[end + 3 :]
            continue
        text = text[:start] + table_text(text[start:end]) + text[end + 3 :]
    return "".join(done).replace("\n|}", "\n") + re.sub(r"^\{\|.*$", "", text, flags=re.M)


def table_text(table: str) -> str:
    """Returns a table as lines of cells."""
    rows: list[list[str]] = [[]]
    for line in table.split("\n")[1:]:
        mark = line.lstrip()[:2]
        if mark == "|-":
            rows.append([])
        elif mark == "|+":
            rows[-1].append(line.lstrip()[2:].strip())
            rows.append([])
        elif mark[:1] in ("|", "!"):
            cells = re.split(r"\|\||!!" if mark[0] == "!" else r"\|\|", line.lstrip()[1:])
            rows[-1] += [re.sub(r"^[^\[\]|]*\|(?!\|)", "", cell).strip() for cell in cells]
        elif rows[-1] and line.strip():
            rows[-1][-1] += " " + line.strip()
    lines = ["| " + " | ".join(cell.lstrip("*#:; ") for cell in row) + " |" for row in rows if any(row)]
    return "\n" + "\n".join(lines) + "\n"
