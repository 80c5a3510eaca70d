"""Personal data out of texts: e-mail addresses, phone numbers, IP addresses, bank cards, Chinese identity numbers.

A pattern finds candidates; what makes a real one decides: the checksum of cards (Luhn, ISO/IEC 7812-1) and identity
numbers (GB 11643-1999, ISO 7064 MOD 11-2, with a real birthday), the numbering plan of the country for phone numbers
(phonenumbers, the extra `data`), the address rules for IP addresses, of which private and documentation ranges stay.
Each is replaced by a marker such as [EMAIL], so that sentences keep their form and no two people become one.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from textmill.errors import MissingExtraError

EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}|:)(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
CARD = re.compile(r"(?<![\d.,-])[3-6](?:[ -]?\d){12,18}(?![\d-]|[.,]\d)")
IDENTITY = re.compile(r"(?<![A-Za-z0-9])[1-8]\d{16}[\dXx](?![A-Za-z0-9])")
PHONE_HINT = re.compile(r"\d(?:[ ().\-/]{0,3}\d){6}")
"""Seven digits with little between them: without these no phone number is looked for, which is slow."""
COUNTED = re.compile(r"\[\d+(?:/\d+)?\]")
"""A count of bytes or steps in brackets, as logs have it ("saved [1085275/1085275]"): no phone number is written so."""
WINDOW = 40
"""Characters around a hint in which a phone number is looked for."""

IDENTITY_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
IDENTITY_CHECKS = "10X98765432"
REGIONS = {"en": "US", "zh": "CN", "de": "DE", "fr": "FR", "es": "ES", "ja": "JP", "ko": "KR", "ru": "RU", "it": "IT"}
"""Whose numbers are meant when no country code is written, by the text's language."""
KINDS = ("email", "identity", "card", "ip", "phone")


def mask(
    text: str, *, language: str = "", regions: tuple[str, ...] = (), phones: bool = True
) -> tuple[str, Counter[str]]:
    """Returns the text with personal data replaced by markers, and how many of each kind were found.

    `regions` are ISO countries whose phone numbers count without a country code; none: that of the language. Raises
    MissingExtraError where phone numbers may be and phonenumbers is not installed; with `phones` False none are sought.
    """
    counts: Counter[str] = Counter()
    if "@" in text:
        text = _replace(text, EMAIL, "email", lambda found: True, counts)
    if not any(character.isdigit() for character in text):
        return text, counts
    text = _replace(text, IDENTITY, "identity", is_identity_number, counts)
    text = _replace(text, CARD, "card", is_card_number, counts)
    text = _replace(text, IPV4, "ip", is_public_address, counts)
    if text.count(":") > 1:
        text = _replace(text, IPV6, "ip", is_public_address, counts)
    if not phones:
        return text, counts
    return _without_phones(text, regions or (REGIONS.get(language, "US"),), counts), counts


def _replace(text: str, pattern: re.Pattern[str], kind: str, real: Callable[[str], bool], counts: Counter[str]) -> str:
    def marker(match: re.Match[str]) -> str:
        if not real(match[0]):
            return match[0]
        counts[kind] += 1
        return f"[{kind.upper()}]"

    return pattern.sub(marker, text)


def is_card_number(value: str) -> bool:
    """True for 13 to 19 digits with a right check digit (Luhn) that are not all the same."""
    digits = [int(character) for character in value if character.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_identity_number(value: str) -> bool:
    """True for a Chinese identity number: a birthday that was, and the check character of its 17 digits."""
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    if not 1880 <= born.year <= 2100:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, IDENTITY_WEIGHTS, strict=False))
    return IDENTITY_CHECKS[total % 11] == value[17].upper()


def is_public_address(value: str) -> bool:
    """True for an IP address of the public internet; what only looks like one (1.2.3.400, 12:30:45) is none."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and not (address.version == 4 and value.count(".0") > 2)


def _without_phones(text: str, regions: tuple[str, ...], counts: Counter[str]) -> str:
    spans: list[tuple[int, int]] = []
    counted = {at for match in COUNTED.finditer(text) for at in range(match.start(), match.end())}
    for start, end in _windows(text):
        for region in regions:
            spans += [(start + first, start + last) for first, last in _phones(text[start:end], region)]
    parts, done = [], 0
    for first, last in sorted(spans, key=lambda span: (span[0], -span[1])):
        if first >= done and first not in counted:
            parts += [text[done:first], "[PHONE]"]
            counts["phone"] += 1
            done = last
    return "".join([*parts, text[done:]]) if parts else text


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Yields the stretches of text around hints, joined where they meet."""
    start = end = -1
    for hint in PHONE_HINT.finditer(text):
        if end >= 0 and hint.start() - WINDOW <= end:
            end = min(len(text), hint.end() + WINDOW)
            continue
        if end > 0:
            yield start, end
        start, end = max(0, hint.start() - WINDOW), min(len(text), hint.end() + WINDOW)
    if end > 0:
        yield start, end


def _phones(text: str, region: str) -> Iterator[tuple[int, int]]:
    phonenumbers = library()
    for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID):
        yield match.start, match.end


def library() -> Any:
    """Returns phonenumbers, or raises the error that says how to install it."""
    try:
        import phonenumbers
    except ImportError:
        raise MissingExtraError("corpus.missing_for", what="corpus.personal", package="phonenumbers") from None
    return phonenumbers


def regions_of(setting: str) -> tuple[str, ...]:
    """Returns the countries that `corpus.phone_regions` names ("CN, US"), in capitals."""
    return tuple(part.strip().upper() for part in setting.split(",") if part.strip())
