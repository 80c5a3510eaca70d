r"""How llama.cpp names the ways in which text is cut before byte-level merges (`tokenizer.ggml.pre`), and what each is.

A way is a row of steps: "split" by a pattern, "digits" one by one, "bytes" with or without GPT-2's own pattern. Steps
are compared, not files, so that spellings of tokenizer.json that mean the same are the same.
"""

from typing import Any

from textmill.tokenizer.pattern import LLAMA3_PATTERN, SPLIT_PATTERN

Steps = tuple[tuple[str, str], ...]

GPT2_STEPS: Steps = (("bytes", "pattern"),)
DIGITS_STEPS: Steps = (("digits", ""), ("bytes", "pattern"))

_CAPITAL, _SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_WORDS = (rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITAL}*{_SMALL}+", rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITAL}+{_SMALL}*")
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
TEKKEN_PATTERN = "|".join((*_WORDS, r"\p{N}", _REST))
"""Mistral's since NeMo: a word begins with its capitals."""
GPT_4O_PATTERN = "|".join((*(word + _CONTRACTIONS for word in _WORDS), r"\p{N}{1,3}", _REST))
"""GPT-4o's and Llama 4's."""
BLOOM_PATTERN = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
DEEPSEEK_LETTERS = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373"
    "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f"
    "\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77"
    "\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-"
    "\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
    "\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-"
    "\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3"
    "\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17"
    "\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-"
    "\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)
"""Letters with a case, as DeepSeek's tokenizer.json lists them."""
DEEPSEEK_MARKS = "!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002"
CHINESE = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
DEEPSEEK_3_PATTERN = "|".join(
    (
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+""",
        r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+",
        r" ?[\p{P}\p{S}]+[\r\n]*",
        r"\s*[\r\n]+|\s+(?!\S)|\s+",
    )
)

PRETOKENIZERS: dict[str, Steps] = {
    "qwen2": (("split", SPLIT_PATTERN), ("bytes", "")),
    "gpt-2": GPT2_STEPS,
    "llama-bpe": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "smollm": DIGITS_STEPS,
    "starcoder": DIGITS_STEPS,
    "refact": DIGITS_STEPS,
    "command-r": DIGITS_STEPS,
    "olmo": GPT2_STEPS,
    "phi-2": GPT2_STEPS,
    "mpt": GPT2_STEPS,
    "deepseek-r1-qwen": (("split", SPLIT_PATTERN), ("bytes", "")),
    "stablelm2": (("split", SPLIT_PATTERN), ("bytes", "")),
    "smaug-bpe": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "dbrx": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "falcon3": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "chatglm-bpe": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "glm4": (("split", LLAMA3_PATTERN), ("bytes", "")),
    "tekken": (("split", TEKKEN_PATTERN), ("bytes", "")),
    "gpt-4o": (("split", GPT_4O_PATTERN), ("bytes", "")),
    "llama4": (("split", GPT_4O_PATTERN), ("bytes", "")),
    "bloom": (("split", BLOOM_PATTERN), ("bytes", "")),
    "deepseek-coder": (
        ("split", "[\r\n]"),
        ("split", r"\s?\p{L}+"),
        ("split", r"\s?\p{P}+"),
        ("split", CHINESE),
        ("digits", ""),
        ("bytes", ""),
    ),
    "deepseek-llm": (
        ("split", "[\r\n]"),
        ("split", rf"\s?[{DEEPSEEK_LETTERS}]+"),
        ("split", rf"\s?[{DEEPSEEK_MARKS}]+"),
        ("split", r"\s+$"),
        ("split", CHINESE),
        ("digits", ""),
        ("bytes", ""),
    ),
    "deepseek-v3": (
        ("split", r"\p{N}{1,3}"),
        ("split", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
        ("split", DEEPSEEK_3_PATTERN),
        ("bytes", ""),
    ),
    "falcon": (
        ("split", r"[\p{P}\$\+<=>\^~\|`]+"),
        ("bytes", "pattern"),
        ("split", "[0-9][0-9][0-9]"),
    ),
}
"""By llama.cpp's names; of names that mean the same, the first is written."""

WHOLE_WORDS = ("llama-bpe", "falcon3", "chatglm-bpe", "glm4", "tekken")
"""Ways that take a word that is a token as it is, whether or not merges lead to it."""
WITH_A_BEGINNING = ("llama-bpe", "falcon3", "tekken")
"""Ways whose texts begin with a token where a file does not say whether they do."""


def steps_of(pre_tokenizer: Any) -> Steps | None:
    """Returns what the `pre_tokenizer` of a tokenizer.json does, or None where it does something else."""
    if not isinstance(pre_tokenizer, dict):
        return None
    kind = pre_tokenizer.get("type")
    if kind == "Sequence":
        parts = [steps_of(part) for part in pre_tokenizer.get("pretokenizers", ())]
        return None if None in parts else tuple(step for part in parts if part for step in part)
    if kind == "ByteLevel" and not pre_tokenizer.get("add_prefix_space"):
        return (("bytes", "pattern" if pre_tokenizer.get("use_regex", True) else ""),)
    if kind == "Digits" and pre_tokenizer.get("individual_digits"):
        return (("digits", ""),)
    if kind == "Split" and pre_tokenizer.get("behavior") == "Isolated" and not pre_tokenizer.get("invert"):
        pattern = pre_tokenizer.get("pattern", {}).get("Regex")
        return (("split", pattern),) if isinstance(pattern, str) else None
    return None


def name_of(pre_tokenizer: Any) -> str | None:
    """Returns llama.cpp's name for the `pre_tokenizer` of a tokenizer.json, or None where it has none."""
    steps = steps_of(pre_tokenizer)
    return next((name for name, known in PRETOKENIZERS.items() if known == steps), None)


def to_json(steps: Steps) -> dict[str, Any]:
    """Returns the `pre_tokenizer` of a tokenizer.json that does `steps`."""
    parts: list[dict[str, Any]] = []
    for kind, detail in steps:
        if kind == "split":
            parts.append({"type": "Split", "pattern": {"Regex": detail}, "behavior": "Isolated", "invert": False})
        elif kind == "digits":
            parts.append({"type": "Digits", "individual_digits": True})
        else:
            bytes_step = {"add_prefix_space": False, "trim_offsets": True, "use_regex": bool(detail)}
            parts.append({"type": "ByteLevel", **bytes_step})
    return parts[0] if len(parts) == 1 else {"type": "Sequence", "pretokenizers": parts}
