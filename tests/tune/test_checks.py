"""Planted faults, each of which must be found before the first step, and data without fault, in which none is."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from local_hub import LocalHub
from small_tuning import CONTEXT, chat, model_folder, tokenizer, write_rows

from textmill.config import Settings
from textmill.errors import InputError
from textmill.tokenizer.chat_template import default_template
from textmill.tune.checks import check_before_training
from textmill.tune.prepare import prepare

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "one", "dog", "lay", "by", "that", "log", "as", "birds", "sang"]
GOOD = [chat(f"the cat {n}", f"the dog {n} sat on the log") for n in range(12)]
TURNS = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
HIDDEN = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"


def passage(first: int) -> str:
    """A run of words that no other test row has."""
    return " ".join(f"{word}{first}" for word in WORDS)


FAULTS: dict[str, dict[str, Any]] = {
    "no_learned": {"template": HIDDEN, "rows": GOOD},
    "endless": {"template": TURNS, "rows": GOOD},
    "doubled_start": {"template": "<|endoftext|><|endoftext|>" + default_template(), "rows": GOOD},
    "templated": {"rows": [{"text": "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"}, *GOOD]},
    "too_long": {"rows": [chat("the cat", "the dog " * 200), *GOOD[:4]]},
    "all_too_long": {"rows": [chat(f"the cat {n}", "the dog " * 200) for n in range(4)]},
    "leaked": {
        "rows": [*GOOD, chat("Where is the cat now?", "on the mat")],
        "against": [chat("where is  the cat now?", "On the mat")],
    },
    "leaked prompt": {
        "rows": [*GOOD, chat("Where in the house did the cat sit down?", "on the mat")],
        "against": [chat("Where in the house did the cat sit down?", "on the log")],
    },
    "leaked passage": {
        "rows": [*GOOD, {"text": f"before {passage(1)} after"}],
        "against": [{"question": f"Is it so that {passage(1)}?", "answer": "yes"}],
        "settings": ("--tune.most_too_long", "1"),
    },
    "leaked held out": {"rows": [*GOOD, {**GOOD[3], "split": "test"}]},
    "bad rows": {"rows": [*GOOD, {"messages": [{"role": "assistant", "content": "x"}]}]},
    "no rows": {"rows": []},
    "template": {"template": "{{ raise_exception('no') }}", "rows": GOOD},
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_refused(fault: str, tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    planted = FAULTS[fault]
    model = model_folder(tmp_path / "model", template=planted.get("template"))
    data = write_rows(tmp_path / "rows.jsonl", planted["rows"])
    tests = write_rows(tmp_path / "test.jsonl", planted.get("against", []))
    against = ("--against", tests) if "against" in planted else ()
    words = ("tune", "check", data, "--model", model, *against, *planted.get("settings", ()))
    shown, document = run_textmill(*words), run_textmill(*words, "--json")
    assert shown.code == document.code == 2, shown.err
    assert document.document["error"]["code"] in (
        "tune_check.refused",
        "tune_rows.bad",
        "tune_rows.none",
        "tune_rows.template",
    )
    if document.document["error"]["code"] == "tune_check.refused":
        findings = {finding["name"]: finding for finding in document.document["findings"] if finding["refuses"]}
        refused = findings[fault.partition(" ")[0]]
        assert len(findings) == 1 + (fault == "no_learned")  # what is not there has no end either
        assert refused["told"] in shown.out and refused["told"] in shown.err
        assert "rows.jsonl:" in refused["told"] or fault == "all_too_long"
    elif fault != "no rows":
        assert "rows.jsonl:" in shown.err
    with pytest.raises(InputError):
        settings = Settings().replace({"tune.most_too_long": 1.0}) if "settings" in planted else Settings()
        again = Tokenized(model)
        prepare([data], again.tokenizer, settings, context=CONTEXT, against=[tests] if against else [])


class Tokenized:
    """A model folder's tokenizer."""

    def __init__(self, folder: Path) -> None:
        from textmill.tokenizer.tokenizer import Tokenizer

        self.tokenizer = Tokenizer.load(folder)


def test_data_without_fault(tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    model = model_folder(tmp_path / "model")
    rows = [*GOOD, *(chat(f"小猫在哪里 {n}", f"在垫子上 {n}", "and the dog?", "on the log") for n in range(30))]
    data = write_rows(tmp_path / "rows.jsonl", rows)
    document = run_textmill("tune", "check", data, "--model", model, "--json").ok().document
    assert document["findings"] == []
    assert (document["rows"], document["examples"], document["forms"]) == (42, 42, {"messages": 42})
    assert sum(step["texts"] for step in document["histogram"]) == 42
    (source,) = document["sources"]
    assert source["source"] == "rows.jsonl" and 0 < source["learned"] < source["tokens"]
    assert document["languages"]["zh"] == pytest.approx(30 / 42, abs=0.01)
    shown = run_textmill("tune", "check", data, "--model", model, "--show", 1).ok().out
    assert "<|im_start|>assistant\n⟦the dog 0 sat on the log<|im_end|>⟧" in shown
    assert "Nothing is wrong with it." in shown
    chinese = run_textmill("tune", "check", data, "--model", model, "--ui-language", "zh").ok().out
    assert "没有发现问题" in chinese


def test_what_is_only_told(tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    model = model_folder(tmp_path / "model")
    data = write_rows(tmp_path / "rows.jsonl", [*GOOD, GOOD[2], {"x": 1}])
    settings = ("--tune.bad_rows", "skip")
    document = run_textmill("tune", "check", data, "--model", model, "--json", *settings).ok().document
    (finding,) = document["findings"]
    assert (finding["name"], finding["count"], finding["places"], finding["refuses"]) == (
        "duplicates",
        1,
        ["rows.jsonl:13"],
        False,
    )
    assert document["bad"] == {"no_form": 1} and document["bad_rows"][0].startswith("rows.jsonl:14")


def test_rows_of_a_test_can_be_taken_out(tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", [*GOOD, chat("Where in the house did the cat sit down?", "on the mat")])
    tests = write_rows(tmp_path / "test.jsonl", [GOOD[3], chat("Where in the house did the cat sit down?", "nowhere")])
    settings = Settings().replace({"tune.test_rows": "drop"})
    prepared = prepare([data], tokenizer(), settings, context=CONTEXT, against=[tests])
    places = {row.example.place for row in prepared.training}
    assert len(places) == 11 and not places & {"rows.jsonl:4", "rows.jsonl:13"}
    (finding,) = prepared.checked.findings
    assert (finding.name, finding.count, finding.refuses) == ("taken_out", 2, False)


@pytest.mark.parametrize(
    ("method", "row"),
    [
        ("dpo", {"prompt": "the cat", "chosen": "好", "rejected": "no"}),
        ("orpo", {"prompt": "the cat", "chosen": "好", "rejected": "no"}),
        ("kto", {"prompt": "the cat", "completion": "好", "label": False}),
        ("grpo", {"question": "the cat?", "answer": "4"}),
        ("distill", chat("the cat", "the dog")),
    ],
)
def test_other_methods(tmp_path: Path, run_textmill: Callable[..., Any], method: str, row: dict[str, Any]) -> None:
    model = model_folder(tmp_path / "model")
    data = write_rows(tmp_path / "rows.jsonl", [row])
    document = run_textmill("tune", "check", data, "--model", model, "--method", method, "--json").ok().document
    assert document["examples"] == 1


def test_a_template_that_fails_for_some_rows_costs_these(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}{% if 'bad' in m.content %}{{ raise_exception('no') }}{% endif %}{% endfor %}"
        + default_template()
    )
    model = model_folder(tmp_path / "model", template=template)
    data = write_rows(tmp_path / "rows.jsonl", [*GOOD, chat("bad", "x")])
    settings = Settings().replace({"tune.bad_rows": "skip"})
    prepared = prepare([data], Tokenized(model).tokenizer, settings, context=CONTEXT)
    assert prepared.tally.bad == {"template": 1}
    assert "rows.jsonl:13" in prepared.tally.named[0]
    assert len(prepared.training) == 12


def test_a_share_is_held_out_by_its_prompt(tmp_path: Path) -> None:
    rows = [chat(f"the cat {n // 2}", f"answer {n}") for n in range(400)]
    data = write_rows(tmp_path / "rows.jsonl", rows)
    settings = Settings().replace({"tune.held_out_share": 0.1})
    prepared = prepare([data], tokenizer(), settings, context=CONTEXT)
    assert 20 <= len(prepared.held_out) <= 60 and len(prepared.training) + len(prepared.held_out) == 400
    prompts = [{row.example.messages[0]["content"] for row in rows} for rows in (prepared.training, prepared.held_out)]  # type: ignore[attr-defined]
    assert not prompts[0] & prompts[1]
    training, held_out = prepared.packed(CONTEXT, "cut")
    assert (len(training), len(held_out)) == (len(prepared.training), len(prepared.held_out))
    check_before_training(prepared.checked)
    nothing = prepare([data], tokenizer(), settings.replace({"tune.held_out_share": 0.0}), context=CONTEXT)
    assert not nothing.held_out


def test_the_document_is_json(tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    model = model_folder(tmp_path / "model")
    data = write_rows(tmp_path / "rows.jsonl", GOOD)
    out = run_textmill("tune", "check", data, "--model", model, "--json").ok().out
    assert json.loads(out)["lengths"]["maximum"] <= CONTEXT


def test_rows_of_a_hub(tmp_path: Path, run_process: Callable[..., Any]) -> None:
    place = tmp_path / "hub" / "datasets" / "someone" / "chats"
    place.mkdir(parents=True)
    write_rows(place / "train.jsonl", GOOD)
    write_rows(place / "test.jsonl", GOOD[:1])
    model = model_folder(tmp_path / "model")
    hub = LocalHub(tmp_path / "hub")
    try:
        env = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}
        words = ("tune", "check", "hf:someone/chats/train", "--model", model, "--json")
        document = run_process(*words, env=env).ok().document
    finally:
        hub.close()
    assert (document["examples"], document["findings"]) == (12, [])
    assert document["sources"][0]["source"] == "hf:someone/chats/train.jsonl"


def test_an_export_writes_the_ids_that_were_trained(tmp_path: Path, run_textmill: Callable[..., Any]) -> None:
    transformers = pytest.importorskip("transformers")
    model = model_folder(tmp_path / "model")
    run_textmill("export", model, "--to", "hf", "--out", tmp_path / "out").ok()
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    row = chat("where is 猫?", "on the mat\n", "and the dog?", "好")
    data = write_rows(tmp_path / "rows.jsonl", [row])
    (trained,) = prepare([data], Tokenized(model).tokenizer, Settings(), context=CONTEXT).training
    assert trained.texts[0].ids.tolist() == theirs.apply_chat_template(row["messages"], return_dict=False)
    asked = theirs.apply_chat_template(row["messages"][:1], add_generation_prompt=True, return_dict=False)
    assert trained.texts[0].ids[: len(asked)].tolist() == asked
