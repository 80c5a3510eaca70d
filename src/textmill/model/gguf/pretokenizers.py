r"""How llama.cpp names the ways in which text is cut before byte-level merges (`tokenizer.ggml.pre`), and what each is.

A way is a row of steps: "split" by a pattern, "digits" one by one, "bytes" with or without GPT-2's own pattern. Steps
are compared, not files, so that spellings of tokenizer.json that mean the same are the same.
"""

from typing import Any

from textmill.tokenizer.pattern import LLAMA3_PATTERN, SPLIT_PATTERN

Steps = tuple[tuple[str, str], ...]

GPT2_STEPS: Steps = (("bytes", "pattern"),)
DIGITS_STEPS: Steps = (("digits", ""), ("bytes", "pattern"))

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
}
"""By llama.cpp's names; of names that mean the same, the first is written."""

WHOLE_WORDS = ("llama-bpe",)
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
