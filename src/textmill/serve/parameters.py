"""What each route takes, said once as data; validation, the OpenAPI document and the docs are made from it.

What OpenAI's API knows and this server does not honour stands in the `refused` sets: it is answered with 400 by name.
Here: what all routes that write share, and the routes for text; `chat_parameters` and `response_parameters` have the
others.
"""

from dataclasses import dataclass
from typing import Any

from textmill.serve.records import Field, Record, Tagged
from textmill.serve.schema import Anything, Either, Flag, Many, Number, Table, Text, type_of

LONGEST_STOP = 256
MOST_STOPS = 16
MOST_WORDS = 256
MOST_BIASES = 1024
MOST_TOP = 20
MOST_PROMPTS = 64
SENTIMENT = "/v1/sentiment"
MOST_JUDGED = 256
LONGEST_JUDGED = 200_000
"""Characters of a text that is judged."""
SCHEMA_CHARACTERS = 200_000
LARGEST_SEED = 2**63 - 1

NAME = Text(longest=256, shortest=1)
GUIDED_JSON = Either(
    options={
        "object": Anything(longest=SCHEMA_CHARACTERS),
        "string": Text(longest=SCHEMA_CHARACTERS, shortest=1),
    }
)
LABEL = Text(longest=512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What depends on the model and the server's settings."""

    context: int
    vocabulary: int
    samples: int
    tokens: int
    """The most that one answer may have."""


def common(bounds: Bounds) -> tuple[Field, ...]:
    """Returns what every route that writes takes: OpenAI's names first, then Textmill's own."""
    stop = Either(
        options={
            "string": Text(longest=LONGEST_STOP, shortest=1),
            "array": Many(of=Text(longest=LONGEST_STOP, shortest=1), most=MOST_STOPS),
        }
    )
    return (
        Field(name="model", shape=NAME),
        Field(name="temperature", shape=Number(low=0, high=2), default=1.0),
        Field(name="top_p", shape=Number(low=0, high=1), default=1.0),
        Field(name="frequency_penalty", shape=Number(low=-2, high=2), default=0.0),
        Field(name="presence_penalty", shape=Number(low=-2, high=2), default=0.0),
        Field(
            name="logit_bias",
            shape=Table(of=Number(low=-100, high=100), most=MOST_BIASES, whole_names=True),
        ),
        Field(name="seed", shape=Number(low=0, high=LARGEST_SEED, whole=True)),
        Field(name="stop", shape=stop),
        Field(name="stream", shape=Flag(), default=False),
        Field(name="user", shape=LABEL),
        Field(name="top_k", shape=Number(low=0, high=bounds.vocabulary, whole=True), default=0),
        Field(name="min_p", shape=Number(low=0, high=1), default=0.0),
        Field(name="typical_p", shape=Number(low=0, high=1), default=1.0),
        Field(name="repetition_penalty", shape=Number(low=0.01, high=100), default=1.0),
        Field(name="dry_multiplier", shape=Number(low=0, high=100), default=0.0),
        Field(name="dry_base", shape=Number(low=1, high=16), default=1.75),
        Field(name="dry_allowed_length", shape=Number(low=1, high=1000, whole=True), default=2),
        Field(name="dry_sequence_breakers", shape=Many(of=Text(longest=LONGEST_STOP, shortest=1), most=MOST_STOPS)),
        Field(name="bad_words", shape=Many(of=Text(longest=LONGEST_STOP, shortest=1), most=MOST_WORDS)),
        Field(name="min_tokens", shape=Number(low=0, high=bounds.tokens, whole=True), default=0),
        Field(name="ignore_eos", shape=Flag(), default=False),
        Field(name="guided_json", shape=GUIDED_JSON),
        Field(name="guided_regex", shape=Text(longest=SCHEMA_CHARACTERS, shortest=1)),
        Field(name="guided_choice", shape=Many(of=Text(longest=4096, shortest=1), most=4096, least=1)),
        Field(name="guided_grammar", shape=Text(longest=SCHEMA_CHARACTERS, shortest=1)),
    )


STREAM_OPTIONS = Field(
    name="stream_options",
    shape=Record(
        fields=(Field(name="include_usage", shape=Flag(), default=False),),
        refused=frozenset({"include_obfuscation"}),
    ),
)
JSON_SCHEMA = Record(
    fields=(
        Field(name="name", shape=NAME, required=True, about="schema_name"),
        Field(name="description", shape=Text(longest=4096), about="schema_description"),
        Field(name="schema", shape=Anything(longest=SCHEMA_CHARACTERS), required=True),
        Field(name="strict", shape=Flag(), about="schema_strict"),
    )
)
RESPONSE_FORMAT = Field(
    name="response_format",
    shape=Tagged(
        tag="type",
        cases={
            "text": Record(fields=()),
            "json_object": Record(fields=()),
            "json_schema": Record(
                fields=(
                    Field(
                        name="json_schema",
                        required=True,
                        shape=JSON_SCHEMA,
                    ),
                )
            ),
        },
    ),
)


def token_count(name: str, bounds: Bounds, *, low: int = 1, default: int | None = None) -> Field:
    """Returns a field for the most tokens of an answer."""
    return Field(name=name, shape=Number(low=low, high=bounds.tokens, whole=True), default=default, about="max_tokens")


def token_ids(bounds: Bounds) -> Many:
    """Returns a prompt as token ids; one more than the context has, so that the refusal can say so."""
    return Many(of=Number(low=0, high=bounds.vocabulary - 1, whole=True), most=bounds.context + 1, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """A text, token ids, or a list of either; always returned as a list."""

    ids: Many
    most: int

    def check(self, value: Any, path: str) -> list[Any]:
        """Returns the prompts, each a text or a list of ids."""
        if isinstance(value, str):
            return [value]
        if isinstance(value, list) and value and type_of(value[0]) in ("integer", "number"):
            return [self.ids.check(value, path)]
        each = Either(options={"string": Text(), "array": self.ids})
        return Many(of=each, most=self.most, least=1).check(value, path)

    def document(self) -> dict[str, Any]:
        """Returns the four forms."""
        several = [Many(of=of, most=self.most, least=1).document() for of in (Text(), self.ids)]
        return {"anyOf": [Text().document(), self.ids.document(), *several]}


def completions(bounds: Bounds) -> Record:
    """Returns what /v1/completions takes."""
    return Record(
        fields=(
            Field(name="prompt", shape=Prompts(ids=token_ids(bounds), most=MOST_PROMPTS), required=True),
            *common(bounds),
            token_count("max_tokens", bounds, low=0, default=min(16, bounds.tokens)),
            Field(name="n", shape=Number(low=1, high=bounds.samples, whole=True), default=1),
            Field(name="best_of", shape=Number(low=1, high=bounds.samples, whole=True)),
            Field(name="echo", shape=Flag(), default=False),
            Field(name="logprobs", shape=Number(low=0, high=MOST_TOP, whole=True), about="completion_logprobs"),
            RESPONSE_FORMAT,
            STREAM_OPTIONS,
        ),
        refused=frozenset({"suffix"}),
    )


def sentiment() -> Record:
    """Returns what /v1/sentiment takes."""
    text = Text(longest=LONGEST_JUDGED)
    shape = Either(options={"string": text, "array": Many(of=text, most=MOST_JUDGED, least=1)})
    return Record(
        fields=(
            Field(name="input", shape=shape, required=True, about="judged_input"),
            Field(name="model", shape=NAME, about="judge"),
            Field(name="user", shape=LABEL),
        )
    )


def embeddings(bounds: Bounds) -> Record:
    """Returns what /v1/embeddings takes."""
    return Record(
        fields=(
            Field(name="input", shape=Prompts(ids=token_ids(bounds), most=256), required=True, about="embedding_input"),
            Field(name="model", shape=NAME),
            Field(name="encoding_format", shape=Text(choices=("float", "base64")), default="float"),
            Field(name="user", shape=LABEL),
        ),
        refused=frozenset({"dimensions"}),
    )
