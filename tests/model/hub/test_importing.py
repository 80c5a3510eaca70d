"""What import makes of a folder whose tokenizer is in an older form."""

import base64
import json
from pathlib import Path

from model_variants import build
from tokenizer_samples import TEXTS

from textmill.config import TokenizerSettings
from textmill.model.config import modern
from textmill.model.hub import load_model, save_model
from textmill.model.hub.facts import model_facts
from textmill.model.hub.importing import import_model
from textmill.tokenizer.tokenizer import Tokenizer
from textmill.tokenizer.train import train_tokenizer


def test_a_rank_file_becomes_a_tokenizer_json_at_import(tmp_path: Path) -> None:
    ours = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=300)
    plain = [id for id in range(ours.vocabulary_size) if not ours.is_special(id)]
    lines = [base64.b64encode(ours.token_bytes(id)) + b" %d" % id for id in plain]
    source, end = tmp_path / "source", len(plain)
    save_model(build(modern(vocabulary_size=end + 1, context=16, layers=1, width=32, heads=2)), source, layout="hub")
    (source / "tokenizer.model").write_bytes(b"\n".join(lines))
    told = {"eos_token": "<end>", "added_tokens_decoder": {str(end): {"content": "<end>", "special": True}}}
    template = "{% for message in messages %}{{ message.content }}{{ eos_token }}{% endfor %}"
    (source / "tokenizer_config.json").write_text(json.dumps(told | {"chat_template": template}))
    target = import_model(str(source), tmp_path / "target")
    assert sorted(path.name for path in target.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    ]
    back = Tokenizer.load(target)
    assert back.end_of_text_id == end
    assert back.encode("小镇 the baker") == Tokenizer.load(source).encode("小镇 the baker")
    assert load_model(target).config.vocabulary_size == back.vocabulary_size
    assert model_facts(target).chat_template == template
