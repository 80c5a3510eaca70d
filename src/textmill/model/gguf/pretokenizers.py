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
        ("split", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"),
        ("digits", ""),
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
