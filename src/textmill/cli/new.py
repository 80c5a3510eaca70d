"""`textmill new DIR`: a project folder with a settings file that says what every setting is for."""

import shlex
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.config import Settings, all_settings
from textmill.errors import ProjectError
from textmill.files import write_bytes
from textmill.i18n import t
from textmill.project import Project
from textmill.settings_file import settings_file_text


def make_project(folder: Path, settings: Settings) -> Project:
    """Writes textmill.toml into `folder`, which may hold other files but no project; returns the project."""
    project = Project(root=folder.absolute())
    if project.settings_file.exists():
        raise ProjectError("project.exists", folder=folder)
    for place in (project.root, *project.root.parents):
        if place.exists() and not place.is_dir():
            raise ProjectError("project.not_a_folder", path=place)
    write_bytes(project.settings_file, settings_file_text(settings).encode())
    return project


def run(context: Context, *, folder: Path) -> dict[str, Any]:
    """Makes the project and says what comes next."""
    given = {name for name, origin in context.origins.items() if origin == "command line"}
    values = context.settings.as_dict()
    settings = Settings().replace({name: values[name.split(".")[0]][name.split(".")[1]] for name in given})
    project = make_project(folder, settings)
    context.print(t("cli_new.made", file=project.settings_file, count=len(all_settings())))
    context.print(t("cli_new.next", folder=shlex.quote(str(folder))))
    return {"project": project.root, "file": project.settings_file, "settings": len(all_settings())}


COMMAND = Command(
    words=("new",),
    run=run,
    example="textmill new my-project",
    arguments=(Argument(name="folder", kind=Path, metavar="DIR"),),
    reads_project=False,
)
