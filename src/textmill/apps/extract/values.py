"""Values as texts write them, and as RDF does: "12,000" is 12000, "1 May 1820" and "1820年5月1日" are 1820-05-01."""

import re

from textmill.apps.graph.tables import FORMS

MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
          "december")  # fmt: skip
MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in MONTHS)
WRITTEN = {
    "integer": r"[0-9][0-9,]{0,30}",
    "decimal": r"[0-9][0-9,.]{0,30}",
    "gYear": r"[0-9]{4}",
    "date": rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|[0-9]{{4}}年[0-9]{{1,2}}月[0-9]{{1,2}}日"  # text data
    rf"|[0-9]{{1,2}} (?:{MONTH.title()}) [0-9]{{4}}|(?:{MONTH.title()}) [0-9]{{1,2}},? [0-9]{{4}}",
    "string": r"[^\"\\\n\r\t]{1,80}",
}
"""Regular expressions of the values that a text may write."""
DATES = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"),
    re.compile(r"(?P<y>\d{4})年(?P<m>\d\d?)月(?P<d>\d\d?)日"),  # text data
    re.compile(rf"(?P<d>\d\d?) (?P<m>{MONTH}) (?P<y>\d{{4}})", re.I),
    re.compile(rf"(?P<m>{MONTH}) (?P<d>\d\d?),? (?P<y>\d{{4}})", re.I),
)


def value(text: str, kind: str) -> str | None:
    """Returns a text as RDF writes a value of this kind; None where it is none."""
    given = text.strip()
    if kind in ("integer", "decimal"):
        given = given.rstrip(",.").replace(",", "")
    if kind == "date":
        given = day(given)
    if kind == "string":
        return given or None
    return given if FORMS[kind].fullmatch(given) else None


def day(text: str) -> str:
    """Returns a written day as year-month-day; "" for what is none."""
    found = next((match for form in DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return ""
    month = found["m"].lower()
    number = int(month) if month.isdigit() else next(at for at, name in enumerate(MONTHS, 1) if name[:3] == month[:3])
    return f"{found['y']}-{number:02}-{int(found['d']):02}"
