"""Streams: whole characters, the same text as without, whatever the text and wherever it is cut."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from serving import Serving

HELLO = [{"role": "user", "content": "Hi"}]
TEXTS = ["一只猫坐在垫子上。", "a😀b👩‍👩‍👧‍👦c", "é\u0301 ñ ﷽", "plain\n\nlines\n"]
CALLS = '<tool_call>{"name": "f", "arguments": {"x": "</tool_call>猫"}}</tool_call>'


def events(served: Serving, path: str, body: dict[str, Any]) -> list[Any]:
    """Returns the documents of a stream's events, each of which must be whole UTF-8 by itself."""
    with served.http as client, client.stream("POST", path, json=body | {"stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        raw = b"".join(answer.iter_raw())
    assert raw.endswith(b"\n\n")
    found = []
    for part in raw.decode().split("\n\n")[:-1]:
        line = part.rpartition("data: ")[2]
        found.append(line if line == "[DONE]" else json.loads(line))
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_every_cut(text: str, scripted: Callable[..., Serving]) -> None:
    served = scripted(text)
    for tokens in range(1, len(text.encode()) + 2):
        body = {"messages": HELLO, "temperature": 0, "max_tokens": tokens}
        whole = served.post("/v1/chat/completions", body)[1]["choices"][0]
        told = events(served, "/v1/chat/completions", body)
        assert told.pop() == "[DONE]"
        pieces = [chunk["choices"][0]["delta"].get("content") for chunk in told]
        expected = text.encode()[:tokens].decode(errors="ignore")
        assert "".join(piece or "" for piece in pieces) == whole["message"]["content"] == expected
        assert told[-1]["choices"][0]["finish_reason"] == whole["finish_reason"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_cut_of_responses_and_completions(text: str, scripted: Callable[..., Serving]) -> None:
    served = scripted(text)
    prompt = served.post("/tokenize", {"messages": HELLO})[1]["tokens"]
    for tokens in range(1, len(text.encode()) + 2, 3):
        expected = text.encode()[:tokens].decode(errors="ignore")
        body = {"prompt": prompt, "temperature": 0, "max_tokens": tokens}
        told = events(served, "/v1/completions", body)[:-1]
        assert "".join(chunk["choices"][0]["text"] for chunk in told) == expected
        assert served.post("/v1/completions", body)[1]["choices"][0]["text"] == expected
        told = events(served, "/v1/responses", {"input": "Hi", "temperature": 0, "max_output_tokens": tokens})
        deltas = [event["delta"] for event in told if event["type"] == "response.output_text.delta"]
        assert "".join(deltas) == expected
        final = told[-1]["response"]
        assert "".join(part["text"] for item in final["output"] for part in item["content"]) == expected


@pytest.mark.parametrize("before", ["", "look: ", "a <tool", "<tool_call", "x\n\n"])
@pytest.mark.parametrize("after", ["", "\n", " and more"])
def test_calls_in_streams(before: str, after: str, scripted: Callable[..., Serving]) -> None:
    served = scripted(before + CALLS + after)
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body = {"messages": HELLO, "temperature": 0, "tools": [tool]}
    message = served.post("/v1/chat/completions", body)[1]["choices"][0]["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in events(served, "/v1/chat/completions", body)[:-1]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert "".join(delta.get("content") or "" for delta in deltas) == (message["content"] or "")
    assert [call["function"] for call in calls] == [call["function"] for call in message["tool_calls"]]
    assert json.loads(calls[0]["function"]["arguments"]) == {"x": "</tool_call>猫"}


def test_a_stream_never_shows_part_of_a_stop(scripted: Callable[..., Serving]) -> None:
    served = scripted("one STOP two")
    body = {"messages": HELLO, "temperature": 0, "stop": ["STOP!", "STOP"]}
    deltas = [
        chunk["choices"][0]["delta"].get("content", "") for chunk in events(served, "/v1/chat/completions", body)[:-1]
    ]
    assert "".join(deltas) == "one "
    assert not any("S" in delta for delta in deltas)


def test_usage_comes_last(scripted: Callable[..., Serving]) -> None:
    served = scripted("yes")
    body = {"messages": HELLO, "temperature": 0, "stream_options": {"include_usage": True}}
    told = events(served, "/v1/chat/completions", body)
    assert told[-1] == "[DONE]"
    assert told[-2]["choices"] == []
    assert told[-2]["usage"]["completion_tokens"] == 4
    assert all(chunk["usage"] is None for chunk in told[:-2])
    assert len({chunk["id"] for chunk in told[:-1]}) == 1
