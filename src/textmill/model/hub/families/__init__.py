"""The families that are known, by the `model_type` of their config.json."""

from textmill.model.hub.families.bloom import BLOOM
from textmill.model.hub.families.falcon import FALCON
from textmill.model.hub.families.gemma import GEMMA, GEMMA2, GEMMA3
from textmill.model.hub.families.glm4 import GLM4
from textmill.model.hub.families.gpt2 import GPT2
from textmill.model.hub.families.gpt_neox import GPT_NEOX
from textmill.model.hub.families.granite import GRANITE
from textmill.model.hub.families.internlm import INTERNLM2, INTERNLM3
from textmill.model.hub.families.llama import LLAMA
from textmill.model.hub.families.mistral import MISTRAL, MIXTRAL
from textmill.model.hub.families.olmo2 import OLMO2
from textmill.model.hub.families.phi3 import PHI3
from textmill.model.hub.families.qwen3 import QWEN2, QWEN3, QWEN3_MOE
from textmill.model.hub.families.smollm3 import SMOLLM3
from textmill.model.hub.families.starcoder2 import STARCODER2
from textmill.model.hub.families.textmill import TEXTMILL
from textmill.model.hub.family import Family

HUB_FAMILIES: tuple[Family, ...] = (
    QWEN3, GPT2, LLAMA, QWEN2, MISTRAL, QWEN3_MOE, MIXTRAL, GEMMA, GEMMA2, GEMMA3, PHI3, OLMO2, SMOLLM3, GLM4,
    GRANITE, STARCODER2, GPT_NEOX, BLOOM, FALCON, INTERNLM2, INTERNLM3,
)  # fmt: skip
"""Those that other engines read, in the order in which they are tried for a config."""

FAMILIES: dict[str, Family] = {family.model_type: family for family in (*HUB_FAMILIES, TEXTMILL)}
