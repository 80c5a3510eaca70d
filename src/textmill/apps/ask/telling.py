"""A reply as JSON has it: what a row of questions gets, and what a server answers."""

from typing import Any

from textmill.apps.ask.asking import Reply


def row_of(reply: Reply, explain: bool) -> dict[str, Any]:
    """Returns what a row gets."""
    row: dict[str, Any] = {
        "answers": list(reply.texts),
        "iris": [term["value"] if term["type"] == "uri" else None for term in reply.answers],
        "sparql": reply.sparql,
        "triples": list(reply.triples),
        "refused": reply.refused or False,
    }
    if explain:
        row["linked"] = [{"text": item.text, "start": item.start, "end": item.end,
                          "iris": [match.iri for match in item.matches]} for item in reply.linked]  # fmt: skip
        row["considered"] = [{"likeness": score, "sparql": query} for score, query in reply.considered]
        row["looked_at"], row["judge"] = reply.looked_at, reply.judge
        row["tried"] = [{"sparql": query, "rows": rows} for query, rows in reply.tried]
    return row
