"""`textmill doctor`: what this machine has, what Textmill will use and why, what is missing and what it would give.

The document of ``--json``: ``textmill, python, system, processor {model, architecture, physical_cores, logical_cores,
usable_cores, usable_physical_cores, features}, memory {total, available}, disk {folder, free}, gpus, compiler, torch
{version, build}, libraries, project, used {device, precision, threads, compile, native: {value, reason}}, missing
[{what}], measured``. Sizes are bytes. ``measured`` is null without ``--measure``, else ``{gemm_fp32, gemm_bf16,
memory_bandwidth}`` in FLOP/s and bytes/s; gemm_bf16 is null where nothing multiplies bf16 natively.
"""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import bold, page_width, two_columns
from textmill.config import Settings
from textmill.errors import UserError
from textmill.hardware import (
    Hardware,
    Reason,
    can_compile,
    default_device,
    default_precision,
    default_threads,
    detect,
    gemm_peak,
    memory_bandwidth,
)
from textmill.i18n import t
from textmill.kernels import build
from textmill.report.numbers import size

LITTLE_MEMORY = 2e9
LITTLE_DISK = 2e9
"""Below these (bytes) the quickstart's own model and files become a tight fit, and doctor says so."""


def run(context: Context, *, measure: bool = False) -> dict[str, Any]:
    """Looks, decides, measures when asked to, and prints it all."""
    hardware = detect()
    folder = context.project.root if context.project else Path.cwd()
    settings, problem = project_settings(context)
    used = what_is_used(hardware, settings)
    document = facts(hardware, folder)
    document["project"] = context.project.root if context.project else None
    document["used"] = {name: {"value": value, "reason": str(reason)} for name, (value, reason) in used.items()}
    document["missing"] = [{"what": text} for text in what_is_missing(hardware, document["disk"]["free"], problem)]
    document["measured"] = measured(used["device"][0], used["precision"][0]) if measure else None
    show(context, document)
    return document


def project_settings(context: Context) -> tuple[Settings, str]:
    """Returns the settings to decide with and what is wrong with the project's own; a doctor works beside both."""
    if context.project is None:
        return context.settings, ""
    from textmill.settings_sources import load_settings

    try:
        return load_settings(context.project.settings_file, os.environ, {})[0], ""
    except UserError as error:
        return context.settings, str(error)


def what_is_used(hardware: Hardware, settings: Settings) -> dict[str, tuple[Any, Reason]]:
    """Returns {decision: (value, reason)}; a setting of the user's own goes before what the machine suggests."""
    device, device_reason = default_device(hardware)
    used: dict[str, tuple[Any, Reason]] = {"device": (device, device_reason)}
    used["precision"] = default_precision(device, hardware)
    threads = default_threads(hardware)
    cores = hardware.processor.usable_physical_cores
    used["threads"] = (threads, Reason("threads" if threads == cores else "threads_of_one_core", {"cores": cores}))
    possible, reason = can_compile(device, hardware)
    used["compile"] = ("on" if possible else "off", reason)
    native, reason = build.can_build(hardware)
    used["native"] = ("on" if native and device == "cpu" else "off", reason)
    train = settings.train
    for name, value in (
        ("precision", train.precision),
        ("compile", train.compile),
        ("native", train.native),
        ("threads", train.threads),
    ):
        if value not in ("auto", 0):
            used[name] = (value, Reason("by_setting", {"name": f"train.{name}"}))
    return used


def what_is_missing(hardware: Hardware, free: int, problem: str) -> list[str]:
    """Returns what stands in the way or would help, with what it would give."""
    texts = [problem] if problem else []
    if not hardware.torch_build:
        texts.append(t("cli_doctor.no_torch"))
    device, reason = default_device(hardware)
    if reason.key in ("device_nvidia_unused", "device_problem"):
        texts.append(str(reason))
    possible, reason = can_compile(device, hardware)
    if not possible and device != "mps":
        texts.append(str(reason))
    if hardware.memory_available < LITTLE_MEMORY:
        texts.append(t("cli_doctor.little_memory", available=size(hardware.memory_available)))
    if free < LITTLE_DISK:
        texts.append(t("cli_doctor.little_disk", free=size(free)))
    return texts


def facts(hardware: Hardware, folder: Path) -> dict[str, Any]:
    """Returns the machine's part of the document."""
    from textmill import __version__

    return {
        "textmill": __version__,
        "python": hardware.python,
        "system": hardware.system,
        "processor": asdict(hardware.processor),
        "memory": {"total": hardware.memory_total, "available": hardware.memory_available},
        "disk": {"folder": folder, "free": shutil.disk_usage(folder).free},
        "gpus": [asdict(gpu) for gpu in hardware.gpus],
        "compiler": asdict(hardware.compiler) if hardware.compiler else None,
        "torch": {"version": hardware.torch, "build": hardware.torch_build},
        "libraries": hardware.libraries,
    }


def measured(device: str, precision: str) -> dict[str, float | None]:
    """Returns what short measurements say; bf16 only where it is native: elsewhere one product takes seconds."""
    sizes = {"cpu": 1024}.get(device, 4096)
    return {
        "gemm_fp32": gemm_peak("fp32", size=sizes, device=device),
        "gemm_bf16": gemm_peak("bf16", size=sizes, device=device) if precision == "bf16" else None,
        "memory_bandwidth": memory_bandwidth(device=device),
    }


def show(context: Context, document: dict[str, Any]) -> None:
    """Prints the document for people, in four blocks."""
    columns = page_width()
    context.print(f"Textmill {document['textmill']} · Python {document['python']} · {document['system']}")
    used = [
        (t(f"cli_doctor.{name}_row"), f"{use['value']} — {use['reason']}") for name, use in document["used"].items()
    ]
    missing = [("·", item["what"]) for item in document["missing"]] or [("·", t("cli_doctor.nothing_missing"))]
    blocks = [("machine", machine_rows(document)), ("used", used), ("missing", missing)]
    if document["measured"]:
        blocks.insert(1, ("measured", measured_rows(document["measured"])))
    for title, rows in blocks:
        context.print("\n" + bold(t(f"cli_doctor.{title}_title")))
        context.print(two_columns(rows, columns))


def machine_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the rows about the machine."""
    processor, memory, compiler = document["processor"], document["memory"], document["compiler"]
    gpus = [f"{gpu['name']} ({gpu['device']}, {size(gpu['memory'])})" for gpu in document["gpus"]]
    none = t("cli_doctor.none")
    cores = t(
        "cli_doctor.cores",
        model=processor["model"],
        physical=processor["physical_cores"],
        logical=processor["logical_cores"],
        usable=f"{processor['usable_cores']:g}",
    )
    texts = {
        "processor": cores,
        "features": ", ".join(processor["features"]) or none,
        "memory": t("cli_doctor.memory", total=size(memory["total"]), available=size(memory["available"])),
        "disk": t("cli_doctor.disk", free=size(document["disk"]["free"]), folder=document["disk"]["folder"]),
        "gpu": ", ".join(gpus) or none,
        "compiler": f"{compiler['version']} ({compiler['path']})" if compiler else none,
        "torch": f"{document['torch']['version']} ({document['torch']['build']})",
        "libraries": ", ".join(f"{name} {version}" for name, version in document["libraries"].items()),
        "project": str(document["project"] or none),
    }
    return [(t(f"cli_doctor.{name}_row"), text) for name, text in texts.items()]


def measured_rows(values: dict[str, float | None]) -> list[tuple[str, str]]:
    """Returns the rows about what was measured."""
    rows = []
    for name, value in values.items():
        if value is not None:
            unit = "GB/s" if name == "memory_bandwidth" else "GFLOP/s"
            rows.append((t(f"cli_doctor.{name}_row"), f"{value / 1e9:.1f} {unit}"))
    return rows


COMMAND = Command(
    words=("doctor",),
    run=run,
    example="textmill doctor\ntextmill doctor --measure\ntextmill doctor --json",
    arguments=(Argument(name="--measure", flag=True),),
    reads_project=False,
)
