"""Small random models of transformers, one or more a family; every parameter is random."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from safetensors.torch import save_file

SIZES: dict[str, Any] = {
    "vocab_size": 300, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 4, "num_attention_heads": 4,
    "max_position_embeddings": 64, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = SIZES | {"num_key_value_heads": 2}
LONG = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16, "rope_theta": 5e5}  # fmt: skip
FACTORS = {
    "rope_theta": 1e4,
    "short_factor": [1.0, 1.1, 1.2, 1.5, 2.0, 2.5],
    "long_factor": [1.0, 2.0, 3.0, 4.0, 6.0, 8.0],
}

Make = Callable[[], Any]
MODELS: dict[str, Make] = {
    "gpt2": lambda: hf.GPT2LMHeadModel(
        hf.GPT2Config(vocab_size=300, n_positions=256, n_embd=48, n_layer=3, n_head=4, initializer_range=0.2)
    ),
    "gpt_neox": lambda: hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**SIZES | {"hidden_size": 64})),
    "gpt_neox in turn": lambda: hf.GPTNeoXForCausalLM(
        hf.GPTNeoXConfig(**SIZES | {"hidden_size": 64}, use_parallel_residual=False)
    ),
    "llama 2": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**SIZES)),
    "llama 3": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED, rope_parameters=LONG, attention_bias=True)),
    "llama linear": lambda: hf.LlamaForCausalLM(
        hf.LlamaConfig(**GROUPED, rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4})
    ),
    "llama dynamic": lambda: hf.LlamaForCausalLM(
        hf.LlamaConfig(**GROUPED, rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4})
    ),
    "llama yarn": lambda: hf.LlamaForCausalLM(
        hf.LlamaConfig(
            **GROUPED,
            rope_parameters={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16,
                             "rope_theta": 1e4},
        )
    ),
    "smollm": lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED, tie_word_embeddings=True, mlp_bias=True)),
    "mistral": lambda: hf.MistralForCausalLM(hf.MistralConfig(**GROUPED, sliding_window=9, head_dim=16)),
    "mistral whole": lambda: hf.MistralForCausalLM(hf.MistralConfig(**GROUPED, sliding_window=None)),
    "mixtral": lambda: hf.MixtralForCausalLM(hf.MixtralConfig(**GROUPED, num_local_experts=5)),
    "qwen2": lambda: hf.Qwen2ForCausalLM(hf.Qwen2Config(**GROUPED, tie_word_embeddings=True)),
    "qwen2 windows": lambda: hf.Qwen2ForCausalLM(
        hf.Qwen2Config(**GROUPED, use_sliding_window=True, sliding_window=9, max_window_layers=2)
    ),
    "qwen3": lambda: hf.Qwen3ForCausalLM(hf.Qwen3Config(**GROUPED, head_dim=16)),
    "qwen3_moe": lambda: hf.Qwen3MoeForCausalLM(
        hf.Qwen3MoeConfig(
            **GROUPED, num_experts=5, num_experts_per_tok=2, moe_intermediate_size=24, norm_topk_prob=True
        )
    ),
    "qwen3_moe plain": lambda: hf.Qwen3MoeForCausalLM(
        hf.Qwen3MoeConfig(**GROUPED, num_experts=4, num_experts_per_tok=3, moe_intermediate_size=24)
    ),
    "gemma": lambda: hf.GemmaForCausalLM(hf.GemmaConfig(**GROUPED, head_dim=16)),
    "gemma2": lambda: hf.Gemma2ForCausalLM(
        hf.Gemma2Config(**GROUPED, head_dim=16, sliding_window=9, query_pre_attn_scalar=12)
    ),
    "gemma3": lambda: hf.Gemma3ForCausalLM(
        hf.Gemma3TextConfig(
            **GROUPED, head_dim=16, sliding_window=9, query_pre_attn_scalar=12,
            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters={"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                             "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}},
        )
    ),
    "gemma2 scale": lambda: hf.Gemma2ForCausalLM(
        hf.Gemma2Config(**GROUPED, head_dim=16, sliding_window=9, query_pre_attn_scalar=16)
    ),
    "gemma3 scale": lambda: hf.Gemma3ForCausalLM(
        hf.Gemma3TextConfig(**GROUPED, head_dim=16, sliding_window=9, query_pre_attn_scalar=16)
    ),
    "phi3": lambda: hf.Phi3ForCausalLM(hf.Phi3Config(**GROUPED, sliding_window=9)),
    "phi3 longrope": lambda: hf.Phi3ForCausalLM(
        hf.Phi3Config(
            **GROUPED, original_max_position_embeddings=32,
            rope_parameters=FACTORS | {"rope_type": "longrope", "original_max_position_embeddings": 32},
        )
    ),
    "phi4": lambda: hf.Phi3ForCausalLM(
        hf.Phi3Config(
            **GROUPED | {"hidden_size": 64}, tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.75},
        )
    ),
    "olmo2": lambda: hf.Olmo2ForCausalLM(hf.Olmo2Config(**GROUPED)),
    "smollm3": lambda: hf.SmolLM3ForCausalLM(hf.SmolLM3Config(**GROUPED)),
    "glm4": lambda: hf.Glm4ForCausalLM(hf.Glm4Config(**GROUPED, head_dim=16)),
    "granite": lambda: hf.GraniteForCausalLM(
        hf.GraniteConfig(
            **GROUPED, embedding_multiplier=12.0, attention_multiplier=0.2, residual_multiplier=0.22, logits_scaling=8.0
        )
    ),
    "starcoder2": lambda: hf.Starcoder2ForCausalLM(hf.Starcoder2Config(**GROUPED, sliding_window=9)),
    "starcoder2 whole": lambda: hf.Starcoder2ForCausalLM(hf.Starcoder2Config(**GROUPED, sliding_window=None)),
    "bloom": lambda: hf.BloomForCausalLM(
        hf.BloomConfig(vocab_size=300, hidden_size=48, n_layer=3, n_head=6, initializer_range=0.2)
    ),
    "falcon 7b": lambda: hf.FalconForCausalLM(hf.FalconConfig(**falcon(multi_query=True))),
    "falcon 40b": lambda: hf.FalconForCausalLM(
        hf.FalconConfig(**falcon(new_decoder_architecture=True, num_kv_heads=2))
    ),
    "falcon 11b": lambda: hf.FalconForCausalLM(
        hf.FalconConfig(**falcon(new_decoder_architecture=True, num_kv_heads=2, num_ln_in_parallel_attn=1))
    ),
    "falcon plain": lambda: hf.FalconForCausalLM(
        hf.FalconConfig(**falcon(multi_query=False, parallel_attn=False, bias=True))
    ),
}  # fmt: skip


def falcon(**options: Any) -> dict[str, Any]:
    sizes = {name: value for name, value in SIZES.items() if name != "intermediate_size"}
    return sizes | {"ffn_hidden_size": 80} | options


def make(name: str) -> Any:
    """Returns the model of transformers with every parameter random: norms and biases of one and zero hide mistakes."""
    torch.manual_seed(0)
    peer = MODELS[name]().eval()
    peer.set_attn_implementation("eager")
    if hasattr(peer, "set_experts_implementation"):
        peer.set_experts_implementation("eager")
    for parameter in peer.parameters():
        if parameter.ndim == 1:
            parameter.add_(0.3 * torch.randn_like(parameter))
    return peer


def step(peer: Any, ids: torch.Tensor, past: Any = None) -> tuple[torch.Tensor, Any]:
    """Returns transformers' logits of further ids, and its cache; the argument has had two names."""
    name = "cache" if "cache" in inspect.signature(peer.forward).parameters else "past_key_values"
    output = peer(ids, use_cache=True, **{name: past})
    return output.logits, getattr(output, name)


INTERNLM = ("internlm2", "internlm3")
"""Llamas under other names, by code of their own that transformers has not; a Llama computes what they should."""


def save_internlm(name: str, place: Path) -> Any:
    """Writes a folder of InternLM 2 or 3; returns the Llama that it is."""
    torch.manual_seed(0)
    peer = hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED)).eval()
    peer.save_pretrained(place)
    values = json.loads((place / "config.json").read_text()) | {"model_type": name}
    if name == "internlm2":
        told = {
            "bias": False, "rope_theta": 10000.0, "rope_scaling": None, "hidden_act": "silu",
            "num_key_value_heads": 2, "tie_word_embeddings": False, "rms_norm_eps": peer.config.rms_norm_eps,
        }  # fmt: skip
        values = SIZES | told | {"model_type": name}
        save_file(internlm2_tensors(peer), place / "model.safetensors", {"format": "pt"})
    (place / "config.json").write_text(json.dumps(values))
    return peer


def internlm2_tensors(peer: Any) -> dict[str, torch.Tensor]:
    """Returns a Llama's tensors as InternLM 2's own code reads them."""
    names = {
        "embed_tokens": "tok_embeddings", "self_attn.o_proj": "attention.wo", "input_layernorm": "attention_norm",
        "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
        "mlp.down_proj": "feed_forward.w2", "lm_head": "output",
    }  # fmt: skip
    config, theirs, ours = peer.config, peer.state_dict(), {}
    groups, width = config.num_key_value_heads, config.head_dim
    for name, tensor in theirs.items():
        if ".k_proj" in name or ".v_proj" in name:
            continue
        if ".q_proj" in name:  # "b q (h gs d) -> b q h gs d", the last two of gs being key and value
            queries = tensor.view(groups, -1, width, config.hidden_size)
            keys, values = (
                theirs[name.replace("q_proj", kind)].view(groups, 1, width, config.hidden_size)
                for kind in ("k_proj", "v_proj")
            )
            packed = torch.cat((queries, keys, values), dim=1).reshape(-1, config.hidden_size)
            ours[name.replace("self_attn.q_proj", "attention.wqkv")] = packed
            continue
        for before, after in names.items():
            name = name.replace(before, after)
        ours[name] = tensor
    return {name: tensor.contiguous() for name, tensor in ours.items()}
