"""Every family: a small random model made by transformers comes in with its logits and goes out with its bytes."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from model_variants import relative_difference
from peer_models import GROUPED, MODELS, SIZES, make, step
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


@pytest.fixture(autouse=True)
def no_gradients():
    logging.disable_progress_bar()
    with torch.no_grad():
        yield


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
        theirs, past = step(peer, part, past)
        assert relative_difference(model(part, cache=cache), theirs) < TOLERANCE


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
