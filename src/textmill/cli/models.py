"""`textmill models`: what lies in this project, and which model families can be imported.

The document of ``--json``: ``models [{name, kind, folder, family, parameters, bytes, error}], families [str], gguf
{families [str], reads [str], writes [str]}``; ``kind`` is "run" or "imported", ``error`` says why a folder there cannot
be used, else null.
"""

from pathlib import Path
from typing import Any

from textmill.cli.command import Command, Context
from textmill.cli.layout import table
from textmill.errors import UserError
from textmill.i18n import t

COLUMNS = ("name", "kind", "family", "parameters", "size")


def run(context: Context) -> dict[str, Any]:
    """Lists models and families."""
    from textmill.model.gguf.families import GGUF_FAMILIES
    from textmill.model.gguf.layout import TYPES
    from textmill.model.gguf.recipes import RECIPES
    from textmill.model.hub.families import HUB_FAMILIES

    models = [describe(*place) for place in places(context)]
    if models:
        heading = [t(f"cli_models.{column}_column") for column in COLUMNS]
        context.print(table([heading, *(row(model) for model in models)]))
    else:
        context.print(t("cli_models.none"))
    families = sorted(family.model_type for family in HUB_FAMILIES)
    gguf = {"families": sorted(GGUF_FAMILIES), "reads": [name.lower() for name in TYPES], "writes": list(RECIPES)}
    context.print("\n" + t("cli_models.families", families=", ".join(families)))
    context.print(t("cli_models.gguf", **{name: ", ".join(values) for name, values in gguf.items()}))
    return {"models": models, "families": families, "gguf": gguf}


def places(context: Context) -> list[tuple[str, str, Path]]:
    """Returns (name, kind, folder) of every run and imported model of the project."""
    from textmill.infer.resolve import folder_names, run_model

    project, found = context.project, []
    if project is None:
        return []
    for name in folder_names(project.runs):
        try:
            found.append((name, "run", run_model(project.runs / name, verify=False).folder))
        except UserError:
            continue  # a run without a checkpoint is no model yet
    return found + [(name, "imported", project.models / name) for name in folder_names(project.models)]


def describe(name: str, kind: str, folder: Path) -> dict[str, Any]:
    """Returns what is known of one model."""
    from textmill.model.hub.facts import model_facts

    model: dict[str, Any] = {"name": name, "kind": kind, "folder": str(folder)}
    try:
        facts = model_facts(folder)
    except UserError as error:
        return model | {"family": None, "parameters": None, "bytes": None, "error": str(error)}
    return model | {
        "family": facts.family,
        "parameters": facts.parameters,
        "bytes": facts.stored_bytes,
        "error": None,
    }


def row(model: dict[str, Any]) -> list[str]:
    """Returns a model's line in the table."""
    kind = t(f"cli_models.{model['kind']}")
    if model["error"]:
        return [model["name"], kind, model["error"], "–", "–"]
    return [model["name"], kind, model["family"], f"{model['parameters']:,}", f"{model['bytes'] / 1e6:.1f} MB"]


COMMAND = Command(words=("models",), run=run, example="textmill models")
