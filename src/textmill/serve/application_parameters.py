"""What the applications' routes take: texts to translate, an article's order, a question."""

from textmill.apps.write.order import FEWEST, LANGUAGES, LEVELS, MOST_SECTIONS, PERSONS
from textmill.apps.write.order import MOST as MOST_WORDS
from textmill.serve.parameters import LABEL, LARGEST_SEED, NAME
from textmill.serve.records import Field, Record
from textmill.serve.schema import Either, Flag, Many, Number, Table, Text

TRANSLATE, WRITE, ASK = "/v1/translate", "/v1/write", "/v1/ask"
LONGEST, MOST = 200_000, 256
"""Characters of a text, and texts of a request."""
MOST_TERMS, LONGEST_TERM = 2000, 200
LONGEST_QUESTION = 1000
CODE = Text(longest=64, shortest=1)
SEED = Field(name="seed", shape=Number(low=0, high=LARGEST_SEED, whole=True))
STREAM = Field(name="stream", shape=Flag(), default=False)


def translate() -> Record:
    """Returns what /v1/translate takes."""
    text = Text(longest=LONGEST)
    texts = Either(options={"string": text, "array": Many(of=text, most=MOST, least=1)})
    term = Text(longest=LONGEST_TERM, shortest=1)
    terms = Table(of=term, most=MOST_TERMS, longest_name=LONGEST_TERM)
    return Record(
        fields=(
            Field(name="input", shape=texts, required=True, about="translation_input"),
            Field(name="source", shape=CODE, default="auto", about="translation_source"),
            Field(name="target", shape=CODE, required=True, about="translation_target"),
            Field(name="format", shape=Text(choices=("text", "html")), default="text", about="libre_format"),
            Field(
                name="alternatives",
                shape=Number(low=0, high=15, whole=True),
                default=0,
                about="translation_alternatives",
            ),
            Field(name="glossary", shape=terms, about="translation_glossary"),
            Field(name="keep", shape=Many(of=term, most=MOST_TERMS), about="translation_keep"),
            Field(name="numbers", shape=Flag(), default=False, about="translation_numbers"),
            Field(name="search", shape=Text(choices=("beam", "mbr", "greedy")), default="beam"),
            Field(name="beams", shape=Number(low=1, high=16, whole=True), default=4),
            Field(name="samples", shape=Number(low=2, high=32, whole=True), default=8, about="translation_samples"),
            SEED,
            STREAM,
            Field(name="model", shape=NAME),
            Field(name="user", shape=LABEL),
        )
    )


OUTLINE = Record(
    fields=(
        Field(name="title", shape=Text(longest=200, shortest=1), required=True, about="outline_title"),
        Field(
            name="sections",
            shape=Many(
                of=Record(
                    fields=(
                        Field(name="heading", shape=Text(longest=200, shortest=1), required=True),
                        Field(name="points", shape=Many(of=Text(longest=500), most=20), default=[]),
                        Field(name="words", shape=Number(low=0, high=MOST_WORDS, whole=True), default=0),
                    )
                ),
                most=MOST_SECTIONS,
                least=1,
            ),
            required=True,
            about="outline_sections",
        ),
    )
)
SOURCE = Record(
    fields=(
        Field(name="title", shape=Text(longest=200), about="source_title"),
        Field(name="text", shape=Text(longest=LONGEST, shortest=1), required=True, about="source_text"),
    )
)


def write() -> Record:
    """Returns what /v1/write takes."""
    phrase, words = Text(longest=200), Many(of=Text(longest=100, shortest=1), most=200)
    source = Either(options={"string": Text(longest=LONGEST, shortest=1), "object": SOURCE})
    return Record(
        fields=(
            Field(name="topic", shape=Text(longest=1000, shortest=1), required=True),
            Field(name="kind", shape=Text(longest=64, shortest=1), default="post"),
            Field(name="language", shape=Text(choices=("", *LANGUAGES)), default="", about="article_language"),
            Field(name="words", shape=Number(low=FEWEST, high=MOST_WORDS, whole=True), default=300),
            Field(name="sections", shape=Number(low=0, high=MOST_SECTIONS, whole=True), default=0),
            Field(name="outline", shape=OUTLINE),
            Field(name="sources", shape=Many(of=source, most=64)),
            Field(name="require", shape=words),
            Field(name="forbid", shape=words),
            Field(name="style", shape=phrase, default=""),
            Field(name="tone", shape=phrase, default=""),
            Field(name="person", shape=Text(choices=PERSONS), default=""),
            Field(name="level", shape=Text(choices=LEVELS), default=""),
            Field(name="candidates", shape=Number(low=1, high=16, whole=True), default=4),
            SEED,
            STREAM,
            Field(name="model", shape=NAME),
            Field(name="user", shape=LABEL),
        )
    )


def ask() -> Record:
    """Returns what /v1/ask takes."""
    question = Text(longest=LONGEST_QUESTION)
    return Record(
        fields=(
            Field(name="question", shape=Text(longest=LONGEST_QUESTION, shortest=1), required=True),
            Field(name="history", shape=Many(of=question, most=100)),
            Field(name="explain", shape=Flag(), default=False),
            Field(name="user", shape=LABEL),
        )
    )
