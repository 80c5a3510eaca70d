"""The quickstart's articles: from the town's graph, in both languages, each sentence with the thing it is about."""

from typing import Any

import pytest
from command_runs import write_run

from textmill.apps.write import compose
from textmill.cli import quickstart_articles
from textmill.cli.command import Context
from textmill.config import Settings
from textmill.project import Project

BASE = "https://textmill.example/little-world/"
NAMES = {
    "shop/a": ("Old Oven", "老炉"),
    "shop/b": ("Blue Cup", "蓝杯"),
    "person/m": ("Mina", "米娜"),
    "job/b": ("baker", "面包师"),
}
GOODS = {"product/bread": ("bread", "面包"), "product/tea": ("tea", "茶")}
WORDS = {
    "relation/sells": ("sells", "出售"),
    "relation/worksAt": ("works at", "工作地点"),
    "relation/job": ("job", "职业"),
}


def town() -> str:
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    lines = [
        f'<{BASE}{key}> {label} "{name}"@{language} .'
        for key, names in (NAMES | GOODS | WORDS).items()
        for language, name in zip(("en", "zh"), names, strict=True)
    ]
    facts = [(shop, "sells", product) for shop in ("shop/a", "shop/b") for product in GOODS]
    facts += [("person/m", "worksAt", "shop/a"), ("person/m", "job", "job/b")]
    lines += [f"<{BASE}{one}> <{BASE}relation/{way}> <{BASE}{other}> ." for one, way, other in facts]
    return "\n".join(lines) + "\n"


def test_articles_of_the_towns_graph(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyoxigraph")
    pytest.importorskip("llguidance")
    write_run(project, "chat", 1, context=256)
    facts = project.root / "raw" / "graph" / "world.nt"
    facts.parent.mkdir(parents=True)
    facts.write_text(town(), encoding="utf-8")
    monkeypatch.setattr(quickstart_articles, "WORDS", {"en": 20, "zh": 20})
    monkeypatch.setattr(quickstart_articles, "CANDIDATES", 1)
    monkeypatch.setattr(quickstart_articles, "HEADINGS", {"post": {"en": ("Bread",), "zh": ("面包",)}})
    monkeypatch.setattr(quickstart_articles, "SHOPS", quickstart_articles.SHOPS.replace("LIMIT 2", "LIMIT 1"))
    monkeypatch.setattr(compose, "ROUNDS", 2)  # an untrained model says nothing that a graph supports
    monkeypatch.setattr(compose, "LISTED", 1)
    context = Context(settings=Settings(), project=project)
    told = quickstart_articles.write_articles(context, project)
    assert [(one["kind"], one["language"]) for one in told["articles"]] == [("post", "en"), ("post", "zh")]
    assert told["what"]["count"] == 2 and told["what"]["sentences"] == told["what"]["supported"] > 0
    english, chinese = (told["articles"][at]["text"] for at in (0, 1))
    assert "Old Oven sells bread and tea [1]." in english and f"{BASE}shop/a" in english
    assert "老炉出售面包、茶 [1]。" in chinese
    assert (project.root / "articles" / "post.zh.md").read_text(encoding="utf-8") == told["articles"][1]["text"]
    capsys.readouterr()
    quickstart_articles.show(context, told)
    assert capsys.readouterr().out.count("---") == 4

    def absent(name: str) -> Any:
        return None

    monkeypatch.setattr(quickstart_articles, "find_spec", absent)
    assert quickstart_articles.write_articles(context, project)["articles"] == []
    assert "pip install" in capsys.readouterr().err
