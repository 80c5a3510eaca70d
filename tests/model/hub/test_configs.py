"""config.json both ways: nothing that a config asks for is ignored, nothing that a layout cannot say is written."""

import dataclasses
import json
from typing import Any

import pytest
import torch
from model_variants import CLASSIC, MODERN, VARIANTS
from transformers import GPT2Config, PreTrainedConfig, Qwen3Config

from textmill.errors import ModelError
from textmill.model.config import ModelConfig, RopeScaling
from textmill.model.hub import from_hub, to_hub
from textmill.model.hub.families import FAMILIES
from textmill.model.hub.family import HubConfig

IN_HUB = {
    "modern", "modern tied", "classic", "classic untied", "classic sinusoidal", "grouped", "multi-query", "windows",
    "yarn", "wide heads", "classic rope", "experts", "one expert", "no qk-norm",
    "embedding norm", "joint qk-norm", "longrope", "parallel",
}  # fmt: skip
REFUSED = {
    "modern alibi": ["positions"],
    "modern none": ["positions"],
    "modern learned": ["positions"],
    "post": ["norm_place"],
    "both": ["norm_place"],
    "layer norm": ["norm"],
    "all windows": ["windows"],
    "soft-caps": ["attention_softcap", "logit_softcap"],
    "sinks": ["attention_sinks"],
    "biases": ["feed_forward_bias"],
    "relu2": ["feed_forward_kind"],
    "partial rope": ["rope_fraction"],
}


@pytest.mark.parametrize("name", sorted(IN_HUB))
def test_json_brings_back_our_configuration(name: str) -> None:
    values = json.loads(json.dumps(to_hub(VARIANTS[name])))
    assert from_hub(values) == VARIANTS[name]


def test_without_our_key_the_computation_is_the_same() -> None:
    values = to_hub(VARIANTS["classic sinusoidal"])
    del values["textmill_config"]
    assert from_hub(values) == dataclasses.replace(CLASSIC, positions="learned")


@pytest.mark.parametrize("name", REFUSED)
def test_options_without_an_equivalent_are_refused_by_name(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        to_hub(VARIANTS[name])
    assert caught.value.key == "hub.no_equivalent"
    for option in REFUSED[name]:
        assert option in str(caught.value.values["options"])


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - IN_HUB))
def test_our_own_layout_says_everything(name: str) -> None:
    values = json.loads(json.dumps(to_hub(VARIANTS[name], layout="any")))
    assert values["architectures"] == ["TextmillForCausalLM"]
    assert from_hub(values) == VARIANTS[name]


def test_grouped_heads_in_gpt2_are_refused() -> None:
    with pytest.raises(ModelError, match="kv_heads = 2"):
        to_hub(dataclasses.replace(CLASSIC, kv_heads=2))
    with pytest.raises(ModelError, match="rope_scaling"):
        to_hub(dataclasses.replace(MODERN, rope_scaling=RopeScaling(kind="dynamic", factor=2.0, original_context=8)))


def test_another_tools_change_wins_over_our_key() -> None:
    values = to_hub(MODERN) | {"rope_theta": 500_000.0}
    assert from_hub(values) == dataclasses.replace(MODERN, rope_theta=500_000.0)
    values = to_hub(MODERN)
    values["textmill_config"] = values["textmill_config"] | {"from_a_newer_version": 1}
    assert from_hub(values) == MODERN


def test_what_config_json_holds_for_other_engines() -> None:
    ids = {"bos_token_id": None, "eos_token_id": 7, "pad_token_id": 7}
    values = to_hub(MODERN, torch.bfloat16, token_ids=ids)
    assert values["architectures"] == ["Qwen3ForCausalLM"]
    assert (values["model_type"], values["torch_dtype"]) == ("qwen3", "bfloat16")
    assert (values["bos_token_id"], values["eos_token_id"], values["pad_token_id"]) == (None, 7, 7)
    peer = GPT2Config.from_dict(to_hub(CLASSIC))
    assert (peer.bos_token_id, peer.eos_token_id, peer.n_inner) == (None, None, 128)


@pytest.mark.parametrize("peer", [Qwen3Config(), GPT2Config()], ids=["qwen3", "gpt2"])
def test_every_key_that_the_peer_knows_is_read_or_known_to_change_no_logit(peer: PreTrainedConfig) -> None:
    asked: set[str] = set()

    class Listening(HubConfig):
        def get(self, name: str, kind: type, default: Any) -> Any:
            asked.add(name)
            return super().get(name, kind, default)

        def require(self, name: str, *allowed: Any) -> None:
            asked.add(name)
            super().require(name, *allowed)

    family = FAMILIES[peer.model_type]
    values = peer.to_dict() | {"use_sliding_window": True}
    family.read(Listening(values))
    common = set(PreTrainedConfig().to_dict()) | {"model_type", "architectures"}
    ids = {"bos_token_id", "eos_token_id", "pad_token_id"}
    assert set(values) - common - ids - asked - set(family.without_effect) <= {"use_sliding_window"}


@pytest.mark.parametrize(
    ("start", "change", "key"),
    [
        (MODERN, {"hidden_act": "relu"}, "hub.unsupported"),
        (MODERN, {"quantization_config": {"bits": 4}}, "hub.unsupported"),
        (MODERN, {"rope_scaling": {"rope_type": "axial", "factor": 2}}, "hub.unsupported"),
        (MODERN, {"rope_scaling": {"rope_type": "yarn", "factor": 2, "mscale": 1.0}}, "hub.unsupported"),
        (MODERN, {"rope_scaling": {"rope_type": "linear", "factor": 0}}, "hub.value"),
        (MODERN, {"rope_scaling": [1]}, "hub.value"),
        (MODERN, {"rope_theta": float("nan")}, "hub.value"),
        (MODERN, {"rope_theta": 0}, "hub.value"),
        (MODERN, {"hidden_size": "64"}, "hub.value"),
        (MODERN, {"hidden_size": True}, "hub.value"),
        (MODERN, {"num_hidden_layers": 2**63}, "hub.value"),
        (MODERN, {"num_hidden_layers": -1}, "hub.value"),
        (MODERN, {"num_key_value_heads": 3}, "model.kv_heads"),
        (MODERN, {"head_dim": 7}, "model.rope_width"),
        (MODERN, {"layer_types": ["full_attention"]}, "hub.value"),
        (MODERN, {"layer_types": ["chunked_attention"] * 2}, "hub.value"),
        (MODERN, {"model_type": "rwkv"}, "hub.family"),
        (MODERN, {"model_type": ["qwen3"]}, "hub.family"),
        (CLASSIC, {"activation_function": "relu"}, "hub.unsupported"),
        (CLASSIC, {"scale_attn_weights": False}, "hub.unsupported"),
        (CLASSIC, {"scale_attn_by_inverse_layer_idx": True}, "hub.unsupported"),
        (CLASSIC, {"add_cross_attention": True}, "hub.unsupported"),
        (CLASSIC, {"n_head": 5}, "model.heads"),
        (VARIANTS["post"], {"textmill_config": None}, "model.options"),
        (VARIANTS["post"], {"textmill_config": {"width": 3}}, "model.options"),
    ],
)
def test_what_we_do_not_do_is_refused(start: ModelConfig, change: dict[str, Any], key: str) -> None:
    with pytest.raises(ModelError) as caught:
        from_hub(to_hub(start, layout="any") | change)
    assert caught.value.key == key
    assert str(caught.value)
