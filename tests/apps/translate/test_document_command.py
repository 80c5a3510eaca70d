"""`textmill translate --in DOCUMENT`: an untrained model under its grammar keeps every form whole; what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sample_documents import bones, docx, translated

WORDS = ("--to", "zh", "--from", "en", "--model", "small", "--search", "greedy")


PAGE = b'<p class="x">I <b>see</b> {{n}} <a href="u">cats</a>.</p><pre>as it is</pre>'
UNIT = b'<segment id="1"><source>Two <pc id="1">dogs</pc><ph id="2"/></source></segment>'
XLIFF = b'<xliff version="2.0" srcLang="en"><file id="f"><unit id="u">' + UNIT + b"</unit></file></xliff>"
RUNS = b"<w:p><w:r><w:t>I see </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>two</w:t></w:r><w:r><w:tab/></w:r></w:p>"
WORD = docx(b'<w:document xmlns:w="w"><w:body>' + RUNS + b"</w:body></w:document>")


@pytest.mark.parametrize(
    ("name", "source"), [("a.html", PAGE), ("a.xlf", XLIFF), ("a.docx", WORD)], ids=["html", "xliff", "docx"]
)
def test_an_untrained_model_keeps_the_form(in_taught: Callable, tmp_path: Path, name: str, source: bytes) -> None:
    (tmp_path / name).write_bytes(source)
    out = tmp_path / f"o.{name}"
    document = in_taught("translate", "--in", tmp_path / name, "--out", out, *WORDS, "--json").ok().document
    assert (document["from"], document["to"], document["done_before"]) == ("en", "zh", 0)
    assert document["units"] >= 1
    translated(tmp_path / name, tmp_path / f"k.{name}", target="zh")
    made, wanted = out.read_bytes(), (tmp_path / f"k.{name}").read_bytes()
    assert bones(name, made) == bones(name, wanted)
    assert made != wanted


def test_a_document_goes_on(in_taught: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, out = tmp_path / "a.json", tmp_path / "b.json"
    place.write_text(json.dumps({"a": "I see two cats.", "b": "I have one dog."}), encoding="utf-8")
    words = ("translate", "--in", place, "--out", out, "--to", "zh", "--model", "small", "--field", "a")

    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("textmill.cli.translate_documents.said_of", stops)
        stopped = in_taught(*words, "--json")
    assert stopped.code == 130
    assert stopped.document["batches"] == 0
    assert not out.exists()
    shown = in_taught(*words).ok()
    assert "JSON, en-zh: 1 texts" in shown.err
    made = json.loads(out.read_text(encoding="utf-8"))
    assert made["a"] != "I see two cats."
    assert made["b"] == "I have one dog."
    journal = tmp_path / ".b.json.translating"
    assert not journal.exists()
    journal.write_text('{"plan":{"file":"another"}}\n', encoding="utf-8")
    for language, said in (("en", "another translation"), ("zh", "另一次翻译")):  # text data
        refused = in_taught(*words, env={"TEXTMILL_UI_LANGUAGE": language})
        assert refused.code == 2
        assert said in refused.err


def test_what_is_refused(in_taught: Callable, tmp_path: Path) -> None:
    page, numbers = tmp_path / "a.html", tmp_path / "n.txt"
    page.write_text("<p>I see two cats.</p>", encoding="utf-8")
    numbers.write_text("1 2 3\n", encoding="utf-8")
    (tmp_path / "broken.xlf").write_text("<xliff>\n<file>\n", encoding="utf-8")
    out = tmp_path / "o.html"
    for words, english, chinese in (
        (("--in", page), "--out", "写到哪里"),  # text data
        (("--in", page, "--out", page), "a.html", "a.html"),
        (("--in", page, "--out", tmp_path / "o.md"), "another form", "格式不同"),  # text data
        (("--in", tmp_path / "no.html", "--out", out), "no.html", "no.html"),
        (("--in", numbers, "--out", tmp_path / "o.txt"), "nothing to translate", "没有要翻译"),  # text data
        (("--in", tmp_path / "broken.xlf", "--out", tmp_path / "o.xlf"), "line 3", "line 3"),
        (("--in", page, "--out", out, "--from", "fr"), "does not translate", "不会翻译"),  # text data
    ):
        for language, said in (("en", english), ("zh", chinese)):
            env = {"TEXTMILL_UI_LANGUAGE": language}
            result = in_taught("translate", *words, "--to", "zh", "--model", "small", env=env)
            assert result.code == 2, result.err
            assert said in result.err
            assert "Traceback" not in result.err
