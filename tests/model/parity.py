"""One model's way through Textmill, measured: into a project, computed with, out again, into transformers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from family_tokenizers import tokenizer_of
from model_variants import relative_difference
from peer_models import INTERNLM, make, save_internlm, step
from safetensors.torch import load_file
from tokenizer_samples import MULTILINGUAL

from textmill.model.cache import Cache
from textmill.model.gpt import GPT
from textmill.model.hub import load_model
from textmill.project import Project
from textmill.tokenizer.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """Largest differences from transformers' logits over their largest magnitude, in float32, and what came back."""

    family: str
    plain: float
    """Three texts of 60 tokens."""
    padded: float
    """The same, two of them padded on the left."""
    long: float
    """150 tokens, past every window (9), the trained context (64) and what a scaling starts from (16, 32)."""
    cached: float
    """14 tokens at once, then 76 one by one, past all of these."""
    tensors: int
    """How many tensors came back with their names and bytes; all of them, or it is an error."""
    texts: int
    """How many texts have the same ids here, in transformers before and in transformers after."""

    def line(self) -> str:
        """Returns the row of a table."""
        figures = "".join(f"{value:>10.1e}" for value in (self.plain, self.padded, self.long, self.cached))
        return f"{self.family:18}{figures}{self.tensors:>9}{self.texts:>7}"

    @classmethod
    def heading(cls) -> str:
        """Returns the head of a table."""
        columns = "".join(f"{name:>10}" for name in ("plain", "padded", "long", "cached"))
        return f"{'family':18}{columns}{'tensors':>9}{'texts':>7}"


def measure(name: str, place: Path, project: Project, run: Callable[..., Any]) -> Parity:
    """Returns what became of a model of `peer_models` on its way; `place` is an empty folder."""
    theirs = tokenizer_of(name)
    if name in INTERNLM:
        peer = save_internlm(name, place)
    else:
        peer = make(name)
        peer.save_pretrained(place)
    theirs.save_pretrained(place)
    run("import", place, "--name", "it", "--replace", cwd=project.root).ok()
    out = project.exports / "it"
    run("export", "it", "--to", "hf", "--replace", cwd=project.root).ok()
    model = load_model(project.models / "it")
    if name not in INTERNLM:
        loads_in_transformers(out, peer)
    differences = compared(model, peer, takes_positions=name != "bloom")
    texts = same_texts(theirs, hf.AutoTokenizer.from_pretrained(out), Tokenizer.load(project.models / "it"))
    return Parity(
        family=name, **differences, cached=stepwise(model, peer), tensors=same_tensors(place, out), texts=texts
    )


def loads_in_transformers(folder: Path, peer: Any) -> None:
    """Makes sure that transformers makes the same model of a folder."""
    again = hf.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    assert type(again) is type(peer)
    ids = torch.randint(3, 97, (2, 80), generator=torch.Generator().manual_seed(4))
    assert relative_difference(again(ids).logits, peer(ids).logits) < 1e-5


def compared(model: GPT, peer: Any, *, takes_positions: bool = True) -> dict[str, float]:
    """Returns the relative differences of the logits."""
    ids = torch.randint(3, 97, (3, 60), generator=torch.Generator().manual_seed(1))
    real = torch.ones(3, 60, dtype=torch.bool)
    real[1, :11], real[2, :55] = False, False
    positions = (real.long().cumsum(dim=1) - 1).clamp_min(0)
    given = {"position_ids": positions} if takes_positions else {}
    theirs = peer(ids, attention_mask=real.long(), **given).logits
    long = torch.randint(3, 97, (2, 150), generator=torch.Generator().manual_seed(2))
    return {
        "plain": relative_difference(model(ids), peer(ids).logits),
        "padded": relative_difference(model(ids, padding_BS=real)[real], theirs[real]),
        "long": relative_difference(model(long), peer(long).logits),
    }


def stepwise(model: GPT, peer: Any) -> float:
    """Returns the largest relative difference of any step with the cache."""
    ids, past, largest = torch.randint(3, 97, (1, 90), generator=torch.Generator().manual_seed(3)), None, 0.0
    cache = Cache(model.config, batch=1, capacity=90, dtype=torch.float32)
    for part in ids.split([14, *[1] * 76], dim=1):
        theirs, past = step(peer, part, past)
        largest = max(largest, relative_difference(model(part, cache=cache), theirs))
    return largest


def same_tensors(before: Path, after: Path) -> int:
    """Returns how many tensors two folders hold, after making sure that they are the same by name, type and bytes."""
    first, second = (load_file(folder / "model.safetensors") for folder in (before, after))
    assert set(first) == set(second)
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype, name
        raw = [each[name].contiguous().view(torch.uint8).numpy().tobytes() for each in (first, second)]
        assert raw[0] == raw[1], name
    return len(first)


def same_texts(before: Any, after: Any, ours: Tokenizer) -> int:
    """Returns how many texts have the same ids in transformers before and after, and here, with and without start."""
    for text in MULTILINGUAL:
        assert after(text)["input_ids"] == before(text)["input_ids"]
        plain = before(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert after(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] == plain
        assert ours.encode(text) == plain
        assert [*ours.start_ids, *ours.encode(text, allow_special=True)] == before(text)["input_ids"]
    chat = [{"role": "user", "content": " 你好 <a> "}, {"role": "assistant", "content": "Good."}]
    assert after.apply_chat_template(chat, tokenize=False) == before.apply_chat_template(chat, tokenize=False)
    return len(MULTILINGUAL)
