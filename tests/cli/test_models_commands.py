"""import, export, models and show: folders, GGUF files and a hub of ours on loopback."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from local_hub import TOKEN, LocalHub
from model_variants import relative_difference
from safetensors.torch import load_file, save_file

from textmill.config import TokenizerSettings
from textmill.hub import PART
from textmill.infer.resolve import load
from textmill.model.config import classic, modern
from textmill.model.gguf import read_gguf
from textmill.model.gpt import GPT
from textmill.model.hub import save_model
from textmill.project import Project
from textmill.tokenizer.train import train_tokenizer

Run = Callable[..., Any]
TEXTS = ["The cat sat on the mat. 猫坐在垫子上。", "Numbers: 12 345, and a second line.\n第二行。"] * 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in the Hugging Face layout, with a licence."""
    place = tmp_path_factory.mktemp("models") / "small"
    tokenizer = train_tokenizer(TEXTS, settings=TokenizerSettings(), vocabulary_size=400)
    model = GPT(modern(vocabulary_size=tokenizer.vocabulary_size, context=64, layers=2, width=64, heads=2, kv_heads=1))
    model.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.05)
    place.mkdir()
    tokenizer.write_files(place)
    save_model(model, place, tokenizer_folder=place)
    (place / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Small\n")
    (place / "modeling_small.py").write_text("raise SystemExit('never run')")
    return place


@pytest.fixture
def hub(folder: Path, tmp_path: Path) -> Iterator[LocalHub]:
    root = tmp_path / "hub"
    shutil.copytree(folder, root / "someone" / "small")
    hub = LocalHub(root)
    yield hub
    hub.close()


def environment(hub: LocalHub, folder: Path) -> dict[str, str]:
    """The variables of a process that asks this hub and keeps its cache in `folder`."""
    values = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "0"}
    return values | {"HF_TOKEN": "", "HF_HUB_DISABLE_XET": "1"}


def logits(name: str, project: Project) -> torch.Tensor:
    loaded = load(name, project)
    with torch.no_grad():
        return loaded.model(torch.tensor([loaded.tokenizer.encode("The cat sat. 猫坐在垫子上。")]))


def test_a_folder_comes_in_as_it_is(folder: Path, project: Project, run_textmill: Run) -> None:
    document = run_textmill("import", folder, "--name", "mine", "--json", cwd=project.root).ok().document
    place = project.models / "mine"
    assert (document["name"], document["folder"], document["family"]) == ("mine", str(place), "qwen3")
    for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
        assert (place / name).read_bytes() == (folder / name).read_bytes()
    assert not (place / "modeling_small.py").exists()
    assert run_textmill("generate", "The", "--model", "mine", "--max-tokens", 3, cwd=project.root).ok().out

    again = run_textmill("import", folder, "--name", "mine", "--json", cwd=project.root)
    assert (again.code, again.document["error"]["code"]) == (2, "hub.target_taken")
    run_textmill("import", folder, "--name", "mine", "--replace", cwd=project.root).ok()


def test_out_of_a_project_and_into_a_folder(folder: Path, tmp_path: Path, run_textmill: Run) -> None:
    run_textmill("import", folder, "--out", tmp_path / "copy", cwd=tmp_path).ok()
    shown = run_textmill("show", tmp_path / "copy", cwd=tmp_path).ok().out
    assert "apache-2.0" in shown
    assert "qwen3" in shown


def test_show_counts_what_is_there(folder: Path, project: Project, run_textmill: Run) -> None:
    run_textmill("import", folder, "--name", "mine", cwd=project.root).ok()
    document = run_textmill("show", "mine", "--json", cwd=project.root).ok().document
    real = sum(tensor.numel() for tensor in load_file(folder / "model.safetensors").values())
    assert document["parameters"] == real
    assert document["memory"]["fp32"] == 4 * real
    for name in ("q8_0", "q4_k_m", "q4_0"):
        words = ("export", "mine", "--to", "gguf", "--quantize", name, "--json")
        file = Path(run_textmill(*words, cwd=project.root).ok().document["out"])
        tensors = read_gguf(file).places.values()
        assert document["memory"][name] == sum(each.type.bytes_of(prod(each.shape)) for each in tensors)
    assert document["cache_bytes"] == {"64": 2 * 2 * 1 * 32 * 64 * 2}
    assert document["licence"] == "apache-2.0"
    assert document["config"]["kv_heads"] == 1
    listed = run_textmill("models", "--json", cwd=project.root).ok().document
    assert [(model["name"], model["kind"], model["error"]) for model in listed["models"]] == [
        ("mine", "imported", None)
    ]
    assert {"llama", "gemma3_text", "qwen3"} <= set(listed["families"])
    (project.models / "mine" / "config.json").write_text("{")
    listed = run_textmill("models", "--json", cwd=project.root).ok().document
    assert "config.json" in listed["models"][0]["error"]


@pytest.mark.parametrize("quantization", ["f32", "f16", "q8_0"])
def test_gguf_out_and_in(quantization: str, folder: Path, project: Project, run_textmill: Run) -> None:
    run_textmill("import", folder, "--name", "mine", cwd=project.root).ok()
    document = run_textmill(
        "export", "mine", "--to", "gguf", "--quantize", quantization, "--json", cwd=project.root
    ).ok().document  # fmt: skip
    file = Path(document["out"])
    assert file == project.exports / f"mine-{quantization}.gguf"
    run_textmill("import", file, "--name", "back", cwd=project.root).ok()
    bound = {"f32": 0.0, "f16": 1e-2, "q8_0": 5e-2}[quantization]
    assert relative_difference(logits("back", project), logits("mine", project)) <= bound
    assert torch.equal(logits(str(file), project), logits("back", project))
    assert run_textmill("show", file, "--json", cwd=project.root).ok().document["family"] == "qwen3"


def test_a_folder_out_for_transformers(folder: Path, project: Project, run_textmill: Run) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run_textmill("import", folder, "--name", "mine", cwd=project.root).ok()
    document = run_textmill("export", "mine", "--to", "hf", "--json", cwd=project.root).ok().document
    peer = AutoModelForCausalLM.from_pretrained(document["out"], dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(document["out"])("The cat sat. 猫坐在垫子上。", return_tensors="pt")[
        "input_ids"
    ]
    with torch.no_grad():
        assert relative_difference(peer(ids).logits, logits("mine", project)) < 1e-5
    half = run_textmill("export", "mine", "--to", "hf", "--quantize", "bf16", "--out", project.root / "half", "--json")
    assert half.code == 2  # outside of the project there is no model "mine"
    wrong = run_textmill("export", "mine", "--to", "hf", "--quantize", "q4_0", "--json", cwd=project.root)
    assert (wrong.code, wrong.document["error"]["code"]) == (2, "hub.folder_dtype")


def test_what_belongs_to_a_model_goes_out_with_it(
    folder: Path, tmp_path: Path, project: Project, run_textmill: Run
) -> None:
    place = tmp_path / "half"
    shutil.copytree(folder, place)
    tensors = {name: value.bfloat16() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(tensors, place / "model.safetensors", {"format": "pt"})
    (place / "generation_config.json").write_text('{"eos_token_id": [1, 7], "temperature": 0.31}')
    values = json.loads((place / "config.json").read_text()) | {"eos_token_id": [1, 7]}
    (place / "config.json").write_text(json.dumps(values))
    (place / "LICENSE").write_text("Do good.")
    run_textmill("import", place, "--name", "half", cwd=project.root).ok()
    document = run_textmill("export", "half", "--to", "hf", "--json", cwd=project.root).ok().document
    assert document["quantization"] == "bf16"
    out = Path(document["out"])
    for name, value in load_file(out / "model.safetensors").items():
        assert value.dtype == torch.bfloat16
        assert torch.equal(value, tensors[name])
    for name in ("generation_config.json", "LICENSE", "README.md", "tokenizer.json", "tokenizer_config.json"):
        assert (out / name).read_bytes() == (place / name).read_bytes()
    assert json.loads((out / "config.json").read_text())["eos_token_id"] == [1, 7]


def test_a_gguf_file_keeps_licence_and_name(folder: Path, project: Project, run_textmill: Run) -> None:
    file = project.root / "mine.gguf"
    run_textmill("export", folder, "--to", "gguf", "--quantize", "bf16", "--out", file, cwd=project.root).ok()
    document = run_textmill("export", file, "--to", "hf", "--json", cwd=project.root).ok().document
    assert Path(document["out"]) == project.exports / "mine"
    run_textmill("import", file, "--name", "back", "--dtype", "bf16", cwd=project.root).ok()
    assert run_textmill("show", "back", "--json", cwd=project.root).ok().document["licence"] == "apache-2.0"
    back = load_file(project.models / "back" / "model.safetensors")
    assert all(
        torch.equal(back[name], value.bfloat16()) for name, value in load_file(folder / "model.safetensors").items()
    )


def test_what_no_other_format_can_say_is_refused(folder: Path, project: Project, run_textmill: Run) -> None:
    tokenizer = load(str(folder), project).tokenizer
    config = classic(vocabulary_size=400, context=64, layers=1, width=32, heads=2, positions="none")
    model = GPT(config)
    model.initialise(torch.Generator().manual_seed(0))
    place = project.models / "odd"
    place.mkdir(parents=True)
    tokenizer.write_files(place)
    save_model(model, place)
    for to in ("hf", "gguf"):
        done = run_textmill("export", "odd", "--to", to, "--json", cwd=project.root)
        assert done.code == 2
        assert "positions = none" in json.dumps(done.document["error"], ensure_ascii=False)
    assert not list(project.exports.glob("*"))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda place: (place / "config.json").unlink(), "hub.no_config"),
        (lambda place: (place / "tokenizer.json").unlink(), "hub.no_tokenizer"),
        (lambda place: (place / "model.safetensors").rename(place / "pytorch_model.bin"), "hub.pickle"),
        (lambda place: (place / "model.safetensors").write_bytes(b"\xff" * 100), "hub.damaged"),
        (lambda place: save_file({"x": torch.zeros(3)}, place / "model.safetensors"), "hub.too_few"),
    ],
)
def test_a_folder_that_is_not_whole_leaves_nothing(
    spoil: Callable[[Path], Any], code: str, folder: Path, tmp_path: Path, project: Project, run_textmill: Run
) -> None:
    place = tmp_path / "spoiled"
    shutil.copytree(folder, place)
    spoil(place)
    done = run_textmill("import", place, "--json", cwd=project.root)
    assert (done.code, done.document["error"]["code"]) == (2, code)
    assert not list(project.models.glob("*"))


class TestHub:
    """Downloads, in processes of their own: huggingface_hub reads its environment once."""

    @pytest.fixture
    def download(self, hub: LocalHub, project: Project, tmp_path: Path, run_process: Run) -> Callable[..., Any]:
        def run(source: str, *words: Any, **changes: str) -> Any:
            values = environment(hub, tmp_path) | changes
            return run_process("import", source, *words, "--json", cwd=project.root, env=values)

        return run

    def test_a_model_comes_with_what_belongs_to_it(self, download, hub, folder, project) -> None:
        document = download("hf:someone/small").ok().document
        place = project.models / "small"
        assert document["folder"] == str(place)
        for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
            assert (place / name).read_bytes() == (folder / name).read_bytes()
        assert not (place / "modeling_small.py").exists()
        assert not any("modeling_small.py" in request for request in hub.asked if request.startswith("GET"))

        before = len(hub.asked)
        assert download("hf:someone/small", "--name", "two", HF_HUB_OFFLINE="1").ok()
        assert len(hub.asked) == before

    def test_a_broken_line_goes_on_where_it_stopped(self, download, hub, folder, project) -> None:
        place = hub.root / "someone" / "large"  # the library keeps what it has got in pieces of 10 MB
        shutil.copytree(folder, place)
        model = GPT(modern(vocabulary_size=400, context=64, layers=2, width=512, heads=8))
        model.initialise(torch.Generator().manual_seed(0))
        save_model(model, place, tokenizer_folder=place)
        hub.break_after = 12_000_000
        download("hf:someone/large").ok()
        arrived = project.models / "large" / "model.safetensors"
        assert arrived.read_bytes() == (place / "model.safetensors").read_bytes()
        assert any("bytes=" in request for request in hub.asked), hub.asked

    @pytest.fixture
    def half_arrived(self, hub, folder, project, tmp_path, start_process) -> Path:
        """What a download leaves that was killed in the midst of 25 MB of weights: a part of a file."""
        place = hub.root / "someone" / "large"
        shutil.copytree(folder, place)
        model = GPT(modern(vocabulary_size=400, context=64, layers=2, width=512, heads=8))
        model.initialise(torch.Generator().manual_seed(0))
        save_model(model, place, tokenizer_folder=place)
        hub.hold_after = 12_000_000  # of which the library writes the first 10 MiB
        process = start_process("import", "hf:someone/large", cwd=project.root, env=environment(hub, tmp_path))
        deadline = time.monotonic() + 60
        while not (parts := [each for each in tmp_path.rglob(f"*{PART}") if each.stat().st_size == 10 << 20]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, hub.asked
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert not list(project.models.glob("*"))
        return parts[0]

    def test_a_killed_download_goes_on_where_it_stopped(self, download, hub, project, half_arrived) -> None:
        arrived, before = half_arrived.stat().st_size, len(hub.asked)
        assert arrived == 10 << 20
        download("hf:someone/large").ok()
        weights = project.models / "large" / "model.safetensors"
        assert weights.read_bytes() == (hub.root / "someone" / "large" / "model.safetensors").read_bytes()
        asked = [each for each in hub.asked[before:] if each.startswith("GET") and "model.safetensors" in each]
        assert len(asked) == 1
        assert asked[0].endswith(f"bytes={arrived}-")
        assert not half_arrived.exists()

    def test_what_arrived_of_it_must_be_right(self, download, hub, project, half_arrived) -> None:
        content = bytearray(half_arrived.read_bytes())
        content[5_000_000] ^= 1
        half_arrived.write_bytes(content)
        done = download("hf:someone/large")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.sum")
        assert not list(project.models.glob("*"))
        download("hf:someone/large").ok()
        weights = project.models / "large" / "model.safetensors"
        assert weights.read_bytes() == (hub.root / "someone" / "large" / "model.safetensors").read_bytes()

    @pytest.mark.parametrize(
        ("source", "code"),
        [("hf:someone/else", "hub.not_there"), ("hf:someone", "hub.reference"), ("hf:a/b/c", "hub.reference")],
    )
    def test_what_is_not_there(self, download, source, code) -> None:
        done = download(source)
        assert (done.code, done.document["error"]["code"]) == (2, code)
        assert "Traceback" not in done.err

    def test_gated_models_need_a_token(self, download, hub, project) -> None:
        hub.gated.add("someone/small")
        done = download("hf:someone/small")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.gated")
        download("hf:someone/small", HF_TOKEN=TOKEN).ok()
        assert (project.models / "small" / "model.safetensors").is_file()

    def test_a_file_that_is_not_what_the_hub_names_is_not_kept(self, download, hub, project) -> None:
        hub.lying.add("someone/small")
        done = download("hf:someone/small")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.sum")
        assert not list(project.models.glob("*"))

    def test_a_hub_of_gguf_files(self, download, hub, folder, project, run_textmill) -> None:
        place = hub.root / "someone" / "small-GGUF"
        place.mkdir()
        run_textmill("export", folder, "--to", "gguf", "--quantize", "q8_0", "--out", place / "small-q8_0.gguf").ok()
        done = download("hf:someone/small-GGUF")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.only_gguf")
        assert "textmill import hf:someone/small-GGUF/small-q8_0.gguf" in done.document["error"]["next"]
        done = download("hf:someone/small-GGUF/other.gguf")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.no_file")
        document = download("hf:someone/small-GGUF/small-q8_0.gguf").ok().document
        assert document["folder"] == str(project.models / "small-q8_0")

    def test_a_hub_of_pickles(self, download, hub) -> None:
        place = hub.root / "someone" / "small"
        (place / "model.safetensors").rename(place / "pytorch_model.bin")
        done = download("hf:someone/small")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.pickle")
        assert "save_pretrained('someone/small-safe')" in done.document["error"]["next"]
        assert not any("pytorch_model.bin" in request for request in hub.asked)

    def test_nobody_there(self, download, hub) -> None:
        done = download("hf:someone/small", HF_ENDPOINT="http://127.0.0.1:9")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.unreachable")
        done = download("hf:someone/small", HF_HUB_OFFLINE="1")
        assert (done.code, done.document["error"]["code"]) == (2, "hub.offline")
