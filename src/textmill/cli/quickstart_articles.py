"""The quickstart's last stage on Little World: news and a post in both languages, from the town's graph.

The facts go into the project's graph, so that `textmill graph` and `textmill ask` know them too. The articles lie in
``articles/``; every sentence cites the thing of the graph that it is about. Some seconds; without the extras `graph`
and `serve` the stage says so and writes nothing.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textmill.cli.command import Context
from textmill.i18n import t
from textmill.project import Project

WRITER = "chat"
FOLDER = "articles"
NEEDED = ("pyoxigraph", "llguidance")
SECONDS = 20.0
"""Kept back from the training's time."""
WORDS = {"en": 48, "zh": 80}
CANDIDATES = 2
HEADINGS = {
    "news": {"en": ("The shop", "Its people"), "zh": ("店铺", "店里的人")},  # text data
    "post": {"en": ("What there is to buy", "Who is there"), "zh": ("卖些什么", "谁在那里")},  # text data
}
SHOPS = """
SELECT ?shop (COUNT(?product) AS ?n) WHERE { ?shop <https://textmill.example/little-world/relation/sells> ?product }
GROUP BY ?shop ORDER BY DESC(?n) ?shop LIMIT 2
"""


def write_articles(context: Context, project: Project) -> dict[str, Any]:
    """Imports the facts and writes the articles."""
    from textmill.apps.write.compose import Writer
    from textmill.cli.model_engine import make_engine
    from textmill.infer.resolve import load

    if missing := [name for name in NEEDED if find_spec(name) is None]:
        context.say(t("cli_quickstart.no_articles", packages=", ".join(missing)))
        return {"where": "-", "what": {"count": 0, "supported": 0, "sentences": 0}, "articles": []}
    with graph_of(project) as graph:
        loaded = load(WRITER, project)
        engine = make_engine(loaded, "auto", texts=CANDIDATES, length=loaded.model.config.context)
        written = []
        for kind, topics in zip(HEADINGS, topics_of(graph), strict=True):
            for language, topic in topics.items():
                writer, piece = ready(graph, loaded, engine, kind, topic, language)
                assert isinstance(writer, Writer)
                writer.write(piece)
                written.append(kept(project, piece, kind))
    counts = {name: sum(one["check"][name] for one in written) for name in ("cited", "quoted")}
    unsupported = sum(len(one["check"]["unsupported"]) for one in written)
    what = {"count": len(written), "sentences": counts["cited"], "supported": counts["cited"] - unsupported}
    return {"where": str(project.root / FOLDER), "what": what, "articles": written}


def graph_of(project: Project) -> Any:
    """Returns the project's graph with Little World's facts in it, to be closed by `with`."""
    from contextlib import closing

    from textmill.apps.graph.importing import import_file
    from textmill.apps.graph.reading import Reading
    from textmill.apps.graph.store import EmbeddedGraph, GraphWriter

    with GraphWriter(project.graph) as writer:
        import_file(writer, project.root / "raw" / "graph" / "world.nt", Reading())
    return closing(EmbeddedGraph(project.graph))


def topics_of(graph: Any) -> list[dict[str, str]]:
    """Returns the names, by language, of two shops: those with the most to sell."""
    from textmill.apps.graph.looking import best_name

    rows = graph.query(SHOPS).rows
    return [{name: best_name(graph.names(row["shop"]["value"]), name) for name in WORDS} for row in rows]


def ready(graph: Any, loaded: Any, engine: Any, kind: str, topic: str, language: str) -> tuple[Any, Any]:
    """Returns a writer and the article that it is to write."""
    from textmill.apps.write.facts import graph_sources
    from textmill.apps.write.kinds import load_kind
    from textmill.apps.write.order import Order
    from textmill.apps.write.outline import Outline, Section
    from textmill.apps.write.piece import Piece
    from textmill.cli.model_engine import short_name
    from textmill.cli.write import make_writer
    from textmill.cli.write_task import Task

    order = Order(kind=kind, topic=topic, language=language, words=WORDS[language], candidates=CANDIDATES)
    headings = HEADINGS[kind][language]
    outline = Outline(title=topic, sections=tuple(Section(heading=each) for each in headings)).allotted(order)
    sources = graph_sources(graph, topic, language)
    task = Task(order=order, kind=load_kind(kind), outline=outline, sources=sources, out=None)
    piece = Piece(order=order, outline=outline, sources=sources)
    piece.begin(short_name(loaded))
    return make_writer(loaded, engine, task), piece


def kept(project: Project, piece: Any, kind: str) -> dict[str, Any]:
    """Writes an article into its file; returns what there is to say of it."""
    from textmill.apps.write.checking import check
    from textmill.apps.write.render import markdown
    from textmill.files import write_bytes

    text = markdown(piece, headings=True)
    file: Path = project.root / FOLDER / f"{kind}.{piece.language}.md"
    write_bytes(file, text.encode())
    found = {"kind": kind, "language": piece.language, "file": str(file), "text": text}
    return found | {"check": check(piece).as_dict()}


def show(context: Context, stage: dict[str, Any] | None) -> None:
    """Prints the articles."""
    for one in (stage or {}).get("articles", []):
        context.print(t("cli_quickstart.article_title", file=Path(one["file"]).name))
        context.print(one["text"].rstrip("\n") + "\n")
