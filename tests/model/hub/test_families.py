"""Every family: a small random model made by transformers comes in with its logits and goes out with its bytes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from model_variants import relative_difference
from safetensors.torch import load_file, save_file
from transformers import PreTrainedConfig
from transformers.utils import logging

from textmill.errors import ModelError
from textmill.model.cache import Cache
from textmill.model.counts import count_parameters
from textmill.model.hub import load_model, save_model
from textmill.model.hub.configs import from_hub
from textmill.model.hub.families import FAMILIES
from textmill.model.hub.family import HubConfig

TOLERANCE = 1e-5
SIZES: dict[str, Any] = {
    "vocab_size": 97, "hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 4, "num_attention_heads": 4,
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
        hf.GPT2Config(vocab_size=97, n_positions=256, n_embd=48, n_layer=3, n_head=4, initializer_range=0.2)
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
    "bloom": lambda: hf.BloomForCausalLM(
        hf.BloomConfig(vocab_size=97, hidden_size=48, n_layer=3, n_head=6, initializer_range=0.2)
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


@pytest.fixture(autouse=True)
def no_gradients():
    logging.disable_progress_bar()
    with torch.no_grad():
        yield


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


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    peer = make(name)
    peer.save_pretrained(tmp_path)
    model = load_model(tmp_path)
    ids = torch.randint(3, 97, (3, 60), generator=torch.Generator().manual_seed(1))
    assert relative_difference(model(ids), peer(ids).logits) < TOLERANCE

    real = torch.ones(3, 60, dtype=torch.bool)
    real[1, :11], real[2, :55] = False, False
    positions = (real.long().cumsum(dim=1) - 1).clamp_min(0)
    given = {} if name == "bloom" else {"position_ids": positions}
    theirs = peer(ids, attention_mask=real.long(), **given).logits
    assert relative_difference(model(ids, padding_BS=real)[real], theirs[real]) < TOLERANCE

    long = torch.randint(3, 97, (2, 150), generator=torch.Generator().manual_seed(2))
    assert relative_difference(model(long), peer(long).logits) < TOLERANCE


@pytest.mark.parametrize("name", MODELS)
def test_step_by_step_with_the_cache(name: str, tmp_path: Path) -> None:
    peer = make(name)
    peer.save_pretrained(tmp_path)
    model, past = load_model(tmp_path), None
    ids = torch.randint(3, 97, (1, 30), generator=torch.Generator().manual_seed(3))
    cache = Cache(model.config, batch=1, capacity=30, dtype=torch.float32)
    for part in ids.split([14, *[1] * 16], dim=1):
        theirs = peer(part, past_key_values=past, use_cache=True)
        past = theirs.past_key_values
        assert relative_difference(model(part, cache=cache), theirs.logits) < TOLERANCE


@pytest.mark.parametrize("name", MODELS)
def test_it_goes_out_as_it_came(name: str, tmp_path: Path) -> None:
    peer = make(name)
    peer.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "theirs")
    assert count_parameters(model.config).total == sum(parameter.numel() for parameter in model.parameters())
    save_model(model, tmp_path / "ours", layout="hub")
    before = load_file(tmp_path / "theirs" / "model.safetensors")
    after = load_file(tmp_path / "ours" / "model.safetensors")
    assert set(before) == set(after)
    for tensor_name, tensor in before.items():
        assert tensor.dtype == after[tensor_name].dtype
        assert tensor.numpy().tobytes() == after[tensor_name].numpy().tobytes()
    again = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "ours", attn_implementation="eager").eval()
    assert type(again) is type(peer)
    ids = torch.randint(3, 97, (2, 80), generator=torch.Generator().manual_seed(4))
    assert relative_difference(again(ids).logits, peer(ids).logits) < TOLERANCE
    assert load_model(tmp_path / "ours").config == model.config


@pytest.mark.parametrize("name", MODELS)
def test_every_key_is_read_or_known_to_change_no_logit(name: str) -> None:
    asked: set[str] = set()

    class Listening(HubConfig):
        def __contains__(self, key: str) -> bool:
            asked.add(key)
            return super().__contains__(key)

        def get(self, key: str, kind: type, default: Any) -> Any:
            asked.add(key)
            return super().get(key, kind, default)

        def require(self, key: str, *allowed: Any) -> None:
            asked.add(key)
            super().require(key, *allowed)

    peer = make(name).config
    family = FAMILIES[peer.model_type]
    values = peer.to_dict()
    if "use_sliding_window" in values:
        values |= {"use_sliding_window": True, "sliding_window": 9}
    if "layer_types" in values:
        values["layer_types"] = None
    family.read(Listening(values))
    common = set(PreTrainedConfig().to_dict()) | {"model_type", "architectures", "is_decoder"}
    ids = {"bos_token_id", "eos_token_id", "pad_token_id"}
    assert set(values) - common - ids - asked - set(family.without_effect) == set()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gpt_neox", {"hidden_act": "relu"}),
        ("mixtral", {"router_jitter_noise": 0.1}),
        ("qwen3_moe", {"mlp_only_layers": [1]}),
        ("qwen3_moe", {"decoder_sparse_step": 2}),
        ("gemma2", {"use_bidirectional_attention": True}),
        ("gemma3", {"hidden_activation": "relu"}),
        ("bloom", {"apply_residual_connection_post_layernorm": True}),
        ("falcon 7b", {"alibi": True}),
        ("falcon 7b", {"activation": "relu"}),
        ("starcoder2", {"hidden_act": "silu"}),
        ("smollm3", {"no_rope_layers": [2, 2, 2, 2]}),
        ("phi3 longrope", {"rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4, "short_factor": [1.0],
                                               "long_factor": [2.0], "original_max_position_embeddings": 32}}),
        ("phi3 longrope", {"rope_parameters": {"rope_type": "longrope", "short_factor": ["x"], "long_factor": [0]}}),
        ("llama 2", {"model_type": "deepseek_v3"}),
    ],
)  # fmt: skip
def test_what_we_do_not_do_is_refused_by_name(name: str, change: dict[str, Any]) -> None:
    values = make(name).config.to_dict()
    with pytest.raises(ModelError) as caught:
        from_hub(values | change)
    assert str(caught.value)


def internlm2(peer: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Returns config.json and tensors of an InternLM 2 that computes what this Llama does, by its own code."""
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
            queries = tensor.view(groups, -1, width, 48)
            keys, values = (
                theirs[name.replace("q_proj", kind)].view(groups, 1, width, 48) for kind in ("k_proj", "v_proj")
            )
            packed = torch.cat((queries, keys, values), dim=1).reshape(-1, 48)
            ours[name.replace("self_attn.q_proj", "attention.wqkv")] = packed
            continue
        for before, after in names.items():
            name = name.replace(before, after)
        ours[name] = tensor
    values = {
        "model_type": "internlm2", "bias": False, "rope_theta": 10000.0, "rope_scaling": None, "hidden_act": "silu",
        "num_key_value_heads": groups, "tie_word_embeddings": False, "rms_norm_eps": config.rms_norm_eps,
    }  # fmt: skip
    return SIZES | values, {name: tensor.contiguous() for name, tensor in ours.items()}


def test_internlm_2_and_3_are_llamas_under_other_names(tmp_path: Path) -> None:
    peer = hf.LlamaForCausalLM(hf.LlamaConfig(**GROUPED)).eval()
    ids = torch.randint(3, 97, (2, 60), generator=torch.Generator().manual_seed(5))
    config, tensors = internlm2(peer)
    for name in ("internlm2", "internlm3"):
        (tmp_path / name).mkdir()
    (tmp_path / "internlm2" / "config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "internlm2" / "model.safetensors")
    peer.save_pretrained(tmp_path / "internlm3")
    values = json.loads((tmp_path / "internlm3" / "config.json").read_text()) | {"model_type": "internlm3"}
    (tmp_path / "internlm3" / "config.json").write_text(json.dumps(values))
    for name in ("internlm2", "internlm3"):
        model = load_model(tmp_path / name)
        assert relative_difference(model(ids), peer(ids).logits) < TOLERANCE
        save_model(model, tmp_path / "out" / name, layout="hub")
        before = load_file(tmp_path / name / "model.safetensors")
        after = load_file(tmp_path / "out" / name / "model.safetensors")
        assert {key: value.numpy().tobytes() for key, value in before.items()} == {
            key: value.numpy().tobytes() for key, value in after.items()
        }
        assert json.loads((tmp_path / "out" / name / "config.json").read_text())["model_type"] == name
