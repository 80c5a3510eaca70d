"""How fast a model is there, and what it takes in memory, beside transformers.

    python benchmarks/load.py [folder|gguf] [--repeats 3] [--json]

A model of SmolLM2's shape (135M weights, random) is written once. Each measurement is a process of its own that has
imported its library before the clock starts; the files lie in the page cache for both.

folder   from a folder in fp32 to the first logits of eight tokens: wall seconds, processor seconds, and the peak of
         memory above what the imports take, as a multiple of the weights' bytes (goal: 1 s, 1.15 times)
gguf     a file of about 100 MB (Q4_0) into a model folder, and for the peer into a model in memory (goal: 5 s)
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import common

CASES = ("folder", "gguf")
SHAPE = {"vocabulary_size": 49152, "context": 8192, "layers": 30, "width": 576, "heads": 9, "kv_heads": 3}
IDS = [1, 2, 3, 4, 5, 6, 7, 8]
TEXT = "The town lay by the river, and in the morning the baker opened her shop. 清晨，面包师打开了店门。"  # text data
MEASURED = """
import json, sys, time
{imports}
import torch
def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(name))
try:
    with open("/proc/self/clear_refs", "w") as file: file.write("5")  # the peak counts from here
except OSError: pass
before, wall, processor = memory("VmRSS"), time.perf_counter(), time.process_time()
with torch.no_grad():
    {work}
figures = {{"seconds": time.perf_counter() - wall, "processor": time.process_time() - processor}}
print(json.dumps(figures | {{"peak": memory("VmHWM") - before}}))
"""
FORWARD = "float(model(torch.tensor([{ids}])){logits}.sum())"
OURS = {
    "folder": (
        "from pathlib import Path\nfrom textmill.model.hub import load_model",
        "model = load_model(Path(sys.argv[1])); " + FORWARD.format(ids=IDS, logits=""),
    ),
    "gguf": (
        "from pathlib import Path\nfrom textmill.model.gguf import load_gguf\n"
        "from textmill.model.hub.importing import import_model",
        "import_model(sys.argv[1], Path(sys.argv[2]))",
    ),
}
THEIRS = {
    "folder": (
        "from transformers import AutoModelForCausalLM\nimport transformers.models.llama.modeling_llama",
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32); "
        + FORWARD.format(ids=IDS, logits=".logits"),
    ),
    "gguf": (
        "from pathlib import Path\nfrom transformers import AutoModelForCausalLM\n"
        "import gguf, transformers.models.llama.modeling_llama",
        "path = Path(sys.argv[1]); AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)",
    ),
}


def written(folder: Path) -> dict[str, Path]:
    """Writes the model as a folder and as GGUF; returns where they lie."""
    import torch

    from textmill.config import TokenizerSettings
    from textmill.model.config import ModelConfig
    from textmill.model.gguf import write_gguf
    from textmill.model.gpt import GPT
    from textmill.model.hub import save_model
    from textmill.tokenizer.train import train_tokenizer

    more = {"head_width": 64, "feed_forward": 1536, "preset": "llama", "norm_epsilon": 1e-5, "tied": True}
    model = GPT(ModelConfig(**SHAPE, **more)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.02)
    save_model(model, folder / "folder", layout="hub")
    tokenizer = train_tokenizer([TEXT * 50], settings=TokenizerSettings(), vocabulary_size=400)
    write_gguf(model, tokenizer, folder / "model.gguf", "q4_0")
    return {"folder": folder / "folder", "gguf": folder / "model.gguf"}


def measured(code: tuple[str, str], place: Path, folder: Path, number: int) -> dict[str, float]:
    """Returns the figures of one process."""
    program = MEASURED.format(imports=code[0], work=code[1])
    words = [sys.executable, "-W", "ignore", "-c", program, str(place), str(folder / f"out-{number}")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(case: str, places: dict[str, Path], folder: Path, repeats: int) -> list[common.Row]:
    """Returns the rows of a case, the peer's figures beside ours."""
    place = places[case]
    size = sum(path.stat().st_size for path in place.glob("*.safetensors")) if case == "folder" else None
    runs: dict[str, list[dict[str, float]]] = {"textmill": [], "transformers": []}
    for number in range(repeats):  # in turn, so that a busy minute hits both
        for name, code in (("textmill", OURS[case]), ("transformers", THEIRS[case])):
            try:
                runs[name].append(measured(code, place, folder, number))
            except subprocess.CalledProcessError as error:
                if name == "textmill":
                    raise
                print(f"{case}: transformers: {error.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    rows: list[common.Row] = []
    metrics = {"seconds": 1.0, "processor": 1.0} | ({"peak": float(size)} if size else {})
    for metric, unit in metrics.items():
        figures: dict[str, Any] = {}
        for name, found in runs.items():
            if not found:  # a peer that cannot do it has no figure
                continue
            value, low, high = common.median([run[metric] / unit for run in found])
            label = {"peak": "peak_memory_over_weights", "processor": "processor_seconds"}.get(metric, metric)
            spent = sum(run["seconds"] for run in found)
            figures[name] = common.row(f"{case}_{name}", label, value, low, high, len(found), spent)
        if "transformers" in figures:
            rows.append(common.beside(figures["textmill"], figures["transformers"], "transformers"))
        rows += [figures.get("transformers", figures["textmill"])]
    return rows


def main() -> None:
    """Runs the cases that the words ask for."""
    parser = common.parser(__doc__ or "", CASES)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        places = written(Path(name))
        cases = [arguments.case] if arguments.case else CASES
        rows = [row for case in cases for row in measure(case, places, Path(name), arguments.repeats)]
    common.report(rows, arguments.json)


if __name__ == "__main__":
    main()
