"""Which judge a question is put to: one that was learned, by name, else the project's newest, else words alone."""

import json
from pathlib import Path

from textmill.apps.ask.asking import Asker
from textmill.apps.ask.trained import FORM_FILE, read_judge
from textmill.apps.ask.weighing import WordsAlone
from textmill.apps.graph.store import EmbeddedGraph
from textmill.errors import InputError
from textmill.project import Project

WORDS = "words"


def open_asker(graph: EmbeddedGraph, judge: str | None = None, project: Project | None = None) -> Asker:
    """Returns who answers questions from a graph. `judge`: a run, a folder, "words"; None: the newest."""
    folder = judge_folder(judge, project)
    if judge is not None and judge != WORDS and folder is None:
        raise InputError("ask.no_judge", name=judge)
    return Asker(graph, read_judge(graph, folder) if folder is not None else WordsAlone(graph))


def judge_folder(judge: str | None, project: Project | None) -> Path | None:
    """Returns the folder of a judge; None for words alone, and where the newest is of no more use than they are."""
    runs = project.runs if project is not None else None
    if judge is None:
        found = sorted(runs.glob(f"*/{FORM_FILE}"), key=lambda file: file.stat().st_mtime) if runs else []
        useful = bool(found) and json.loads(found[-1].read_text(encoding="utf-8")).get("use") != WORDS
        return found[-1].parent if useful else None
    places = [*((runs / judge,) if runs else ()), Path(judge).expanduser()]
    return None if judge == WORDS else next((place for place in places if (place / FORM_FILE).is_file()), None)
