"""The quickstart's questions to Little World's graph: a judge learns to read them, and held-out ones are asked.

The questions are those that people of the town are asked about in conversations, with the path in the graph that
answers each; those that the world holds out nobody learns from, and as many about people who do not live there have no
answer and must be refused. Seconds; without the extra `graph` the stage says so.
"""

import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textmill.cli.command import Context
from textmill.i18n import t
from textmill.project import Project

RUN_NAME = "questions"
SEED = 0
SECONDS = 20.0
"""Kept back from the training's time."""
LEARNED, HELD_OUT, UNKNOWN = 500, 56, 24
"""Questions; three in ten of those that are asked have no answer."""
SHOWN = 2
LANGUAGES = ("en", "zh")
PATHS = {
    "job": ("job", True),
    "street": ("livesOn", True),
    "hobby": ("likes", True),
    "age": ("age", True),
    "trait": ("character", True),
    "work": ("worksAt", True),
    "spouse": ("marriedTo", True),
    "friends": ("friendOf", True),
    "shopstreet": ("locatedIn", True),
    "keeper": ("ownerOf", False),
    "sells": ("sells", True),
}
"""What a question of the world asks for in its graph, and whether it is said of the one who is asked about."""


def ask(context: Context, project: Project) -> dict[str, Any]:
    """Makes the judge and asks."""
    from textmill.apps.ask.asking import Asker
    from textmill.apps.ask.making import make_judge
    from textmill.cli.quickstart_articles import graph_of

    if find_spec("pyoxigraph") is None:
        context.say(t("cli_quickstart.no_asking"))
        return {"where": "-", "what": {"right": 0.0, "refused": 0.0, "rows": 0, "unknown": 0}, "questions": []}
    learned, held_out, unknown = questions()
    with graph_of(project) as graph:
        made = make_judge(graph, learned)
        folder = project.runs / RUN_NAME
        made.judge.write(folder, {"use": made.use, "figures": made.figures, "lessons": made.lessons})
        asker = Asker(graph, made.judge)
        asked = [judged(asker, pair) for pair in held_out]
        refused = sum(bool(asker.ask(text).refused) for text in unknown)
    what = {
        "right": sum(one["right"] for one in asked) / len(asked),
        "rows": len(asked),
        "refused": refused / len(unknown),
        "unknown": len(unknown),
    }
    return {"where": str(Path("runs") / RUN_NAME), "what": what, "questions": shown(asked)}


def judged(asker: Any, pair: Any) -> dict[str, Any]:
    """Returns a held-out question with what was answered, and whether the query's rows are the right ones."""
    reply = asker.ask(pair.question)
    right = {term["value"] for term in (row["answer"] for row in asker.graph.query(pair.query.sparql()).rows)}
    found = {term["value"] for term in reply.answers}
    told = {"question": pair.question, "answers": list(reply.texts), "evidence": list(reply.sentences[:1])}
    return told | {"right": found == right, "refused": reply.refused}


def shown(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns some questions of each language that got an answer."""
    half = len(asked) // 2
    parts = (asked[:half], asked[half:])
    return [one for part in parts for one in [each for each in part if not each["refused"]][:SHOWN]]


def questions() -> tuple[list[Any], list[Any], list[str]]:
    """Returns pairs to learn from, held-out pairs (English, then Chinese), and questions without an answer."""
    from textmill.data.little_world.facts_asked import questions as asked_of
    from textmill.data.little_world.facts_asked import unknown
    from textmill.data.little_world.simulation import build_world

    generator, world = random.Random(SEED), build_world(SEED)
    known = [one for one in asked_of(SEED) if one.relation in PATHS]
    generator.shuffle(known)
    learned = [one for one in known if not one.held_out][: LEARNED // 2]
    held_out = [one for one in known if one.held_out][: HELD_OUT // 2]
    pairs = [pair_of(world, one, language, generator) for language in LANGUAGES for one in learned]
    asked = [pair_of(world, one, language, generator) for language in LANGUAGES for one in held_out]
    nobody = [unknown(language, generator)[0] for language in LANGUAGES for _ in range(UNKNOWN // 2)]
    return pairs, asked, nobody


def pair_of(world: Any, question: Any, language: str, generator: random.Random) -> Any:
    """Returns a question of the world as a pair; one in ten of those that are learned sets when to refuse."""
    from textmill.apps.ask.lessons import Pair
    from textmill.apps.ask.query import Step, path
    from textmill.data.little_world.graph import BASE, entity_iri

    relation, forward = PATHS[question.relation]
    iri = entity_iri(world, question.subject)[1:-1]
    query = path(f"<{iri}>", (Step(predicate=f"{BASE}relation/{relation}", forward=forward),))
    text = question.asked(language, generator)
    return Pair(question=text, query=query, held_out=generator.random() < 0.1)


def show(context: Context, stage: dict[str, Any] | None) -> None:
    """Prints some questions with their answers and the statement that says so."""
    if stage is None or not stage["questions"]:
        return
    context.print(t("cli_quickstart.asking_title"))
    for one in stage["questions"]:
        context.print(f"> {one['question']}")
        context.print(f"  {', '.join(one['answers'])}  ({'; '.join(one['evidence'])})")
    context.print("")
