"""Every family: a small random model made by transformers comes in with its logits and goes out with its bytes."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from model_variants import relative_difference
from parity import compared, stepwise
from peer_models import MODELS, make
from safetensors.torch import load_file
from transformers import PreTrainedConfig
from transformers.utils import logging

from textmill.errors import ModelError
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
    differences = compared(model, peer, takes_positions=name != "bloom")
    assert max(differences.values()) < TOLERANCE


@pytest.mark.parametrize("name", MODELS)
def test_step_by_step_with_the_cache(name: str, tmp_path: Path) -> None:
    peer = make(name)
    peer.save_pretrained(tmp_path)
    assert stepwise(load_model(tmp_path), peer) < TOLERANCE


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
