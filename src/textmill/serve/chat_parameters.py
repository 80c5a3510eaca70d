"""What /v1/chat/completions takes: messages, tools, and what all routes that write share; and /tokenize's messages."""

from textmill.serve.parameters import (
    LABEL,
    MOST_TOP,
    NAME,
    RESPONSE_FORMAT,
    SCHEMA_CHARACTERS,
    STREAM_OPTIONS,
    Bounds,
    common,
    token_count,
)
from textmill.serve.records import Field, Record, Tagged
from textmill.serve.schema import Anything, Either, Flag, Many, Never, Number, Table, Text

MOST_TOOLS = 128
MOST_MESSAGES = 4096
TEXT_PARTS = Tagged(
    tag="type",
    cases={"text": Record(fields=(Field(name="text", shape=Text(), required=True, about="part_text"),))},
    refused=frozenset({"image_url", "input_audio", "file", "refusal"}),
)
CONTENT = Either(options={"string": Text(), "array": Many(of=TEXT_PARTS, most=1024)})
SPOKEN = Field(name="content", shape=CONTENT, required=True)
SPEAKER = Field(name="name", shape=Text(longest=64), about="speaker")
FUNCTION_NAME = Text(longest=64, shortest=1)
CALL = Tagged(
    tag="type",
    default="function",
    cases={
        "function": Record(
            fields=(
                Field(name="id", shape=Text(longest=256), required=True, about="call_id"),
                Field(
                    name="function",
                    required=True,
                    shape=Record(
                        fields=(
                            Field(name="name", shape=FUNCTION_NAME, required=True, about="function_name"),
                            Field(name="arguments", shape=Text(), required=True),
                        )
                    ),
                    about="called_function",
                ),
            )
        )
    },
    refused=frozenset({"custom"}),
)
SYSTEM_MESSAGE = Record(fields=(SPOKEN, SPEAKER))
MESSAGE = Tagged(
    tag="role",
    cases={
        "system": SYSTEM_MESSAGE,
        "developer": SYSTEM_MESSAGE,
        "user": SYSTEM_MESSAGE,
        "assistant": Record(
            fields=(
                Field(name="content", shape=CONTENT),
                Field(name="reasoning_content", shape=Text()),
                Field(name="tool_calls", shape=Many(of=CALL, most=MOST_TOOLS)),
                Field(name="annotations", shape=Many(of=Anything(longest=0), most=0)),
                SPEAKER,
            ),
            refused=frozenset({"audio", "function_call", "refusal"}),
        ),
        "tool": Record(fields=(SPOKEN, Field(name="tool_call_id", shape=Text(longest=256), required=True), SPEAKER)),
    },
    refused=frozenset({"function"}),
)
FUNCTION = (
    Field(name="name", shape=FUNCTION_NAME, required=True, about="function_name"),
    Field(name="description", shape=Text(longest=16384), about="function_description"),
    Field(name="parameters", shape=Anything(longest=SCHEMA_CHARACTERS)),
    Field(name="strict", shape=Flag(), about="function_strict"),
)
TOOL = Tagged(
    tag="type",
    cases={"function": Record(fields=(Field(name="function", shape=Record(fields=FUNCTION), required=True),))},
    refused=frozenset({"custom"}),
)
CHOICE_WORDS = Text(choices=("none", "auto", "required"))
TOOL_CHOICE = Either(
    options={
        "string": CHOICE_WORDS,
        "object": Tagged(
            tag="type",
            cases={
                "function": Record(
                    fields=(
                        Field(
                            name="function",
                            required=True,
                            shape=Record(
                                fields=(Field(name="name", shape=FUNCTION_NAME, required=True, about="function_name"),)
                            ),
                            about="called_function",
                        ),
                    )
                )
            },
            refused=frozenset({"allowed_tools", "custom"}),
        ),
    }
)
CHAT_REFUSED = frozenset(
    (
        "audio",
        "function_call",
        "functions",
        "moderation",
        "prediction",
        "reasoning_effort",
        "verbosity",
        "web_search_options",
        "best_of",
        "suffix",
        "echo",
    )
)


def chat(bounds: Bounds) -> Record:
    """Returns what /v1/chat/completions takes."""
    return Record(
        fields=(
            Field(name="messages", shape=Many(of=MESSAGE, most=MOST_MESSAGES, least=1), required=True),
            *common(bounds),
            token_count("max_completion_tokens", bounds),
            token_count("max_tokens", bounds),
            Field(name="n", shape=Number(low=1, high=bounds.samples, whole=True), default=1),
            Field(name="logprobs", shape=Flag(), default=False),
            Field(name="top_logprobs", shape=Number(low=0, high=MOST_TOP, whole=True)),
            RESPONSE_FORMAT,
            STREAM_OPTIONS,
            Field(name="tools", shape=Many(of=TOOL, most=MOST_TOOLS)),
            Field(name="tool_choice", shape=TOOL_CHOICE),
            Field(name="parallel_tool_calls", shape=Flag(), default=True),
            Field(name="modalities", shape=Many(of=Text(choices=("text",)), most=1)),
            Field(name="metadata", shape=Table(of=LABEL, most=16)),
            Field(name="store", shape=Never()),
            Field(name="service_tier", shape=Text(choices=("auto", "default"))),
            Field(name="prompt_cache_key", shape=LABEL),
            Field(name="safety_identifier", shape=LABEL, about="user"),
        ),
        refused=CHAT_REFUSED,
    )


def tokenize(bounds: Bounds) -> Record:
    """Returns what /tokenize takes."""
    return Record(
        fields=(
            Field(name="model", shape=NAME),
            Field(name="prompt", shape=Text(), about="tokenize_prompt"),
            Field(name="messages", shape=Many(of=MESSAGE, most=MOST_MESSAGES, least=1)),
            Field(name="tools", shape=Many(of=TOOL, most=MOST_TOOLS)),
            Field(name="add_special_tokens", shape=Flag(), default=True),
            Field(name="add_generation_prompt", shape=Flag(), default=True),
        )
    )


def detokenize(bounds: Bounds) -> Record:
    """Returns what /detokenize takes."""
    ids = Many(of=Number(low=0, high=bounds.vocabulary - 1, whole=True), most=1_000_000)
    return Record(
        fields=(
            Field(name="model", shape=NAME),
            Field(name="tokens", shape=ids, required=True, about="detokenize_tokens"),
        )
    )
