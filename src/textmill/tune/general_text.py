"""Some general text of ours, for measuring how much a tuning has made a model forget where the user gives none.

Each paragraph of general.txt is a document, six in English and six in Chinese. It stands in no corpus, and nothing is
tuned on it.
"""

from importlib.resources import files


def general_documents() -> tuple[str, ...]:
    """Returns the paragraphs of both languages."""
    text = files("textmill.tune").joinpath("general.txt").read_text(encoding="utf-8")
    return tuple(part.strip() for part in text.split("\n\n"))
