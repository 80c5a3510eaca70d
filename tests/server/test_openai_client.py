"""The official `openai` client against the server: what it promises its users holds here."""

import json
import math
from collections.abc import Callable

import openai
import pytest
from hash_runner import HashRunner
from serving import NAME, Serving, script_runner

from textmill.tokenizer.tokenizer import Tokenizer

HELLO = [{"role": "user", "content": "Say something. 说点什么。"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "enum": ["Paris", "北京"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["town", "days"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {"name": "time", "parameters": {"type": "object", "properties": {}, "additionalProperties": False}},
}


def test_models(tiny: Serving) -> None:
    models = tiny.client.models.list().data
    assert [model.id for model in models] == [NAME]
    assert tiny.client.models.retrieve(NAME).object == "model"
    with pytest.raises(openai.NotFoundError):
        tiny.client.models.retrieve("another")


def test_chat(tiny: Serving) -> None:
    answer = tiny.client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=12, seed=1)
    (choice,) = answer.choices
    assert answer.object == "chat.completion"
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert answer.usage.completion_tokens <= 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.system_fingerprint == "fp32 (torch on cpu)"
    again = tiny.client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=12, seed=1)
    assert again.choices[0].message.content == choice.message.content
    assert again.usage.prompt_tokens_details.cached_tokens >= 16
    other = tiny.client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=12, seed=2)
    assert other.choices[0].message.content != choice.message.content


def test_stream_says_what_a_whole_answer_says(tiny: Serving) -> None:
    options = {"model": NAME, "messages": HELLO, "max_tokens": 40, "seed": 3, "n": 2}
    whole = tiny.client.chat.completions.create(**options)
    texts, reasons, usage, roles = {0: "", 1: ""}, {}, None, set()
    for chunk in tiny.client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}):
        assert chunk.object == "chat.completion.chunk"
        if not chunk.choices:
            usage = chunk.usage
            continue
        assert chunk.usage is None
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        roles |= {choice.delta.role} - {None}
        if choice.finish_reason:
            reasons[choice.index] = choice.finish_reason
    assert [texts[0], texts[1]] == [choice.message.content for choice in whole.choices]
    assert [reasons[0], reasons[1]] == [choice.finish_reason for choice in whole.choices]
    assert roles == {"assistant"}
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_n_are_the_samples_of_the_seeds_one_by_one(tiny: Serving) -> None:
    def texts(**options: object) -> list[str]:
        answer = tiny.client.chat.completions.create(model=NAME, messages=HELLO, max_tokens=10, **options)
        assert [choice.index for choice in answer.choices] == list(range(len(answer.choices)))
        return [choice.message.content for choice in answer.choices]

    four = texts(n=4, seed=5)
    assert len(set(four)) == 4
    assert four == [text for seed in range(5, 9) for text in texts(seed=seed)]


def test_logprobs(tiny: Serving) -> None:
    answer = tiny.client.chat.completions.create(
        model=NAME, messages=HELLO, max_tokens=8, logprobs=True, top_logprobs=3, seed=2, extra_body={"ignore_eos": True}
    )
    (choice,) = answer.choices
    entries = choice.logprobs.content
    assert len(entries) == 8
    assert (
        b"".join(bytes(entry.bytes) for entry in entries).decode(errors="ignore").startswith(choice.message.content[:1])
    )
    for entry in entries:
        tops = [top.logprob for top in entry.top_logprobs]
        assert len(tops) == 3
        assert tops == sorted(tops, reverse=True)
        assert entry.logprob <= tops[0] + 1e-6
        assert sum(map(math.exp, tops)) <= 1 + 1e-6
    streamed = []
    for chunk in tiny.client.chat.completions.create(
        model=NAME, messages=HELLO, max_tokens=8, logprobs=True, seed=2, stream=True, extra_body={"ignore_eos": True}
    ):
        if chunk.choices[0].logprobs:
            streamed += chunk.choices[0].logprobs.content
    assert [entry.logprob for entry in streamed] == [entry.logprob for entry in entries]


def test_stop(scripted: Callable[..., Serving]) -> None:
    served = scripted("one, two, three, four")
    for stop, text in ((" three", "one, two,"), (["four", "wo"], "one, t"), ("absent", "one, two, three, four")):
        answer = served.client.chat.completions.create(model=NAME, messages=HELLO, stop=stop, temperature=0)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text, "stop")
        pieces = served.client.chat.completions.create(
            model=NAME, messages=HELLO, stop=stop, stream=True, temperature=0
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in pieces) == text
    short = served.client.chat.completions.create(model=NAME, messages=HELLO, max_completion_tokens=3, temperature=0)
    assert (short.choices[0].message.content, short.choices[0].finish_reason) == ("one", "length")


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_json_schema_holds_whatever_the_model_wants(tiny: Serving) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}
    for seed in range(4):
        answer = tiny.client.chat.completions.create(
            model=NAME, messages=HELLO, response_format=form, seed=seed, max_tokens=300
        )
        person = json.loads(answer.choices[0].message.content)
        assert set(person) == {"name", "age"}
        assert 0 <= person["age"] <= 150
        assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("extra", "check"),
    [
        ({"guided_choice": ["red", "绿色"]}, lambda text: text in ("red", "绿色")),
        (
            {"guided_regex": "[a-c]{5}-[0-9]"},
            lambda text: len(text) == 7 and text[5] == "-" and set(text[:5]) <= set("abc"),
        ),
        ({"guided_json": SCHEMA}, lambda text: set(json.loads(text)) == {"name", "age"}),
        ({"guided_grammar": 'start: "yes" | "no"'}, lambda text: text in ("yes", "no")),
    ],
)
def test_guided(extra: dict, check: Callable[[str], bool], tiny: Serving) -> None:
    for seed in range(3):
        answer = tiny.client.chat.completions.create(
            model=NAME, messages=HELLO, seed=seed, max_tokens=300, extra_body=extra
        )
        assert check(answer.choices[0].message.content)
        text = tiny.client.completions.create(model=NAME, prompt="x", seed=seed, max_tokens=300, extra_body=extra)
        assert check(text.choices[0].text)


CALLS = '<tool_call>\n{"name": "weather", "arguments": {"town": "北京", "days": 2}}\n</tool_call>'


def test_tool_calls(scripted: Callable[..., Serving]) -> None:
    served = scripted(f"I look it up.\n{CALLS}\n{CALLS.replace('北京', 'Paris')}")
    options = {"model": NAME, "messages": HELLO, "tools": [WEATHER, TIME], "temperature": 0}
    answer = served.client.chat.completions.create(**options)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "I look it up."
    calls = [(call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
    assert calls == [("weather", {"town": "北京", "days": 2}), ("weather", {"town": "Paris", "days": 2})]
    text, streamed = "", {}
    for chunk in served.client.chat.completions.create(**options, stream=True):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for call in delta.tool_calls or []:
            name, arguments = streamed.get(call.index, ("", ""))
            streamed[call.index] = (name + (call.function.name or ""), arguments + (call.function.arguments or ""))
    assert text == "I look it up."
    assert [(name, json.loads(arguments)) for name, arguments in streamed.values()] == calls
    one = served.client.chat.completions.create(**options, parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls) == 1
    none = served.client.chat.completions.create(**options, tool_choice="none")
    assert none.choices[0].message.tool_calls is None
    assert none.choices[0].message.content.endswith("</tool_call>")


def test_a_call_goes_back_with_its_result(tiny: Serving) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"town": "Paris", "days": 1}'},
    }
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Sun"},
    ]
    answer = tiny.client.chat.completions.create(model=NAME, messages=messages, tools=[WEATHER], max_tokens=3)
    assert answer.usage.completion_tokens <= 3


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_forced_call_fits_its_schema(choice: object, tiny: Serving) -> None:
    for seed in range(3):
        for stream in (False, True):
            options = {
                "model": NAME,
                "messages": HELLO,
                "tools": [WEATHER, TIME],
                "tool_choice": choice,
                "seed": seed,
                "max_tokens": 200,
            }
            if stream:
                with tiny.client.chat.completions.stream(**options) as events:
                    answer = events.get_final_completion()
            else:
                answer = tiny.client.chat.completions.create(**options)
            (call,) = answer.choices[0].message.tool_calls
            arguments = json.loads(call.function.arguments)
            assert answer.choices[0].finish_reason == "tool_calls"
            if call.function.name == "weather":
                assert arguments["town"] in ("Paris", "北京")
                assert 1 <= arguments["days"] <= 9
            else:
                assert (call.function.name, arguments) == ("time", {})


def test_strict_tools_hold_where_the_model_may_choose(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    wrong = '{"name": "weather", "arguments": {"town": "Rome", "days": 77}}'
    served = serve(script_runner(byte_tokenizer, f"Look:\n<tool_call>\n{wrong}\n</tool_call>"), byte_tokenizer)
    strict = {"type": "function", "function": WEATHER["function"] | {"strict": True}}
    options = {"model": NAME, "messages": HELLO, "tools": [strict, TIME], "temperature": 0, "max_tokens": 200}
    answer = served.client.chat.completions.create(**options)
    assert answer.choices[0].message.content == "Look:"
    (call,) = answer.choices[0].message.tool_calls
    arguments = json.loads(call.function.arguments)
    assert arguments["town"] in ("Paris", "北京")
    assert arguments["days"] in range(1, 10)
    loose = served.client.chat.completions.create(**options | {"tools": [WEATHER, TIME]})
    assert json.loads(loose.choices[0].message.tool_calls[0].function.arguments)["days"] == 77


def test_plain_text_with_strict_tools(scripted: Callable[..., Serving]) -> None:
    served = scripted("Only text <b>here</b>, 猫。")
    strict = {"type": "function", "function": WEATHER["function"] | {"strict": True}}
    for several in (True, False):
        answer = served.client.chat.completions.create(
            model=NAME, messages=HELLO, tools=[strict], temperature=0, parallel_tool_calls=several
        )
        assert answer.choices[0].message.content == "Only text <b>here</b>, 猫。"


def test_adapters_by_name(serve: Callable[..., Serving], byte_tokenizer: Tokenizer) -> None:
    served = serve(HashRunner(page_count=100, context=200), byte_tokenizer)
    assert [model.id for model in served.client.models.list().data] == [NAME, f"{NAME}:one", f"{NAME}:two"]
    texts = {}
    for model in (NAME, f"{NAME}:one", "one", f"{NAME}:two"):
        answer = served.client.completions.create(model=model, prompt="x", max_tokens=10, seed=1)
        texts[model] = answer.choices[0].text
        assert answer.model == model
    assert texts[f"{NAME}:one"] == texts["one"]
    assert len(set(texts.values())) == 3
    with pytest.raises(openai.NotFoundError):
        served.client.completions.create(model=f"{NAME}:three", prompt="x")


def test_metrics(scripted: Callable[..., Serving]) -> None:
    served = scripted("Hello")
    served.client.chat.completions.create(model=NAME, messages=HELLO, temperature=0)
    served.client.chat.completions.create(model=NAME, messages=HELLO, temperature=0)
    assert served.metric('textmill_http_requests_total{method="POST",route="/v1/chat/completions",status="200"}') == 2
    assert served.metric("textmill_written_tokens_total") == 12
    assert served.metric("textmill_reused_tokens_total") > 0
    assert served.metric("textmill_time_to_first_token_seconds_count") == 2
    assert served.metric("textmill_pages_held") == 0
    assert served.metric("textmill_tokens_per_second") > 0
    assert served.metric('textmill_model_info{model="tiny",path="script"}') == 1


def test_completions(tiny: Serving) -> None:
    client = tiny.client
    answer = client.completions.create(model=NAME, prompt=["the cat", "the dog"], n=2, max_tokens=5, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    alone = client.completions.create(model=NAME, prompt="the dog", n=2, max_tokens=5, seed=1)
    assert [choice.text for choice in answer.choices[2:]] == [choice.text for choice in alone.choices]
    ids = tiny.post("/tokenize", {"prompt": "the dog"})[1]["tokens"]
    same = client.completions.create(model=NAME, prompt=ids, n=2, max_tokens=5, seed=1)
    assert [choice.text for choice in same.choices] == [choice.text for choice in alone.choices]
    streamed = {}
    for chunk in client.completions.create(
        model=NAME, prompt=["the cat", "the dog"], n=2, max_tokens=5, seed=1, stream=True
    ):
        streamed[chunk.choices[0].index] = streamed.get(chunk.choices[0].index, "") + chunk.choices[0].text
    assert [streamed[index] for index in range(4)] == [choice.text for choice in answer.choices]


def test_completions_score_their_prompts(tiny: Serving) -> None:
    text = "the cat 猫"
    scored = tiny.client.completions.create(model=NAME, prompt=text, max_tokens=0, echo=True, logprobs=2)
    (choice,) = scored.choices
    assert (choice.text, choice.finish_reason) == (text, "length")
    assert len(choice.logprobs.tokens) == len(text.encode()) == len(choice.logprobs.token_logprobs)
    assert all(value < 0 for value in choice.logprobs.token_logprobs)
    assert choice.logprobs.text_offset == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8]
    assert all(len(top) in (2, 3) for top in choice.logprobs.top_logprobs)
    written = tiny.client.completions.create(model=NAME, prompt=text, max_tokens=4, echo=True, logprobs=2, seed=1)
    assert written.choices[0].text.startswith(text)
    assert written.choices[0].logprobs.token_logprobs[: len(text.encode())] == choice.logprobs.token_logprobs
    pieces = list(
        tiny.client.completions.create(
            model=NAME, prompt=text, max_tokens=4, echo=True, logprobs=2, seed=1, stream=True
        )
    )
    assert "".join(piece.choices[0].text for piece in pieces) == written.choices[0].text
    values = [value for piece in pieces for value in piece.choices[0].logprobs.token_logprobs]
    assert values == written.choices[0].logprobs.token_logprobs


def test_best_of_gives_the_likeliest(tiny: Serving) -> None:
    options = {"model": NAME, "prompt": "the", "max_tokens": 6, "seed": 9, "logprobs": 0}
    every = tiny.client.completions.create(**options, n=5).choices
    means = {choice.text: sum(choice.logprobs.token_logprobs) / len(choice.logprobs.tokens) for choice in every}
    best = tiny.client.completions.create(**options, best_of=5, n=2)
    assert [choice.text for choice in best.choices] == sorted(means, key=lambda text: -means[text])[:2]


def test_embeddings(tiny: Serving) -> None:
    answer = tiny.client.embeddings.create(model=NAME, input=["the cat", "猫"], encoding_format="float")
    assert [len(item.embedding) for item in answer.data] == [32, 32]
    assert sum(value * value for value in answer.data[0].embedding) == pytest.approx(1)
    packed = tiny.client.embeddings.create(model=NAME, input="the cat")  # the client asks for base64 and unpacks it
    assert packed.data[0].embedding == pytest.approx(answer.data[0].embedding, abs=1e-6)
    assert answer.usage.total_tokens == 2 + 7 + 3


def test_responses(scripted: Callable[..., Serving]) -> None:
    served = scripted("Hello 你好😀")
    answer = served.client.responses.create(model=NAME, input="Hi", temperature=0)
    assert (answer.output_text, answer.status) == ("Hello 你好😀", "completed")
    assert answer.usage.output_tokens == len("Hello 你好😀".encode()) + 1
    text, kinds, numbers = "", [], []
    for event in served.client.responses.create(model=NAME, input="Hi", temperature=0, stream=True):
        kinds.append(event.type)
        numbers.append(event.sequence_number)
        text += event.delta if event.type == "response.output_text.delta" else ""
    assert text == answer.output_text
    assert numbers == list(range(len(numbers)))
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    with served.client.responses.stream(model=NAME, input="Hi", temperature=0) as events:
        assert events.get_final_response().output_text == answer.output_text
    short = served.client.responses.create(model=NAME, input="Hi", temperature=0, max_output_tokens=5)
    assert (short.status, short.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_responses_go_on(scripted: Callable[..., Serving]) -> None:
    served = scripted("Yes.", responses=2)
    first = served.client.responses.create(model=NAME, input="Hi", instructions="Be kind.", temperature=0)
    follow = {"model": NAME, "input": "And?", "temperature": 0}
    second = served.client.responses.create(**follow, previous_response_id=first.id)
    whole = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And?"},
    ]
    same = served.client.responses.create(model=NAME, input=whole, temperature=0)
    assert second.usage.input_tokens == same.usage.input_tokens, "instructions are for one answer alone"
    with pytest.raises(openai.NotFoundError):
        served.client.responses.create(**follow, previous_response_id=first.id)


def test_responses_call_functions(scripted: Callable[..., Serving]) -> None:
    served = scripted(f"Wait.\n{CALLS}")
    tools = [{"type": "function", **WEATHER["function"], "strict": False}]
    answer = served.client.responses.create(model=NAME, input="Weather?", tools=tools, temperature=0)
    assert [item.type for item in answer.output] == ["message", "function_call"]
    call = answer.output[1]
    assert json.loads(call.arguments) == {"town": "北京", "days": 2}
    with served.client.responses.stream(model=NAME, input="Weather?", tools=tools, temperature=0) as events:
        final = events.get_final_response()
    assert [item.type for item in final.output] == ["message", "function_call"]
    items = [
        {"role": "user", "content": "Weather?"},
        *(item.model_dump(exclude_none=True) for item in answer.output),
        {"type": "function_call_output", "call_id": call.call_id, "output": "Sun"},
    ]
    assert served.client.responses.create(model=NAME, input=items, tools=tools, temperature=0).status == "completed"


def test_responses_hold_a_schema(tiny: Serving) -> None:
    form = {"format": {"type": "json_schema", "name": "person", "schema": SCHEMA}}
    answer = tiny.client.responses.create(model=NAME, input="Who?", text=form, max_output_tokens=300)
    assert set(json.loads(answer.output_text)) == {"name", "age"}


def test_errors_are_those_of_the_client(tiny: Serving) -> None:
    client = tiny.client
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(model=NAME, messages=HELLO, temperature=5)
    assert (bad.value.param, bad.value.code) == ("temperature", "out_of_range")
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": "x" * 3000}])
    assert long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as image:
        content = [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/cat.png"}}]
        client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": content}])
    assert image.value.param == "messages.0.content.0.type"
