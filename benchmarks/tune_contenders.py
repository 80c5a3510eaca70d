"""The contenders of tune.py, each a process of its own: the same examples a step, the same loss; prints JSON.

    PYTHON tune_contenders.py textmill|trl MODEL EXAMPLES METHOD STEPS A_STEP THREADS RATE

EXAMPLES: {"ids": [[…]], "learned": [[…]]} as JSON. The answer: {"losses", "seconds", "cpu_seconds", "tokens",
"peak_bytes"}, of each step but for peak_bytes.

AdamW without decay, a constant rate, gradients clipped at 1, bf16 matrix products over float32 weights (adapters over
frozen ones), no dropout, rank 16 beside all linear maps. This file needs nothing of the benchmark's interpreter: TRL
may live in another.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

IGNORED, RANK, ALPHA = -100, 16, 32


def peak_bytes() -> int:
    """Returns the most memory that this process has held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024


def textmill(
    model: str, examples: dict[str, Any], method: str, steps: int, a_step: int, threads: int, rate: float
) -> dict[str, Any]:
    """Tunes as `textmill tune sft` does: packed rows, compiled kernels, one fused loss over what is learned."""
    import numpy as np
    import torch

    from textmill.config import Settings
    from textmill.model.hub import load_model
    from textmill.train.objective import NextToken
    from textmill.train.optimizers import Optimizers
    from textmill.train.step import train_step
    from textmill.tune.encoded import Encoded, encoded_set
    from textmill.tune.lora import adapt
    from textmill.tune.packing import PackedStream

    torch.set_num_threads(threads)
    changes = {"tune.method": method, "tune.rank": RANK, "tune.alpha": float(ALPHA), "train.optimizer": "adamw"}
    changes |= {"train.learning_rate": rate, "train.weight_decay": 0.0, "train.beta2": 0.999}
    settings = Settings().replace(changes)
    tuned = load_model(Path(model)).train().requires_grad_(True)
    if method != "full":
        adapt(tuned, settings.tune, dtype=torch.bfloat16, seed=0)
    tuned.native = True
    optimizers, objective = Optimizers(tuned, settings.train, muon_dtype=torch.bfloat16), NextToken()
    texts = [
        Encoded(ids=np.array(ids, dtype=np.int32), learned=np.array(learned, dtype=bool))
        for ids, learned in zip(examples["ids"], examples["learned"], strict=True)
    ]
    out: dict[str, Any] = {"losses": [], "seconds": [], "cpu_seconds": [], "tokens": []}
    for step in range(steps):
        part = texts[step * a_step : (step + 1) * a_step]
        began, used = time.perf_counter(), time.process_time()
        stream = PackedStream(encoded_set(part, context=1024), seed=0, context=1024, padding_id=0)
        rows = stream.epoch_rows
        result = train_step(
            tuned,
            optimizers,
            [stream.batch(row, min(4, rows - row), 1024) for row in range(0, rows, 4)],
            batch_tokens=stream.learned_tokens(0, rows),
            step=step,
            clip=1.0,
            dtype=torch.bfloat16,
            objective=objective,
        )
        out["seconds"].append(time.perf_counter() - began)
        out["cpu_seconds"].append(time.process_time() - used)
        out["losses"].append(result.loss)
        out["tokens"].append(sum(len(text.ids) for text in part))
    return out | {"peak_bytes": peak_bytes()}


def trl(
    model: str, examples: dict[str, Any], method: str, steps: int, a_step: int, threads: int, rate: float
) -> dict[str, Any]:
    """Tunes with TRL's SFTTrainer, PEFT's adapters and transformers' model, on padded batches of eight."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(threads)
    labels = [
        [token if learned else IGNORED for token, learned in zip(ids, mask, strict=True)]
        for ids, mask in zip(examples["ids"], examples["learned"], strict=True)
    ]
    rows = Dataset.from_dict({"input_ids": examples["ids"], "labels": labels})
    out: dict[str, Any] = {"losses": [], "seconds": [], "cpu_seconds": [], "tokens": []}

    class Watch(TrainerCallback):
        def on_step_begin(self, *given: Any, **more: Any) -> None:
            self.began, self.used = time.perf_counter(), time.process_time()

        def on_step_end(self, *given: Any, **more: Any) -> None:
            done = len(out["seconds"])
            out["seconds"].append(time.perf_counter() - self.began)
            out["cpu_seconds"].append(time.process_time() - self.used)
            out["tokens"].append(sum(map(len, examples["ids"][done * a_step : (done + 1) * a_step])))

        def on_log(self, *given: Any, **more: Any) -> None:
            if "loss" in (more.get("logs") or {}):
                out["losses"].append(float(more["logs"]["loss"]))

    settings = SFTConfig(
        output_dir="unused",
        per_device_train_batch_size=8,
        gradient_accumulation_steps=a_step // 8,
        max_steps=steps,
        learning_rate=rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=True,
        use_cpu=True,
        gradient_checkpointing=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        max_length=1025,
        train_sampling_strategy="sequential",
        dataloader_num_workers=0,
        disable_tqdm=True,
    )
    adapter = None
    if method != "full":
        adapter = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    tuned = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    trainer = SFTTrainer(
        model=tuned,
        args=settings,
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=adapter,
        callbacks=[Watch()],
    )
    trainer.train()
    return out | {"peak_bytes": peak_bytes()}


def main() -> None:
    """Answers on stdout; what libraries print goes to stderr."""
    import os

    out = os.dup(1)
    os.dup2(2, 1)
    who, model, examples, method = sys.argv[1:5]
    steps, a_step, threads = map(int, sys.argv[5:8])
    given = json.loads(Path(examples).read_text(encoding="utf-8"))
    answer = {"textmill": textmill, "trl": trl}[who](model, given, method, steps, a_step, threads, float(sys.argv[8]))
    os.write(out, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
