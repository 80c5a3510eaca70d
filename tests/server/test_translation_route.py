"""/v1/translate and LibreTranslate's form: what the command's translator says, for each client as it asks."""

import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib import error, parse, request

import httpx
import pytest
from serving import SECONDS, Serving
from small_translation import CARD, PhraseRunner, pair_tokenizer, phrase_translator, phrases

from textmill.apps.translate.markers import protect
from textmill.apps.translate.pairs import Direction
from textmill.apps.translate.texts import TextTranslator
from textmill.apps.translate.translator import Options, Translator
from textmill.serve.keys import Keys
from textmill.serve.offers import Offers

ROUTE = "/v1/translate"
TO_ZH = Direction("en", "zh")
TEXT = "I see two cats. I want five {{things}} of nobody."


@pytest.fixture
def served(serve: Callable[..., Serving]) -> Serving:
    return serve(PhraseRunner(phrases()), pair_tokenizer(), offers=Offers(card=CARD))


def events(served: Serving, body: dict[str, Any]) -> list[Any]:
    with served.http as client, client.stream("POST", ROUTE, json=body) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_texts_are_translated_as_the_command_does(served: Serving) -> None:
    own = phrase_translator()
    options = Options(alternatives=1)
    texts = TextTranslator(translator=Translator(own.engine, CARD, options), mixed=True)
    wanted = [next(texts.translate([protect(text)], TO_ZH)) for text in (TEXT, "I have one dogs.")]
    body = {"input": [TEXT, "I have one dogs.", "我想要五本书。", "!?"], "target": "zh", "alternatives": 1}
    status, document = served.post(ROUTE, body | {"input": body["input"][:2] + body["input"][3:]})
    assert status == 200, document
    for told, whole in zip(document["data"], wanted, strict=False):
        assert (told["text"], told["confidence"]) == (whole.text, whole.confidence)
        assert tuple(told["alternatives"]) == whole.alternatives
        assert [one["text"] for one in told["sentences"]] == [one.text for one in whole.sentences]
    assert [told["source"] for told in document["data"]] == ["en", "en", "en"]
    assert document["data"][2]["text"] == "!?"
    assert document["data"][0]["detected"] == "en" and document["system_fingerprint"] == "hash"
    back = served.post(ROUTE, {"input": "我想要五本书。", "source": "Chinese", "target": "en"})[1]["data"]
    assert (back[0]["text"], back[0]["detected"], back[0]["source"]) == ("I want five books.", None, "zh")


def test_a_stream_says_each_sentence_and_then_the_whole(served: Serving) -> None:
    body = {"input": ["I see two cats. I want five books.", "I have one dogs."], "target": "zh"}
    whole = served.post(ROUTE, body)[1]["data"]
    told = events(served, body | {"stream": True})
    shown = ["".join(one["shown"] for one in told if "shown" in one and one["index"] == at) for at in (0, 1)]
    assert shown == [one["text"] for one in whole]
    assert [one for one in told if one["object"] == "translation"] == whole


def test_a_glossary_and_words_that_stay(served: Serving) -> None:
    body = {"input": "I see two cats. I want five books.", "target": "zh", "glossary": {"Cats": "小猫|猫咪"}}
    (told,) = served.post(ROUTE, body | {"keep": ["five books"]})[1]["data"]
    assert "小猫" in told["text"] or "猫咪" in told["text"]
    assert "five books" in told["text"]
    status, document = served.post(ROUTE, body | {"glossary": {"cats": "猫", "Cats": "狗"}})
    assert status == 400 and "contradicts" in document["error"]["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": "x"}, "target"),
        ({"input": "x", "target": "fr"}, "en-zh, zh-en"),
        ({"input": "x", "target": "klingon!"}, "no language"),
        ({"input": "I see.", "source": "en", "target": "en"}, "en-en"),
        ({"input": "x", "target": "zh", "file": "/etc/passwd"}, "file"),
        ({"input": [], "target": "zh"}, "input"),
        ({"input": "x", "target": "zh", "search": "sense"}, "search"),
    ],
)
def test_what_is_refused(served: Serving, body: dict[str, Any], said: str) -> None:
    status, document = served.post(ROUTE, body)
    assert status == 400 and said in document["error"]["message"]
    told = served.post(ROUTE, body, accept_language="zh")[1]["error"]["message"]
    assert told != document["error"]["message"]


def test_html_keeps_its_tags(served: Serving) -> None:
    page = "<p class='x'>I see two cats.</p><!-- cats --><script>var cats;</script>\n<p>I want five books. &amp;</p>"
    body = {"input": [page, "<br>"], "target": "zh", "format": "html"}
    told, empty = served.post(ROUTE, body)[1]["data"]
    assert told["text"].startswith("<p class='x'>我看见二只猫。</p><!-- cats --><script>var cats;</script>\n<p>")
    assert "我想要五本书。" in told["text"] and told["text"].endswith("</p>") and told["detected"] == "en"
    assert empty["text"] == "<br>"
    assert events(served, body | {"stream": True}) == [told, empty]
    asked = {"q": page, "source": "auto", "target": "zh", "format": "html"}
    assert served.post("/translate", asked)[1]["translatedText"] == told["text"]


def test_the_document_lists_libretranslates_routes_and_errors(served: Serving) -> None:
    with served.http as client:
        paths = client.get("/openapi.json").json()["paths"]
    assert {"/translate", "/detect", "/languages", "/frontend/settings", ROUTE} <= set(paths)
    form = paths["/translate"]["post"]["responses"]["default"]["content"]["application/json"]["schema"]
    assert form["properties"]["error"] == {"type": "string"}


def test_without_a_card_the_routes_say_how_to_get_one(tiny: Serving) -> None:
    for path in (ROUTE, "/translate", "/detect"):
        status, document = tiny.post(path, {"q": "x"})
        assert status == 404 and "tune translate" in json.dumps(document)
    assert ROUTE not in httpx.get(f"{tiny.address}/openapi.json", trust_env=False).json()["paths"]


def test_who_hangs_up_ends_the_work_and_others_are_answered_meanwhile(served: Serving) -> None:
    runner = served.engine.runner
    begun, go = threading.Event(), threading.Event()
    before = runner.forward

    def slow(parts: Any) -> Any:
        begun.set()
        assert go.wait(SECONDS)
        return before(parts)

    runner.forward = slow  # type: ignore[method-assign]
    connection = served.connection()
    body = json.dumps({"input": ["something unknown, " * 40] * 8, "target": "zh"}).encode()
    connection.request("POST", ROUTE, body, {"content-type": "application/json"})
    assert begun.wait(SECONDS)
    answers: list[Any] = []
    other = threading.Thread(
        target=lambda: answers.append(served.post(ROUTE, {"input": "I see two cats.", "target": "zh"}))
    )
    other.start()
    connection.close()
    go.set()
    other.join(SECONDS)
    assert answers[0][1]["data"][0]["text"] == "我看见二只猫。"
    assert served.settled()


def ask(url: str, values: dict[str, str], method: str | None = None, **headers: str) -> Any:
    """Asks as libretranslatepy does: urllib, a form in the body, also of a GET."""
    asked = request.Request(url, data=parse.urlencode(values).encode(), method=method, headers=headers)
    opener = request.build_opener(request.ProxyHandler({}))
    return json.loads(opener.open(asked, timeout=SECONDS).read().decode())


def test_libretranslates_python_client(served: Serving) -> None:
    url = served.address + "/"
    made = ask(url + "translate", {"q": "I see two cats.", "source": "en", "target": "zh"})
    assert made == {"translatedText": "我看见二只猫。"}
    assert ask(url + "detect", {"q": "一只猫"}) == [{"confidence": 100.0, "language": "zh"}]
    assert ask(url + "languages", {}, "GET") == [
        {"code": "en", "name": "English", "targets": ["zh"]},
        {"code": "zh", "name": "Chinese", "targets": ["en"]},
    ]


def test_libretranslates_json_lists_and_forms_of_files(served: Serving) -> None:
    body = {"q": ["我有一只狗。", "!?"], "source": "auto", "target": "en", "format": "text", "alternatives": 2}
    status, made = served.post("/translate", body | {"api_key": ""})
    assert status == 200 and made["translatedText"] == ["I have one dogs.", "!?"]
    assert made["detectedLanguage"][0] == {"confidence": 100.0, "language": "zh"}
    assert len(made["alternatives"]) == 2 and all(isinstance(each, list) for each in made["alternatives"])
    one = served.post("/translate", body | {"q": "我有一只狗。", "target": "en"})[1]
    assert one["translatedText"] == "I have one dogs." and isinstance(one["alternatives"], list)
    with served.http as client:
        fields = {name: (None, text) for name, text in (("q", "I see two cats."), ("source", "en"), ("target", "zh"))}
        assert client.post("/translate", files=fields).json() == {"translatedText": "我看见二只猫。"}
        assert client.get("/frontend/settings").json()["language"]["target"] == {"code": "zh", "name": "Chinese"}
        assert client.get("/health").json() == {"status": "ok"}
        refusals = [
            client.post("/translate", json={"q": "x", "source": "en"}),
            client.post("/translate", json={"q": "x", "source": "en", "target": "fr"}),
            client.post("/translate", content=b"{", headers={"content-type": "application/json"}),
            client.post("/translate", files={"q": ("a.txt", b"x")}),
            client.post("/translate", content=b"q=x", headers={"content-type": "text/plain"}),
            client.post("/translate", data={"q": "x"}, headers={"origin": "http://elsewhere.org"}),
        ]
    assert [answer.status_code for answer in refusals] == [400, 400, 400, 400, 415, 403]
    assert all(list(answer.json()) == ["error"] and answer.json()["error"] for answer in refusals)


def test_a_key_may_stand_in_the_body(serve: Callable[..., Serving]) -> None:
    keys = Keys({hashlib.sha256(b"k" * 24).hexdigest(): "alice"})
    served = serve(PhraseRunner(phrases()), pair_tokenizer(), offers=Offers(card=CARD), keys=keys)
    url, values = served.address + "/translate", {"q": "I see two cats.", "source": "en", "target": "zh"}
    assert ask(url, values | {"api_key": "k" * 24})["translatedText"] == "我看见二只猫。"
    assert ask(url, values, Authorization="Bearer " + "k" * 24)["translatedText"]
    for wrong in ({}, {"api_key": "x" * 24}):
        with pytest.raises(error.HTTPError) as raised:
            ask(url, values | wrong)
        assert raised.value.code == 403 and "key" in json.loads(raised.value.read())["error"]
