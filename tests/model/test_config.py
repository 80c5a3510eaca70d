"""Configurations check themselves and survive JSON."""

import dataclasses
import json
from typing import Any

import pytest
from model_variants import MODERN, SIZES, VARIANTS

from textmill.config import ModelSettings
from textmill.errors import ModelError
from textmill.model.config import ModelConfig, classic, from_settings, modern


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_json_brings_back_the_same_configuration(config: ModelConfig) -> None:
    assert ModelConfig.from_dict(json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"layers": 0}, "model.not_positive"),
        ({"kv_heads": 3}, "model.kv_heads"),
        ({"positions": "absolute"}, "model.choice"),
        ({"head_width": 9}, "model.rope_width"),
        ({"windows": (1,)}, "model.windows"),
        ({"experts": 2, "experts_per_token": 3}, "model.experts"),
    ],
)
def test_impossible_shapes_are_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ModelError) as caught:
        dataclasses.replace(MODERN, **change)
    assert caught.value.key == key
    assert str(caught.value)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"tied": 1}, "model.type"),
        ({"width": 32.0}, "model.type"),
        ({"norm_epsilon": "1"}, "model.type"),
        ({"windows": [0, 1.5]}, "model.type"),
        ({"windows": 3}, "model.type"),
        ({"rope_scaling": []}, "model.type"),
        ({"rope_scaling": {"factor": True}}, "model.type"),
        ({"rope_scaling": {"stretch": 1.0}}, "model.options"),
        ({"latent_width": 3}, "model.options"),
    ],
)
def test_what_does_not_fit_in_a_file_is_refused(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ModelError) as caught:
        ModelConfig.from_dict(MODERN.as_dict() | change)
    assert caught.value.key == key
    assert str(caught.value)


def test_a_missing_option_is_named() -> None:
    values = MODERN.as_dict()
    del values["heads"]
    with pytest.raises(ModelError, match="heads"):
        ModelConfig.from_dict(values)


def test_presets_choose_what_is_left_open() -> None:
    assert modern(**SIZES).feed_forward == 96
    assert classic(**SIZES).feed_forward == 128
    assert (modern(**SIZES).positions, classic(**SIZES).positions) == ("rope", "learned")
    assert from_settings(ModelSettings(), 500).vocabulary_size == 500
    with pytest.raises(ModelError):
        modern(**SIZES | {"heads": 5})
