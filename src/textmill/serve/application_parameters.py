"""What the applications' routes take: texts to translate."""

from textmill.serve.parameters import LABEL, LARGEST_SEED, NAME
from textmill.serve.records import Field, Record
from textmill.serve.schema import Either, Flag, Many, Number, Table, Text

TRANSLATE = "/v1/translate"
LONGEST, MOST = 200_000, 256
"""Characters of a text, and texts of a request."""
MOST_TERMS, LONGEST_TERM = 2000, 200
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
            Field(name="format", shape=Text(choices=("text",)), default="text", about="libre_format"),
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
