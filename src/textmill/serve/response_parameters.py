"""What /v1/responses takes."""

from textmill.serve.chat_parameters import CHOICE_WORDS, FUNCTION, FUNCTION_NAME, MOST_MESSAGES, MOST_TOOLS
from textmill.serve.parameters import JSON_SCHEMA, LABEL, MOST_TOP, Bounds, common, token_count
from textmill.serve.records import Field, Record, Tagged
from textmill.serve.schema import Anything, Either, Flag, Many, Number, Table, Text

RESPONSE_PARTS = Tagged(
    tag="type",
    cases={
        "input_text": Record(fields=(Field(name="text", shape=Text(), required=True, about="part_text"),)),
        "output_text": Record(
            fields=(
                Field(name="text", shape=Text(), required=True, about="part_text"),
                Field(name="annotations", shape=Many(of=Anything(longest=0), most=0)),
                Field(name="logprobs", shape=Many(of=Anything(longest=0), most=0), about="given_logprobs"),
            )
        ),
    },
    refused=frozenset({"input_image", "input_file", "input_audio", "refusal"}),
)
STATUS = Field(name="status", shape=Text(choices=("in_progress", "completed", "incomplete")), about="item_status")
ITEM_ID = Field(name="id", shape=Text(longest=256), about="item_id")
CALL_ID = Field(name="call_id", shape=Text(longest=256), required=True)
ITEM = Tagged(
    tag="type",
    default="message",
    cases={
        "message": Record(
            fields=(
                Field(name="role", shape=Text(choices=("user", "assistant", "system", "developer")), required=True),
                Field(
                    name="content",
                    shape=Either(options={"string": Text(), "array": Many(of=RESPONSE_PARTS, most=1024)}),
                    required=True,
                ),
                ITEM_ID,
                STATUS,
            ),
            refused=frozenset({"phase"}),
        ),
        "function_call": Record(
            fields=(
                CALL_ID,
                Field(name="name", shape=FUNCTION_NAME, required=True, about="function_name"),
                Field(name="arguments", shape=Text(), required=True),
                ITEM_ID,
                STATUS,
            ),
            refused=frozenset({"namespace", "caller"}),
        ),
        "function_call_output": Record(
            fields=(CALL_ID, Field(name="output", shape=Text(), required=True), ITEM_ID, STATUS),
            refused=frozenset({"caller"}),
        ),
    },
    refused=frozenset(
        (
            "reasoning",
            "item_reference",
            "file_search_call",
            "web_search_call",
            "computer_call",
            "image_generation_call",
        )
    ),
)
RESPONSE_TOOL = Tagged(
    tag="type",
    cases={"function": Record(fields=FUNCTION)},
    refused=frozenset(
        (
            "custom",
            "file_search",
            "web_search",
            "web_search_preview",
            "computer_use_preview",
            "code_interpreter",
            "mcp",
            "image_generation",
            "local_shell",
            "shell",
            "apply_patch",
        )
    ),
)
RESPONSE_CHOICE = Either(
    options={
        "string": CHOICE_WORDS,
        "object": Tagged(
            tag="type",
            cases={
                "function": Record(
                    fields=(Field(name="name", shape=FUNCTION_NAME, required=True, about="function_name"),)
                )
            },
            refused=frozenset({"allowed_tools", "custom", "mcp", "file_search", "web_search_preview"}),
        ),
    }
)
TEXT_FORMAT = Tagged(
    tag="type",
    cases={
        "text": Record(fields=()),
        "json_object": Record(fields=()),
        "json_schema": JSON_SCHEMA,
    },
)
RESPONSES_REFUSED = frozenset(
    (
        "background",
        "conversation",
        "context_management",
        "max_tool_calls",
        "moderation",
        "prompt",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "stream_options",
    )
)


def responses(bounds: Bounds) -> Record:
    """Returns what /v1/responses takes."""
    items = Either(options={"string": Text(), "array": Many(of=ITEM, most=MOST_MESSAGES, least=1)})
    return Record(
        fields=(
            Field(name="input", shape=items, required=True, about="response_input"),
            *common(bounds),
            token_count("max_output_tokens", bounds),
            Field(name="instructions", shape=Text()),
            Field(name="previous_response_id", shape=Text(longest=64)),
            Field(name="include", shape=Many(of=Text(choices=("message.output_text.logprobs",)), most=1)),
            Field(name="top_logprobs", shape=Number(low=0, high=MOST_TOP, whole=True)),
            Field(
                name="text",
                shape=Record(
                    fields=(Field(name="format", shape=TEXT_FORMAT, about="response_format"),),
                    refused=frozenset({"verbosity"}),
                ),
            ),
            Field(name="tools", shape=Many(of=RESPONSE_TOOL, most=MOST_TOOLS)),
            Field(name="tool_choice", shape=RESPONSE_CHOICE),
            Field(name="parallel_tool_calls", shape=Flag(), default=True),
            Field(name="truncation", shape=Text(choices=("disabled",))),
            Field(name="metadata", shape=Table(of=LABEL, most=16)),
            Field(name="store", shape=Flag(), default=True, about="store_response"),
            Field(name="service_tier", shape=Text(choices=("auto", "default"))),
            Field(name="prompt_cache_key", shape=LABEL),
            Field(name="safety_identifier", shape=LABEL, about="user"),
        ),
        refused=RESPONSES_REFUSED,
    )
