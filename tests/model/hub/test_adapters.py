"""Adapters: the logits of PEFT's own, and every file that does not fit is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peer_models import MODELS
from safetensors.torch import load_file, save_file

from textmill.errors import ModelError, UserError
from textmill.infer.engine.runner import Part
from textmill.infer.engine.torch_runner import TorchRunner
from textmill.model.hub import load_model
from textmill.model.hub.adapters import CONFIG_FILE, WEIGHTS_FILE, load_adapter, merge

TARGETS = {
    "llama 3": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "qwen3": ["q_proj", "v_proj", "lm_head"],
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "gpt_neox": ["query_key_value", "dense_h_to_4h"],
    "phi3": ["qkv_proj", "gate_up_proj"],
}


@pytest.fixture
def make_adapter(tmp_path: Path) -> Any:
    """Writes a small model of transformers and a random adapter of PEFT's; returns both folders and PEFT's model."""
    peft = pytest.importorskip("peft")

    def make(name: str, **options: Any) -> tuple[Path, Path, Any]:
        torch.manual_seed(3)
        theirs = MODELS[name]().eval()
        theirs.save_pretrained(tmp_path / "base")
        config = peft.LoraConfig(
            r=4, lora_alpha=9, target_modules=TARGETS[name], fan_in_fan_out=name == "gpt2", **options
        )
        wrapped = peft.get_peft_model(theirs, config).eval()
        with torch.no_grad():
            for key, parameter in wrapped.named_parameters():
                if "lora_" in key:
                    parameter.normal_(std=0.2)
        wrapped.save_pretrained(tmp_path / "adapter")
        return tmp_path / "base", tmp_path / "adapter", wrapped

    return make


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("stabilised", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_as_peft(name: str, stabilised: bool, make_adapter: Any) -> None:
    base, folder, theirs = make_adapter(name, use_rslora=stabilised)
    model = load_model(base)
    adapter = load_adapter(folder, model)
    ids = torch.randint(0, 300, (1, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, plain = theirs(ids).logits[0], model(ids)[0]
    runner = TorchRunner(model, page_count=4, adapters={"tuned": adapter})
    part = {"ids": ids[0].tolist(), "past": 0, "pages": (0,), "wanted": range(12)}
    tuned = runner.forward([Part(**part, adapter="tuned")])
    scale = float(expected.abs().max())
    assert float((tuned - expected).abs().max()) < 1e-5 * scale
    assert float((expected - plain).abs().max()) > 1e-2 * scale
    again = runner.forward([Part(**part), Part(**part | {"pages": (1,)}, adapter="tuned")])
    assert float((again[:12] - plain).abs().max()) < 1e-5 * scale, "others are answered by the model itself"
    assert torch.equal(again[12:], tuned)
    runner.close()
    merge(model, adapter)
    with torch.no_grad():
        assert float((model(ids)[0] - expected).abs().max()) < 1e-5 * scale


@pytest.mark.filterwarnings("ignore")
def test_alpha_by_module(make_adapter: Any) -> None:
    base, folder, theirs = make_adapter("llama 3", alpha_pattern={"q_proj": 1}, rank_pattern={"v_proj": 2})
    model = load_model(base)
    merge(model, load_adapter(folder, model))
    ids = torch.arange(10)[None]
    with torch.no_grad():
        expected = theirs(ids).logits
        assert float((model(ids) - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@pytest.mark.filterwarnings("ignore")
def test_what_does_not_fit_is_refused(make_adapter: Any, tmp_path: Path) -> None:
    base, folder, _ = make_adapter("qwen3")
    model = load_model(base)
    config, tensors = json.loads((folder / CONFIG_FILE).read_text()), load_file(folder / WEIGHTS_FILE)
    bad = tmp_path / "bad"
    bad.mkdir()

    def refused(change: dict[str, Any], given: dict[str, torch.Tensor]) -> str:
        (bad / CONFIG_FILE).write_text(json.dumps(config | change))
        save_file(given, bad / WEIGHTS_FILE)
        with pytest.raises(UserError) as caught:
            load_adapter(bad, model)
        return caught.value.key

    assert refused({"peft_type": "IA3"}, tensors) == "hub.adapter_config"
    assert refused({"r": 0}, tensors) == "hub.adapter_config"
    assert refused({"lora_alpha": "much"}, tensors) == "hub.adapter_config"
    for name, value in (("use_dora", True), ("bias", "all"), ("modules_to_save", ["lm_head"])):
        assert refused({name: value}, tensors) == "hub.unsupported"
    name = next(key for key in tensors if "lora_A" in key)
    assert refused({}, {key: value for key, value in tensors.items() if key != name}) == "hub.adapter_module"
    assert refused({}, tensors | {"base_model.model.lm_head.lora_magnitude_vector": torch.ones(3)}) == (
        "hub.adapter_module"
    )
    assert refused({}, tensors | {name: torch.ones(5, 48)}) == "hub.adapter_module"
    assert refused({}, tensors | {name: torch.ones(4, 47)}) == "hub.adapter_shape"
    copy = next(key for key in tensors if "base_layer" in key)
    assert refused({}, tensors | {copy: tensors[copy] + 1}) == "hub.adapter_module"
    other = {key.replace("layers.0", "layers.9"): value for key, value in tensors.items()}
    assert refused({}, other) == "hub.adapter_module"
    (bad / WEIGHTS_FILE).write_bytes(b"rubbish")
    with pytest.raises(UserError):
        load_adapter(bad, model)
    (bad / CONFIG_FILE).unlink()
    with pytest.raises(ModelError):
        load_adapter(bad, model)
