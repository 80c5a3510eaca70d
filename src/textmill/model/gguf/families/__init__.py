"""The families that are known in GGUF, by `general.architecture`; for a config they are tried in this order."""

from textmill.model.gguf.families.gpt2 import GPT2
from textmill.model.gguf.families.llama import LLAMA
from textmill.model.gguf.families.qwen3 import QWEN3
from textmill.model.gguf.family import GGUFFamily

GGUF_FAMILIES: dict[str, GGUFFamily] = {family.architecture: family for family in (QWEN3, GPT2, LLAMA)}
