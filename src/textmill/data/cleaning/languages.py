"""How sure it is that a document is in its language: at its start, its middle and its end.

The language itself is found when a file is read (`textmill.data.language`); here it is asked again of three parts of
the text, since a page whose first lines are English may go on in another language, and the mean is what the document
is held to. Chinese, Japanese and Korean are known by their script, others by the bundled fastText model (lid.176.ftz).
"""

import re

from textmill.data.language import LETTER, MODEL_CHARACTERS, SAMPLE_CHARACTERS, model, normal_code, script_language
from textmill.errors import SettingsError

PARTS = 3
ANSWERS = 5
"""How many languages the model is asked for; what is not among them is surely not the document's."""


def wanted_languages(values: tuple[str, ...]) -> frozenset[str]:
    """Returns the codes of `clean.languages`; SettingsError for what is not one."""
    codes = {value: normal_code(value) for value in values}
    for value, code in codes.items():
        if not code:
            raise SettingsError("cleaning.bad_language", value=value)
    return frozenset(codes.values())


def parts(text: str) -> list[str]:
    """Returns the start, the middle and the end of a text, or all of it when it is short."""
    if len(text) <= PARTS * MODEL_CHARACTERS:
        return [text]
    middle = (len(text) - SAMPLE_CHARACTERS) // 2
    return [text[:SAMPLE_CHARACTERS], text[middle : middle + SAMPLE_CHARACTERS], text[-SAMPLE_CHARACTERS:]]


def confidence(text: str, language: str) -> float:
    """Returns the mean probability, 0 to 1, that the parts of a text are in `language`; letterless parts left out."""
    found = [part_confidence(part, language) for part in parts(text) if LETTER.search(part)]
    return sum(found) / len(found) if found else 0.0


def part_confidence(part: str, language: str) -> float:
    """Returns the probability that one part is in `language`."""
    script = script_language(part)
    if script:
        return float(script == language)
    plain = re.sub(r"\s+", " ", part[:MODEL_CHARACTERS])
    answers = model().detect(plain, k=ANSWERS)
    return min(1.0, sum(answer["score"] for answer in answers if normal_code(answer["lang"]) == language))
