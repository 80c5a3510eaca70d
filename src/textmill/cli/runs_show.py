"""`textmill runs show`: one run: how far, how well, with which settings, and what happened on the way.

The document of ``--json``: ``name, folder, state (training|stopped|done), step, total_steps, tokens, epochs, seconds,
parameters, tokens_per_second, mfu, held_out, best {step, bits_per_byte}, checkpoints [step], kernels, settings (those
that are not the defaults), data, happened {resume, spike, interrupt, overfitting}, samples [{prompt, text}]``.
"""

import statistics
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.i18n import t


def run(context: Context, *, name: str | None) -> dict[str, Any]:
    """Shows the run `name`, by default the one that was written to last."""
    from textmill.train.record import read_record, run_names

    runs = context.need_project().runs
    record = read_record(runs, name or (run_names(runs) or [""])[-1])
    document = facts(record)
    context.print(table([[t(f"runs.{key}_row"), text] for key, text in rows(document)]))
    for sample in document["samples"]:
        text = (sample["prompt"] + sample["text"]).replace("\n", " ")
        context.print("\n" + t("runs.sample", step=sample["step"]) + "\n  " + text)
    return document


def facts(record: Any) -> dict[str, Any]:
    """Returns what is known of a run (see the module)."""
    last, start = record.last, record.start
    speeds = [event["tokens_per_second"] for event in record.steps[-200:]]
    utilisation = [event["mfu"] for event in record.steps[-200:] if event.get("mfu")]
    samples = record.of("sample")
    epoch = start.get("text", {}).get("epoch_tokens")
    stopped = record.events[-1]["type"] == "interrupt"
    return {
        "name": record.name,
        "folder": str(record.folder),
        "state": "done" if record.ended else "stopped" if stopped or not is_locked(record.folder) else "training",
        "step": last.get("step", 0),
        "total_steps": last.get("total_steps", start.get("total_steps")),
        "tokens": last.get("tokens", 0),
        "epochs": last.get("tokens", 0) / epoch if epoch else None,
        "seconds": last.get("seconds", 0.0),
        "parameters": start.get("parameters"),
        "tokens_per_second": statistics.median(speeds) if speeds else None,
        "mfu": statistics.median(utilisation) if utilisation else None,
        "held_out": record.of("evaluation")[-1]["bits_per_byte"] if record.best else None,
        "best": {key: record.best[key] for key in ("step", "bits_per_byte")} if record.best else None,
        "checkpoints": record.checkpoints,
        "best_checkpoint": record.best_step,
        "kernels": start.get("kernels", {}),
        "settings": record.changed_settings,
        "data": start.get("data", {}),
        "happened": {kind: len(record.of(kind)) for kind in ("resume", "spike", "interrupt", "overfitting")},
        "samples": [event for event in samples if event["step"] == samples[-1]["step"]] if samples else [],
    }


def is_locked(folder: Any) -> bool:
    """True while a process trains the run."""
    import fcntl

    try:
        with open(folder / "lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the lines of the table as (key of its name, text); what is not known is left out."""
    none = "–"
    model = {key: value for key, value in found["settings"].items() if key.startswith("model.")}
    rest = {key: value for key, value in found["settings"].items() if key not in model}
    speed = none if found["tokens_per_second"] is None else t("runs.speed", rate=found["tokens_per_second"])
    if found["mfu"]:
        speed += f", MFU {found['mfu']:.0%}"
    held_out = none if found["held_out"] is None else f"{found['held_out']:.3f}"
    if found["best"]:
        held_out += " " + t("runs.best", value=found["best"]["bits_per_byte"], step=found["best"]["step"])
    epochs = "" if found["epochs"] is None else t("runs.epochs", epochs=found["epochs"])
    steps = t(f"runs.state_{found['state']}", step=found["step"], total=found["total_steps"])
    happened = ", ".join(t(f"runs.happened_{kind}", count=n) for kind, n in found["happened"].items() if n)
    lines = [
        ("run", found["name"]),
        ("state", steps),
        ("tokens", f"{found['tokens']:,}{epochs}"),
        ("time", t("runs.minutes", minutes=found["seconds"] / 60)),
        ("speed", speed),
        ("held_out", held_out),
        ("parameters", none if found["parameters"] is None else f"{found['parameters']:,}"),
        ("checkpoints", ", ".join(map(str, found["checkpoints"])) or none),
        ("kernels", ", ".join(f"{key} {value}" for key, value in found["kernels"].items())),
        ("model", settings_text(model)),
        ("settings", settings_text(rest)),
        ("data", ", ".join(f"{key} {str(value)[:12]}" for key, value in found["data"].items())),
        ("happened", happened),
        ("folder", found["folder"]),
    ]
    return [(key, text) for key, text in lines if text]


def settings_text(settings: dict[str, Any]) -> str:
    """Returns settings as they are given on the command line, without their dashes."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


COMMAND = Command(
    words=("runs", "show"),
    run=run,
    example="textmill runs show\ntextmill runs show main --json",
    arguments=(Argument(name="name", many="?"),),
)
