"""The contenders of inference.py, each a process of its own: reads a case a line, answers with its seconds as JSON.

    python inference_contenders.py textmill|llama.cpp|transformers PLACE WEIGHTS THREADS

All do the same: `PROMPT` given tokens, then the likeliest next token again and again. This file needs nothing of the
benchmark's interpreter, so that llama-cpp-python may live in another.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

PROMPT, STEPS, MANY, LONG = 64, 48, 16, 512
FIRST_ID = 100  # of the given tokens, which are ordinary ones in every tokenizer

Step = Callable[[list[list[int]]], list[int]]


def prompt(length: int, number: int = 0) -> list[int]:
    """Returns the given tokens of a text."""
    return [FIRST_ID + (7 * index + 13 * number) % 997 for index in range(length)]


class Contender:
    """A model that reads texts side by side."""

    def begin(self) -> None:
        """Forgets all texts."""
        raise NotImplementedError

    def read(self, texts: list[list[int]]) -> list[int]:
        """Reads each text's new tokens; returns the likeliest next ones."""
        raise NotImplementedError


class Textmill(Contender):
    """The compiled runner, driven as the engine drives it."""

    def __init__(self, place: str, weights: str, threads: int) -> None:
        from pathlib import Path

        import torch

        from textmill.infer.engine.runner import Part
        from textmill.infer.native.runner import build_native_runner
        from textmill.model.hub import load_model

        torch.set_grad_enabled(False)
        self.part: Any = Part
        self.runner = build_native_runner(load_model(Path(place)), weights=weights, page_count=512, threads=threads)
        self.facts = {"path": self.runner.path, "weight_bytes": self.runner.weight_bytes}

    def begin(self) -> None:
        """Forgets all texts."""
        self.past = [0] * MANY

    def read(self, texts: list[list[int]]) -> list[int]:
        """Returns the likeliest next tokens."""
        pages = 512 // MANY
        parts = [
            self.part(ids=ids, past=past, pages=range(pages * at, pages * (at + 1)), wanted=[len(ids) - 1])
            for at, (ids, past) in enumerate(zip(texts, self.past, strict=False))
        ]
        rows = self.runner.forward(parts)
        self.past = [past + len(ids) for past, ids in zip(self.past, texts, strict=False)]
        return rows.argmax(dim=1).tolist()


class LlamaCpp(Contender):
    """llama.cpp through llama-cpp-python's bindings of its C functions."""

    def __init__(self, place: str, weights: str, threads: int) -> None:
        import llama_cpp  # pyright: ignore[reportMissingImports]
        import numpy as np

        @llama_cpp.llama_log_callback
        def silent(*_: object) -> None:
            """Its log goes to stderr otherwise."""

        self.lib, self.np, self.silent = llama_cpp, np, silent
        llama_cpp.llama_log_set(silent, None)
        llama_cpp.llama_backend_init()
        model: Any = llama_cpp.llama_model_load_from_file(place.encode(), llama_cpp.llama_model_default_params())
        if not model:
            raise RuntimeError(f"llama.cpp cannot load {place}")
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_seq_max, options.n_batch, options.n_ubatch = 1024 * MANY, MANY, LONG, LONG
        options.n_threads = options.n_threads_batch = threads
        self.context: Any = llama_cpp.llama_init_from_model(model, options)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        self.batch: Any = llama_cpp.llama_batch_init(LONG, 0, 1)
        self.facts = {"path": f"llama-cpp-python {llama_cpp.__version__}"}

    def begin(self) -> None:
        """Forgets all texts."""
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)
        self.past = [0] * MANY

    def read(self, texts: list[list[int]]) -> list[int]:
        """Returns the likeliest next tokens."""
        if sum(map(len, texts)) > LONG:  # its batches are bounded
            half = len(texts) // 2
            return self._read(texts[:half], 0) + self._read(texts[half:], half)
        return self._read(texts, 0)

    def _read(self, texts: list[list[int]], first: int) -> list[int]:
        batch, count, last = self.batch, 0, []
        for number, ids in enumerate(texts, first):
            for offset, token in enumerate(ids):
                batch.token[count], batch.pos[count] = token, self.past[number] + offset
                batch.n_seq_id[count], batch.seq_id[count][0] = 1, number
                batch.logits[count] = offset == len(ids) - 1
                count += 1
            last.append(count - 1)
            self.past[number] += len(ids)
        batch.n_tokens = count
        if self.lib.llama_decode(self.context, batch):
            raise RuntimeError("llama_decode failed")
        rows = (self.lib.llama_get_logits_ith(self.context, index) for index in last)
        return [int(self.np.ctypeslib.as_array(row, (self.vocabulary,)).argmax()) for row in rows]


class Transformers(Contender):
    """transformers in bf16 with its growing cache."""

    def __init__(self, place: str, weights: str, threads: int) -> None:
        import torch
        import transformers

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.torch = torch
        self.model = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.bfloat16).eval()
        self.facts = {"path": f"transformers {transformers.__version__}, bf16"}

    def begin(self) -> None:
        """Forgets all texts."""
        self.cache: Any = None

    def read(self, texts: list[list[int]]) -> list[int]:
        """Returns the likeliest next tokens."""
        out = self.model(self.torch.tensor(texts), past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.cache = out.past_key_values
        return out.logits[:, -1].argmax(dim=1).tolist()


def decode(contender: Contender, texts: int) -> list[float]:
    """Returns the seconds of each step after the prompts."""
    contender.begin()
    tokens = contender.read([prompt(PROMPT, number) for number in range(texts)])
    seconds = []
    for _ in range(STEPS):
        began = time.perf_counter()
        tokens = contender.read([[token] for token in tokens])
        seconds.append(time.perf_counter() - began)
    return seconds


def read_long(contender: Contender) -> list[float]:
    """Returns the seconds to the first token after a prompt of `LONG`."""
    contender.begin()
    began = time.perf_counter()
    contender.read([prompt(LONG)])
    return [time.perf_counter() - began]


WORK: dict[str, Callable[[Contender], list[float]]] = {
    "decode1": lambda contender: decode(contender, 1),
    "decode16": lambda contender: decode(contender, MANY),
    "prefill512": read_long,
    "first_token": read_long,
}
KINDS: dict[str, Callable[[str, str, int], Contender]] = {
    "textmill": Textmill,
    "llama.cpp": LlamaCpp,
    "transformers": Transformers,
}


def main() -> None:
    """Says that it is ready, then answers each line."""
    kind, place, weights, threads = sys.argv[1:]
    contender: Any = KINDS[kind](place, weights, int(threads))
    contender.begin()
    contender.read([prompt(4)])
    print(json.dumps(contender.facts), flush=True)
    for line in sys.stdin:
        print(json.dumps(WORK[line.strip()](contender)), flush=True)


if __name__ == "__main__":
    main()
