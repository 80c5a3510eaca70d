import json
from pathlib import Path

import pytest
from tokenizer_samples import MULTILINGUAL

from textmill.tokenizer.tokenizer import Tokenizer


@pytest.fixture(scope="module", params=["tokenizer", "checkpoint"])
def theirs(request: pytest.FixtureRequest, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory):
    transformers = pytest.importorskip("transformers")
    folder: Path = tmp_path_factory.mktemp("saved")
    tokenizer.write_files(folder)
    if request.param == "checkpoint":
        (folder / "config.json").write_text(json.dumps({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}))
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_same_ids(tokenizer: Tokenizer, theirs) -> None:
    for text in MULTILINGUAL:
        assert theirs(text)["input_ids"] == tokenizer.encode(text, allow_special=True)
        assert theirs(text, split_special_tokens=True)["input_ids"] == tokenizer.encode(text)


def test_same_text(tokenizer: Tokenizer, theirs) -> None:
    for text in MULTILINGUAL:
        ids = tokenizer.encode(text, allow_special=True)
        for skip in (True, False):
            assert theirs.decode(ids, skip_special_tokens=skip) == tokenizer.decode(ids, skip_special=skip)
    half = tokenizer.encode_bytes("龘好".encode()[:5])
    assert theirs.decode(half) == tokenizer.decode(half)


def test_same_size_and_names(tokenizer: Tokenizer, theirs) -> None:
    assert len(theirs) == tokenizer.vocabulary_size
    assert theirs.eos_token_id == theirs.pad_token_id == tokenizer.end_of_text_id
    assert theirs.bos_token is None
    assert set(theirs.all_special_ids) <= set(tokenizer.special.values())
    assert theirs.chat_template == tokenizer.chat_template
