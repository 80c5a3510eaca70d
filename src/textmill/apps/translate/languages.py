"""Languages by their codes: which are meant, and what people and models call them."""

import re

from textmill.data.language import normal_code

ENGLISH_NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""What a model is told; a code that is not here is told as it is."""
UNSPACED = frozenset({"zh", "ja", "th"})
"""Written without spaces between words: sentences follow one another without one."""
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
CODE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})*", re.ASCII)


def language_code(tag: str) -> str:
    """Returns the primary code of a tag such as "zh-Hans" or "en_US", "" where it is none."""
    return normal_code(tag) if CODE.fullmatch(tag.strip()) or CODE.fullmatch(tag.strip().lower()) else ""


def language_name(code: str) -> str:
    """Returns the English name of a language."""
    return ENGLISH_NAMES.get(code, code)


def known_language(word: str) -> str:
    """Returns the code where `word` is a code or an English name that we know, else ""."""
    code = language_code(word)
    if code in ENGLISH_NAMES:
        return code
    names = {name.lower(): code for code, name in ENGLISH_NAMES.items()}
    return names.get(word.strip().lower(), "")


def joiner(code: str) -> str:
    """Returns what stands between two sentences of a language."""
    return "" if code in UNSPACED else " "
