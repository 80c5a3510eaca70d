"""What is sent: every parameter is honoured or refused by name, and nothing that is sent breaks the server."""

import json
import time
from typing import Any

import pytest
from serving import NAME, Serving

from textmill.i18n import LANGUAGES, catalog
from textmill.serve import chat_parameters, parameters, response_parameters
from textmill.serve.parameters import Bounds

HELLO = [{"role": "user", "content": "Hi"}]
IMAGE = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}
INPUT_IMAGE = {"type": "input_image", "image_url": "http://127.0.0.1:1/"}
TEXT_PART = {"type": "text", "text": "x"}
CHAT, TEXT, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"


def chat(served: Serving, **more: Any) -> tuple[int, Any]:
    return served.post(CHAT, {"messages": HELLO, "max_tokens": 2} | more)


def refused(answer: tuple[int, Any], param: str | None, code: str | None = None) -> None:
    status, document = answer
    assert status == 400, document
    assert set(document["error"]) == {"message", "type", "param", "code"}
    assert document["error"]["type"] == "invalid_request_error"
    assert document["error"]["param"] == param, document
    assert code in (None, document["error"]["code"])
    if param is not None:
        assert param.rpartition(".")[2][:40] in document["error"]["message"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tempratur": 1}, "tempratur"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"n": 1.5}, "n"),
        ({"max_tokens": 10**7}, "max_tokens"),
        ({"max_tokens": 2, "max_completion_tokens": 3}, "max_tokens"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop": ["x" * 257]}, "stop.0"),
        ({"stop": ""}, "stop"),
        ({"logit_bias": {"999999": 1}}, "logit_bias.999999"),
        ({"logit_bias": {"one": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1"),
        ({"logit_bias": {str(id): 1 for id in range(1025)}}, "logit_bias"),
        ({"bad_words": ["x"] * 257}, "bad_words"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [TEXT_PART | {"url": "y"}]}]}, "messages.0.content.0.url"),
        ({"functions": []}, "functions"),
        ({"store": True}, "store"),
        ({"reasoning_effort": "high"}, "reasoning_effort"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"modalities": ["audio"]}, "modalities.0"),
        ({"tool_choice": "required"}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a"}}] * 2}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"guided_regex": "a", "guided_choice": ["a"]}, "guided_choice"),
        ({"guided_regex": "(" * 10}, "guided_regex"),
        ({"guided_grammar": "start: nothing"}, "guided_grammar"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_json": {"type": "nonsense"}}, "guided_json"),
        ({"min_tokens": 3}, "min_tokens"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**70}, "seed"),
    ],
)  # fmt: skip
def test_chat_refuses_by_name(change: dict[str, Any], param: str, tiny: Serving) -> None:
    refused(chat(tiny, **change), param)


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (TEXT, {}, "prompt"),
        (TEXT, {"prompt": "x", "suffix": "y"}, "suffix"),
        (TEXT, {"prompt": []}, "prompt"),
        (TEXT, {"prompt": [[]]}, "prompt.0"),
        (TEXT, {"prompt": [99999]}, "prompt.0"),
        (TEXT, {"prompt": ["x"] * 65}, "prompt"),
        (TEXT, {"prompt": {"a": 1}}, "prompt"),
        (TEXT, {"prompt": "x", "best_of": 1, "n": 2}, "best_of"),
        (TEXT, {"prompt": "x", "best_of": 2, "stream": True}, "best_of"),
        (TEXT, {"prompt": "x", "max_tokens": 0}, "max_tokens"),
        (TEXT, {"prompt": "x" * 3000}, "prompt"),
        (TEXT, {"prompt": [1] * 3000}, "prompt"),
        ("/v1/embeddings", {"input": "x", "dimensions": 8}, "dimensions"),
        ("/v1/embeddings", {"input": "x", "encoding_format": "int8"}, "encoding_format"),
        ("/v1/embeddings", {"input": ["x", "y" * 3000]}, "input.1"),
        (RESPONSES, {"input": "x", "background": True}, "background"),
        (RESPONSES, {"input": "x", "reasoning": {"effort": "low"}}, "reasoning"),
        (RESPONSES, {"input": "x", "tools": [{"type": "file_search"}]}, "tools.0.type"),
        (RESPONSES, {"input": "x", "truncation": "auto"}, "truncation"),
        (RESPONSES, {"input": "x", "include": ["reasoning.encrypted_content"]}, "include.0"),
        (RESPONSES, {"input": [{"role": "user", "content": [INPUT_IMAGE]}]}, "input.0.content.0.type"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}, "input.0.type"),
        (RESPONSES, {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input.0.call_id"),
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "x", "messages": HELLO}, "prompt"),
        ("/detokenize", {"tokens": [10**6]}, "tokens.0"),
    ],
)  # fmt: skip
def test_other_routes_refuse_by_name(path: str, body: dict[str, Any], param: str, tiny: Serving) -> None:
    refused(tiny.post(path, body), param)


def test_null_is_no_wish(tiny: Serving) -> None:
    names = {item.name for item in chat_parameters.chat(tiny.running.service.bounds).fields} - {
        "messages",
        "max_tokens",
    }
    assert chat(tiny, **dict.fromkeys(names | chat_parameters.CHAT_REFUSED))[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"messages": NaN}',
        b'{"temperature": NaN}',
        b'{"temperature": Infinity}',
        b'{"temperature": -Infinity}',
        b'{"temperature": 1e999}',
        b'{"n": ' + b"9" * 5000 + b"}",
        b'{"temperature": 0.' + b"1" * 5000 + b"}",
        b'{"messages": [{"role": "user", "content": "\\ud83d"}]}',
        b'{"\\udc00": 1}',
        b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"[" * 1_000_000,
        b'{"guided_json": ' + b'{"items":' * 200 + b"{}" + b"}" * 200 + b"}",
    ],
    ids=lambda raw: repr(raw[:24]),
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, TEXT, RESPONSES, "/tokenize"])
def test_what_is_no_good_json(path: str, raw: bytes, tiny: Serving) -> None:
    status, document = tiny.post(path, raw)
    assert status == 400
    assert document["error"]["code"] in ("invalid_json", "invalid_unicode")


def test_sizes(tiny: Serving) -> None:
    status, document = tiny.post(CHAT, b" " * 9_000_000)
    assert (status, document["error"]["code"]) == (413, "request_too_large")
    began = time.monotonic()
    refused(tiny.post(CHAT, {"messages": HELLO, "stop": ["x"] * 1_000_000}), "stop", "array_length")
    refused(tiny.post(CHAT, {"messages": HELLO, "x" * 1_000_000: 1}), ("x" * 1_000_000)[:200])
    assert time.monotonic() - began < 10
    refused(tiny.post(CHAT, {"messages": [{"role": "user", "content": "猫" * 1_000_000}]}), "messages")
    refused(tiny.post(CHAT, {"messages": HELLO * 5000}), "messages", "array_length")


def test_only_json_is_read(tiny: Serving) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        status, document = tiny.post(CHAT, {"messages": HELLO}, content_type=kind)
        assert (status, document["error"]["code"]) == (415, "unsupported_media_type")
    assert tiny.post(TEXT, {"prompt": "x", "max_tokens": 1}, content_type="application/json; charset=utf-8")[0] == 200


def test_routes_and_methods(tiny: Serving) -> None:
    with tiny.http as client:
        for answer, status in ((client.get("/nothing"), 404), (client.get(CHAT), 405), (client.put(CHAT), 405)):
            assert answer.status_code == status
            assert answer.json()["error"]["message"]
        assert client.get("/v1/models/none").status_code == 404
        assert client.get("/health").json() == {"status": "ok"}
        assert client.get("/ready").json() == {"status": "ready"}


def test_errors_in_the_clients_language(tiny: Serving) -> None:
    body = {"messages": HELLO, "temperature": 9}
    english = tiny.post(CHAT, body, accept_language="fr, en;q=0.5, zh;q=0.1")[1]["error"]["message"]
    chinese = tiny.post(CHAT, body, accept_language="zh-CN,zh;q=0.9,en;q=0.8")[1]["error"]["message"]
    assert english.startswith("temperature is out of its range")
    assert chinese.startswith("temperature 超出取值范围")
    assert tiny.post(CHAT, body, accept_language="x" * 5000 + ";q=q,,;")[0] == 400


def test_tokens_there_and_back(tiny: Serving) -> None:
    text = "The cat 猫😀 <|im_end|>"
    tokens = tiny.post("/tokenize", {"prompt": text})[1]
    assert tokens["count"] == len(tokens["tokens"]) == 1 + len(text.encode())
    plain = tiny.post("/tokenize", {"prompt": text, "add_special_tokens": False})[1]["tokens"]
    assert tokens["tokens"][1:] == plain
    assert tiny.post("/detokenize", {"tokens": plain})[1]["prompt"] == text
    asked = tiny.post("/tokenize", {"messages": HELLO})[1]["tokens"]
    assert tiny.post("/detokenize", {"tokens": asked})[1]["prompt"] == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"logit_bias": {"a": 100}, "temperature": 0}, lambda text: set(text) == {"a"}),
        ({"top_k": 1, "temperature": 2}, None),
        ({"bad_words": list("abcdefgh")}, lambda text: not set(text) & set("abcdefgh")),
        ({"guided_regex": "[ab]*", "min_tokens": 20}, lambda text: len(text) >= 20),
        (
            {"guided_regex": "[ab]*", "min_tokens": 20, "frequency_penalty": 2, "temperature": 0},
            lambda text: set(text) == {"a", "b"},
        ),
        ({"guided_regex": "[ab]{20}", "repetition_penalty": 50}, lambda text: "ab" in text or "ba" in text),
        ({"ignore_eos": True}, None),
    ],
)
def test_what_shapes_the_text(change: dict[str, Any], check: Any, tiny: Serving) -> None:
    if "logit_bias" in change:
        (id,) = tiny.post("/tokenize", {"prompt": "a", "add_special_tokens": False})[1]["tokens"]
        change = change | {"logit_bias": {str(id): 100}}
    status, document = chat(tiny, max_tokens=24, seed=1, **change)
    assert status == 200
    text = document["choices"][0]["message"]["content"]
    assert check is None or check(text), text
    if "top_k" in change:
        assert text == chat(tiny, max_tokens=24, temperature=0)[1]["choices"][0]["message"]["content"]
    if "ignore_eos" in change:
        assert document["usage"]["completion_tokens"] == 24


def test_the_context_ends_an_answer(tiny: Serving) -> None:
    status, document = tiny.post(TEXT, {"prompt": "x" * 2030, "max_tokens": 2000, "ignore_eos": True})
    assert (status, document["choices"][0]["finish_reason"]) == (200, "length")
    assert document["usage"]["total_tokens"] == 2049
    assert tiny.post(TEXT, {"prompt": "x" * 2047, "max_tokens": 5})[0] == 200
    refused(tiny.post(TEXT, {"prompt": "x" * 2048}), "prompt", "context_length_exceeded")


def test_every_parameter_is_described_in_both_languages(tiny: Serving) -> None:
    bounds = Bounds(context=10, vocabulary=10, samples=2, tokens=5)
    for record in (chat_parameters.chat, response_parameters.responses, parameters.completions, parameters.embeddings):
        record(bounds).document()  # looks every entry up
    assert all(set(entry) == set(LANGUAGES) for entry in catalog("serve_parameters").values())


def test_the_document_and_its_page(tiny: Serving) -> None:
    with tiny.http as client:
        document = client.get("/openapi.json", headers={"accept-language": "zh"}).json()
        page = client.get("/", headers={"accept-language": "zh"})
    schema = document["paths"][CHAT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    names = {item.name for item in chat_parameters.chat(tiny.running.service.bounds).fields}
    assert set(schema["properties"]) == names
    assert "选词的自由度" in page.text
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert json.dumps(document)
    assert NAME in document["info"]["title"]
