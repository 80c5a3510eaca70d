"""What questions ask for is learned from their answers, kept, and known where to stop."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from films import FILMS, SPACE, film, film_pairs, films_graph, person

from textmill.apps.ask.asking import EMPTY, UNLIKELY, Asker
from textmill.apps.ask.generated import generate_pairs
from textmill.apps.ask.lessons import Pair, Teacher
from textmill.apps.ask.making import Made, make_judge
from textmill.apps.ask.opening import open_asker
from textmill.apps.ask.trained import FORM_FILE, TENSORS_FILE, read_judge
from textmill.apps.graph.sparql import check_query
from textmill.apps.graph.store import EmbeddedGraph, GraphWriter
from textmill.apps.graph.terms import library
from textmill.errors import InputError, ModelError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def films(folder: Path) -> Iterator[EmbeddedGraph]:
    graph = films_graph(folder)
    yield graph
    graph.close()


@pytest.fixture(scope="module")
def made(films: EmbeddedGraph) -> Made:
    return make_judge(films, film_pairs())


def test_words_that_no_predicate_is_called_by_are_learned_from_answers(films: EmbeddedGraph, made: Made) -> None:
    assert made.figures["trained"]["accuracy"] >= 0.9 > made.figures["words"]["accuracy"] and made.use == "trained"
    asker = Asker(films, made.judge)
    reply = asker.ask(f"who made {film(FILMS - 1)}")
    assert reply.texts == (person((FILMS - 1) % 9),) and reply.judge == "trained"
    assert asker.ask(f"who can be seen in {film(FILMS - 2)}").texts
    for _, query in reply.considered:
        assert check_query(query) == "SELECT" and "<1>" not in query


def test_what_is_taken_away_is_refused(folder: Path, made: Made, tmp_path: Path) -> None:
    with GraphWriter(tmp_path / "graph") as writer:
        quads = [quad for quad in EmbeddedGraph(folder / "graph").statements()
                 if quad.predicate != library().NamedNode(SPACE + "dir")]  # fmt: skip
        writer.add(quads)
    graph = EmbeddedGraph(tmp_path / "graph")
    made.judge.write(tmp_path / "judge", {})
    asker = open_asker(graph, str(tmp_path / "judge"))
    replies = [asker.ask(f"who made {film(number)}") for number in range(FILMS - 6, FILMS)]
    assert sum(reply.refused in (EMPTY, UNLIKELY) for reply in replies) >= 5
    graph.close()


def test_a_judge_is_read_as_it_was_written_and_a_damaged_one_refused(
    films: EmbeddedGraph, made: Made, tmp_path: Path
) -> None:
    made.judge.write(tmp_path, {"use": "trained"})
    question = f"who made {film(3)}"
    assert Asker(films, read_judge(films, tmp_path)).ask(question) == Asker(films, made.judge).ask(question)
    (tmp_path / TENSORS_FILE).write_bytes(b"{}")
    with pytest.raises(ModelError):
        read_judge(films, tmp_path)
    (tmp_path / FORM_FILE).write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError):
        read_judge(films, tmp_path)
    with pytest.raises(InputError):
        open_asker(films, "nobody")


def test_answers_that_no_path_leads_to_and_too_few_pairs_are_told(films: EmbeddedGraph) -> None:
    teacher = Teacher(films)
    pairs = [
        Pair(question=f"who made {film(1)}", answers=("Nobody",)),
        Pair(question="who made Nothing", answers=("x",)),
    ]
    assert teacher.understood(pairs) == [] and teacher.left_out == {"no_path": 1, "unlinked": 1}
    with pytest.raises(InputError):
        make_judge(films, pairs)


def test_pairs_of_the_graph_itself_are_questions_that_it_answers(films: EmbeddedGraph) -> None:
    pairs = generate_pairs(films, count=150)
    assert len(pairs) == 150 and len({pair.question for pair in pairs}) == 150
    assert any("的" in pair.question for pair in pairs) and any("What" in pair.question for pair in pairs)
    forms = {(pair.query.form, pair.query.order) for pair in pairs if pair.query is not None}
    assert {("select", ""), ("count", ""), ("select", "DESC")} <= forms
    for pair in pairs[::10]:
        assert pair.query is not None and films.query(pair.query.sparql()).rows
    assert generate_pairs(films, count=150) == pairs


def test_the_command_learns_and_ask_uses_the_newest(
    folder: Path, films: EmbeddedGraph, tmp_path: Path, run_textmill: Callable[..., Any]
) -> None:
    rows = [{"question": pair.question, "answers": list(pair.answers)} for pair in film_pairs()]
    rows.append({"question": "", "answers": []})
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run_textmill("new", "town", cwd=tmp_path).ok()
    graph = str(folder / "graph")
    here = {"cwd": tmp_path / "town"}
    told = json.loads(run_textmill("tune", "ask", "--data", "../pairs.jsonl", "--graph", graph, "--json", **here).out)
    assert told["use"] == "trained" and told["left_out"] == {"no_form": 1} and told["lessons"] > 80
    asked = ("ask", f"who made {film(2)}", "--graph", graph, "--explain", "--json")
    found = json.loads(run_textmill(*asked, **here).out)
    assert found["answers"] == [person(2)] and found["judge"] == "trained"
    assert json.loads(run_textmill(*asked, "--judge", "words", **here).out)["refused"] == "unlikely"
