"""`textmill graph show ENTITY`: what the graph says of an entity, by an IRI, a name, or something like a name.

The document of ``--json``: ``iri, names [{text, language, kind}], out [{predicate, name, object, text}], back
[{subject, text, predicate, name}], more, others [{iri, name, how, score}]``. ``kind``: 0 name, 1 alias, 2 end of the
IRI. ``others`` are what the words may have meant too.
"""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context
from textmill.cli.graph_source import ENDPOINT, GRAPH, open_graph
from textmill.cli.layout import table
from textmill.cli.outcome import printable
from textmill.i18n import t


def run(context: Context, *, entity: str, graph: Path | None, endpoint: str | None, n: int) -> dict[str, Any]:
    """Shows an entity's statements."""
    from textmill.apps.graph import looking
    from textmill.apps.graph.terms import Term, plain, short

    with closing(open_graph(context, graph, endpoint)) as opened:
        iri, others = looking.resolve(opened, entity)
        found = looking.entity(opened, iri, n)
        known: dict[str, str] = {}

        def name(term: Term) -> str:
            return looking.display(opened, term["value"], known) if term["type"] == "uri" else plain(term)

        out = [{"predicate": predicate, "name": looking.display(opened, predicate, known), "object": term,
                "text": name(term)} for predicate, term in found.out]  # fmt: skip
        back = [{"subject": term, "text": name(term), "predicate": predicate,
                 "name": looking.display(opened, predicate, known)} for term, predicate in found.back]  # fmt: skip
        title = looking.display(opened, iri, known)
    context.print(printable(f"{title}  <{short(iri)}>"))
    aliases = [item.text for item in found.names if item.text != title]
    if aliases:
        context.print(t("cli_graph_show.also", names=printable(", ".join(dict.fromkeys(aliases)))))
    rows = [("→", printable(item["name"]), printable(item["text"])) for item in out]
    rows += [("←", printable(item["name"]), printable(item["text"])) for item in back]
    context.print(table(rows))
    if found.more:
        context.say(t("cli_graph_show.more", count=n))
    if others:
        like = ", ".join(f"{match.name} <{short(match.iri)}>" for match in others[:5])
        context.say(t("cli_graph_show.others", others=printable(like)))
    names = [{"text": item.text, "language": item.language, "kind": item.kind} for item in found.names]
    meant = [{key: value for key, value in asdict(match).items() if key != "language"} for match in others]
    return {"iri": iri, "names": names, "out": out, "back": back, "more": found.more, "others": meant}


COMMAND = Command(
    words=("graph", "show"),
    run=run,
    example='textmill graph show "Lamp Street"\ntextmill graph show wd:Q42 --endpoint https://query.wikidata.org/sparql',
    arguments=(
        Argument(name="entity", metavar="ENTITY"),
        GRAPH,
        ENDPOINT,
        Argument(name="--n", kind=int, default=40, metavar="N"),
    ),
)
