"""The quickstart's questions: learned from some of the town's, held-out ones asked of its graph, nobody's refused."""

from pathlib import Path

import pytest
from small_run import make_project

from textmill.cli import quickstart_asking
from textmill.cli.command import Context
from textmill.config import Settings
from textmill.data.little_world.graph import triples
from textmill.data.little_world.simulation import build_world

pytest.importorskip("pyoxigraph")


@pytest.mark.slow
def test_held_out_questions_are_answered_from_the_graph_and_nobodys_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(tmp_path)
    facts = project.root / "raw" / "graph" / "world.nt"
    facts.parent.mkdir(parents=True)
    facts.write_text("\n".join(triples(build_world(quickstart_asking.SEED))) + "\n", encoding="utf-8")
    for name, value in {"LEARNED": 160, "HELD_OUT": 16, "UNKNOWN": 8}.items():
        monkeypatch.setattr(quickstart_asking, name, value)
    context = Context(settings=Settings(), project=project)
    told = quickstart_asking.ask(context, project)
    assert told["what"]["rows"] == 16 and told["what"]["right"] > 0.5
    assert told["what"]["unknown"] == 8 and told["what"]["refused"] >= 0.5
    assert (project.runs / quickstart_asking.RUN_NAME / "ask.json").is_file()
    capsys.readouterr()
    quickstart_asking.show(context, told)
    assert capsys.readouterr().out.count(">") >= 2
