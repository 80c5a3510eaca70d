"""llama.cpp itself as the judge: its logits and its greedy text from our files, and from published ones.

pip install llama-cpp-python       (it compiles for a while); real models: see test_real_files.py
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from model_variants import random_ids, relative_difference
from peer_models import MODELS, make
from sentencepiece_samples import sentencepiece_of
from small_run import SMALL, make_project
from test_families_in_gguf import REFUSED
from test_real_files import PACKAGES, parts_of, published_vocabularies, texts_with_ids
from tokenizer_samples import MULTILINGUAL, TEXTS

from textmill.config import TokenizerSettings
from textmill.errors import TokenizerError
from textmill.infer.resolve import load
from textmill.model.cache import Cache
from textmill.model.config import modern
from textmill.model.gguf import load_gguf, read_gguf, write_gguf
from textmill.model.gguf.layout import TYPES
from textmill.model.gguf.tokenizer_in import read_tokenizer
from textmill.model.gguf.tokenizer_out import tokenizer_metadata
from textmill.model.gguf.writer import Outgoing, write_file
from textmill.model.gpt import GPT
from textmill.model.hub import load_model
from textmill.project import Project
from textmill.tokenizer.train import train_tokenizer

llama_cpp = pytest.importorskip("llama_cpp", reason="pip install llama-cpp-python")
pytestmark = pytest.mark.slow
NEW_TOKENS = 64
TIE = 0.02
"""The greedy token may differ where the two best logits are nearer than this: sums are taken in another order."""
PROMPTS = (
    "The capital of France is", "Once upon a time there was", "The three laws of", "def fibonacci(n):",
    "In the year 1969", "My favourite food is", "The best way to learn", "She opened the door and", "E = mc",
    "北京是", "从前有一座山", "The opposite of hot is", "1, 2, 3, 4,", "Dear Sir or Madam,", "The sun rises in",
    "Shakespeare wrote", "To make bread you need", "The largest planet", "A poem about rain:", "Water boils at",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def opened(path: Path, context: int) -> Any:
    """Returns llama.cpp's model with a cache in float32."""
    options = {"n_ctx": context, "n_batch": context, "n_threads": torch.get_num_threads(), "verbose": False}
    return llama_cpp.Llama(str(path), logits_all=True, type_k=0, type_v=0, **options)


def theirs_of(llama: Any, ids: list[int]) -> torch.Tensor:
    """Returns llama.cpp's logits of every position of a text."""
    llama.reset()
    llama.eval(ids)
    return torch.tensor(llama.scores[: len(ids)].copy())


@pytest.mark.parametrize("name", [name for name in MODELS if name not in REFUSED])
def test_logits_of_every_family(name: str, tmp_path: Path) -> None:
    make(name).save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "theirs")
    if model.config.preset == "phi3":  # llama.cpp passes over its window
        model = windowless(model)
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=290)
    write_gguf(model, tokenizer, tmp_path / "model.gguf", "f32")
    ids = random_ids(model.config, 1, 40)
    theirs = theirs_of(opened(tmp_path / "model.gguf", 64), ids[0].tolist())
    # llama.cpp looks GELU up in a table of float16, and has its tanh form for the exact one too
    tolerance = 1e-5 if model.config.feed_forward_kind == "swiglu" else 1.5e-3
    assert relative_difference(model(ids)[0], theirs) < tolerance


@pytest.mark.parametrize("kind", ["bpe as Llama 2", "bpe as Gemma"])
def test_sentencepiece_cuts_as_llama_cpp(kind: str, tmp_path: Path) -> None:
    tokenizer = sentencepiece_of(kind, tmp_path)[1]
    model = GPT(modern(vocabulary_size=tokenizer.vocabulary_size, context=64, layers=1, width=32, heads=1)).eval()
    model.initialise(torch.Generator().manual_seed(0))
    write_gguf(model, tokenizer, tmp_path / "model.gguf", "f32")
    llama = opened(tmp_path / "model.gguf", 64)
    for text in (*MULTILINGUAL, "a  b   c\n\nd", "aaaaaaaaaaaaa", "12345.678", "The baker opened her shop."):
        if text:  # of no text llama.cpp makes a space
            assert llama.tokenize(text.encode(), add_bos=False, special=False) == tokenizer.encode(text), text


def test_published_vocabularies_go_out_as_llama_cpp_cuts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TEXTMILL_LLAMA_CPP: see test_real_files.py; here each is read, written anew and given to llama.cpp."""
    files = published_vocabularies()
    if not files:
        pytest.skip("a checkout of llama.cpp, and TEXTMILL_LLAMA_CPP")
    counts = {}
    for path in files:
        file = read_gguf(path)
        try:
            tokenizer = read_tokenizer(file)
        except TokenizerError:
            continue
        metadata = {key: value for key, value in file.metadata.items() if not key.startswith("tokenizer.")}
        metadata |= tokenizer_metadata(tokenizer, len(file.metadata["tokenizer.ggml.tokens"]))
        write_file(tmp_path / path.name, metadata, [])
        llama = llama_cpp.Llama(str(tmp_path / path.name), vocab_only=True, verbose=False)
        texts, expected = texts_with_ids(path)
        got = [llama.tokenize(text.encode(), add_bos=False, special=False) for text in texts]
        assert got == expected, path.stem
        counts[path.stem.removeprefix("ggml-vocab-")] = len(texts)
    with capsys.disabled():
        print(f"\nvocabularies written and cut by llama.cpp: {counts}")
    assert {"llama-spm", "phi-3", "llama-bpe", "qwen2"} <= set(counts)


def windowless(model: GPT) -> GPT:
    """Returns the same weights without windows."""
    plain = GPT(dataclasses.replace(model.config, windows=())).eval()
    plain.load_state_dict(model.state_dict())
    return plain


def greedy(model: GPT, ids: list[int], count: int) -> tuple[list[int], list[float]]:
    """Returns the most likely continuation, and at each step by how much the best logit leads."""
    cache = Cache(model.config, batch=1, capacity=len(ids) + count, dtype=torch.float32)
    logits, new, leads = model(torch.tensor([ids]), cache=cache)[0, -1], [], []
    for _ in range(count):
        best = logits.topk(2)
        new.append(int(best.indices[0]))
        leads.append(float(best.values[0] - best.values[1]))
        logits = model(torch.tensor([[new[-1]]]), cache=cache)[0, -1]
    return new, leads


def compare(model: GPT, llama: Any, prompts: list[list[int]], count: int) -> dict[str, Any]:
    """Returns how many continuations are llama.cpp's, token by token, and each place where one parts."""
    parted = []
    for number, ids in enumerate(prompts):
        ours, leads = greedy(model, ids, count)
        chosen = theirs_of(llama, ids + ours)[len(ids) - 1 : -1]
        for step, (token, lead) in enumerate(zip(ours, leads, strict=True)):
            other = int(chosen[step].argmax())
            if other != token:
                gap = float(chosen[step][other] - chosen[step][token])
                parted.append({"prompt": number, "step": step, "our_lead": lead, "their_lead": gap})
    return {"prompts": len(prompts), "tokens": count, "parted": parted}


@pytest.mark.parametrize("name", PACKAGES)
def test_greedy_continuations_of_real_models(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "packed.gguf"
    packed.write_bytes(b"".join(part for package in PACKAGES[name] for part in parts_of(package)))
    file = read_gguf(packed)
    tensors = [
        Outgoing(name=each, type=TYPES["F32"], shape=place.shape, make=lambda each=each: file[each].float().numpy())
        for each, place in file.places.items()
    ]
    write_file(tmp_path / "plain.gguf", file.metadata, tensors)  # quantised, llama.cpp would round activations too
    model, tokenizer = load_gguf(packed)
    begin = [tokenizer.special[tokenizer.special_variables["bos_token"]]] if tokenizer.config["add_bos_token"] else []
    prompts = [begin + tokenizer.encode(text) for text in PROMPTS]
    llama = opened(tmp_path / "plain.gguf", 128)
    assert [llama.tokenize(text.encode(), add_bos=bool(begin), special=False) for text in PROMPTS] == prompts
    result = compare(model, llama, prompts, NEW_TOKENS)
    with capsys.disabled():
        print(f"\n{name}: {json.dumps(result)}")
    assert all(place["our_lead"] < TIE and place["their_lead"] < TIE for place in result["parted"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a small model that has learned something: the quickstart's own kind."""
    from textmill.cli.main import main

    project = make_project(tmp_path_factory.mktemp("trained"))
    settings = [*SMALL, "--train.steps=300", "--checkpoint.every=300", "--evaluate.every=300"]
    assert main(["train", *settings, "--project", str(project.root)]) == 0
    return project


def test_a_trained_model_leaves_for_both(trained: Project, run_textmill: Callable, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    run_textmill("export", "--to", "hf", "--out", tmp_path / "hf", cwd=trained.root).ok()
    run_textmill("export", "--to", "gguf", "--quantize", "f32", "--out", tmp_path / "m.gguf", cwd=trained.root).ok()
    loaded = load(None, trained)
    peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf", attn_implementation="eager").eval()
    ids = [loaded.tokenizer.end_of_text_id, *loaded.tokenizer.encode("Mina sees the cat. 米娜")]
    logits = loaded.model(torch.tensor([ids]))
    assert relative_difference(logits, peer(torch.tensor([ids])).logits) < 1e-5
    llama = opened(tmp_path / "m.gguf", 32)
    assert llama.tokenize(b"Mina sees the cat. \xe7\xb1\xb3\xe5\xa8\x9c", add_bos=True) == ids
    assert relative_difference(logits[0], theirs_of(llama, ids)) < 1e-5
    written = compare(loaded.model, llama, [ids[:4], ids[:6]], 20)
    assert written["parted"] == []
