"""The families that are known in GGUF, by `general.architecture`; for a config they are tried in this order."""

from textmill.model.gguf.families.bloom import BLOOM
from textmill.model.gguf.families.falcon import FALCON
from textmill.model.gguf.families.gemma import GEMMA, GEMMA2, GEMMA3
from textmill.model.gguf.families.glm4 import GLM4
from textmill.model.gguf.families.gpt2 import GPT2
from textmill.model.gguf.families.gpt_neox import GPT_NEOX
from textmill.model.gguf.families.granite import GRANITE
from textmill.model.gguf.families.internlm2 import INTERNLM2
from textmill.model.gguf.families.llama import LLAMA
from textmill.model.gguf.families.olmo2 import OLMO2
from textmill.model.gguf.families.phi3 import PHI3
from textmill.model.gguf.families.qwen3 import QWEN2, QWEN3, QWEN3_MOE
from textmill.model.gguf.families.smollm3 import SMOLLM3
from textmill.model.gguf.families.starcoder2 import STARCODER2
from textmill.model.gguf.family import GGUFFamily

GGUF_FAMILIES: dict[str, GGUFFamily] = {
    family.architecture: family
    for family in (
        QWEN3, GPT2, LLAMA, QWEN2, QWEN3_MOE, GEMMA, GEMMA2, GEMMA3, PHI3, OLMO2, SMOLLM3, GLM4, GRANITE, STARCODER2,
        GPT_NEOX, BLOOM, FALCON, INTERNLM2,
    )
}  # fmt: skip
