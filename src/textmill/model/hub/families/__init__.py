"""The families that are known, by the `model_type` of their config.json."""

from textmill.model.hub.families.gpt2 import GPT2
from textmill.model.hub.families.qwen3 import QWEN3
from textmill.model.hub.families.textmill import TEXTMILL
from textmill.model.hub.family import Family

HUB_FAMILIES: tuple[Family, ...] = (QWEN3, GPT2)
"""Those that other engines read, in the order in which they are tried for a config."""

FAMILIES: dict[str, Family] = {family.model_type: family for family in (*HUB_FAMILIES, TEXTMILL)}
