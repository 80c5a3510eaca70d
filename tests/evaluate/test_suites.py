"""Rows of the real sets' shapes to items: the hub's columns and the fields of DCLM's files give the same question."""

import json
import zipfile
from pathlib import Path

import pyarrow as arrow
import pytest

from textmill.data.duplicates.evaluation_sets import read_items
from textmill.errors import InputError
from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, CODE
from textmill.evaluate.own import own_suite
from textmill.evaluate.suites.core import TESTS
from textmill.evaluate.suites.files import local_sources, matching, subject_of, suite_items
from textmill.evaluate.suites.registry import COLLECTIONS, SUITES
from textmill.evaluate.suites.writing import number_in
from textmill.evaluate.written import program_of
from textmill.sandbox.run import run_python

ROWS = {
    "piqa": (
        {"goal": "Open a jar.", "sol1": "Turn the lid.", "sol2": "Eat it.", "label": 0},
        {"query": "Question: Open a jar.\n", "choices": ["Turn the lid.", "Eat it."], "gold": 0},
    ),
    "arc_easy": (
        {"question": "What is hot?", "choices": {"text": ["ice", "fire"], "label": ["A", "B"]}, "answerKey": "B"},
        {"query": "Question: What is hot?", "choices": ["ice", "fire"], "gold": 1},
    ),
    "hellaswag": (
        {"activity_label": "Cooking", "ctx_a": "He cuts [title] an onion.", "ctx_b": "he",
         "endings": ["cries.", "flies."], "label": "0"},
        {"query": "Cooking: He cuts. an onion. He", "choices": ["cries.", "flies."], "gold": 0},
    ),
    "winogrande": (
        {"sentence": "Ann thanked Bea because _ had helped.", "option1": "Ann", "option2": "Bea", "answer": "2"},
        {"context_options": ["Ann thanked Bea because Ann", "Ann thanked Bea because Bea"],
         "continuation": "had helped.", "gold": 1},
    ),
    "lambada": (
        {"text": "Open the gate, said the old keeper of the gate"},
        {"context": "Open the gate, said the old keeper of the", "continuation": "gate"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_both_layouts_ask_the_same(name: str) -> None:
    first, second = (SUITES[name].read(row) for row in ROWS[name])
    assert first == second
    assert first.kind == SUITES[name].kind
    for prompt, continuation in first.pairs:
        assert continuation.startswith(" ") and not prompt.endswith(" ")


def test_the_prompts_are_those_of_the_harness() -> None:
    item = SUITES["piqa"].read(ROWS["piqa"][0])
    assert item.pairs == [
        ("Question: Open a jar.\nAnswer:", " Turn the lid."),
        ("Question: Open a jar.\nAnswer:", " Eat it."),
    ]
    item = SUITES["winogrande"].read(ROWS["winogrande"][0])
    assert item.pairs[1] == ("Ann thanked Bea because Bea", " had helped.") and item.answer == 1
    item = SUITES["hellaswag"].read(ROWS["hellaswag"][0])
    assert item.prompts == ("Cooking: He cuts. an onion. He",)
    item = SUITES["blimp"].read({"sentence_good": "Cats sleep.", "sentence_bad": "Cats sleeps.", "UID": "agreement"})
    assert (item.pairs, item.answer, item.group) == ([("", "Cats sleep."), ("", "Cats sleeps.")], 0, "agreement")
    row = {"question": "2+2? ", "choices": ["3", "4", "5", "6"], "answer": 1, "subject": "arithmetic"}
    item = SUITES["mmlu"].read(row)
    assert item.pairs[1] == ("2+2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:", " B")
    zh = {"question": "天空是？", "A": "蓝", "B": "绿", "C": "红", "D": "黑", "answer": "A", "subject": "自然"}
    assert SUITES["ceval"].read(zh).pairs[0] == ("天空是？\nA. 蓝\nB. 绿\nC. 红\nD. 黑\n答案：", " A")
    zh = {"Question": "天空是？", "A": "蓝", "B": "绿", "C": "红", "D": "黑", "Answer": "C", "subject": "自然"}
    assert SUITES["cmmlu"].read(zh).answer == 2


def test_worked_examples() -> None:
    mmlu = SUITES["mmlu"]
    rows = [{"question": f"{n}?", "choices": list("wxyz"), "answer": n % 4, "subject": f"s{n % 2}"} for n in range(16)]
    items = [mmlu.read(row) for row in rows]
    (asked,) = mmlu.few_shot(items[14:15], items[:14])
    text = asked.prompts[0]
    assert text.startswith("The following are multiple choice questions (with answers) about s0.\n\n0?\nA. w\n")
    assert [line for line in text.split("\n") if line.endswith("?")] == ["0?", "2?", "4?", "6?", "8?", "14?"]
    assert "Answer: A\n\n2?" in text and text.endswith("Answer:")
    assert asked.own_prompts == items[14].prompts
    core = SUITES["core_piqa"]
    items = [core.read({"query": f"q{n}", "choices": ["a", "b"], "gold": 0}) for n in range(30)]
    shown = core.few_shot(items, ())
    assert all(item.prompts[0].count("\nAnswer: a\n\n") == 10 for item in shown)
    assert all(f"q{n}\nAnswer: a" not in item.prompts[0] for n, item in enumerate(shown))
    assert shown == core.few_shot(items, ())


def test_the_core_set() -> None:
    assert len(TESTS) == 22 and len(COLLECTIONS["core"]) == 22
    squad = SUITES["core_squad"].read({"context": "Who? ", "continuation": "me"})
    assert (squad.kind, squad.pairs) == (CLOZE, [("Who?", " me")])
    schema = SUITES["core_winograd"].read({"context_options": ["A he", "A it"], "continuation": "fell", "gold": 1})
    assert (schema.kind, schema.pairs[1]) == (CHOICE, ("A it", " fell"))
    jeopardy = SUITES["core_jeopardy"].read({"context": "CITY: of light", "continuation": "Paris", "category": "towns"})
    assert jeopardy.pairs == [("CITY: of light\nAnswer:", " Paris")]
    assert jeopardy.group == "towns" and SUITES["core_jeopardy"].by_group and not SUITES["core_squad"].by_group
    piqa = SUITES["core_piqa"].read(
        {"query": "Question: Open a jar.\n", "choices": ["Turn it. ", "Eat it."], "gold": 0}
    )
    assert piqa.pairs[0] == ("Question: Open a jar.\nAnswer:", " Turn it.")


def test_written_answers() -> None:
    item = SUITES["gsm8k"].read({"question": "3+4?", "answer": "Add them.\n#### 1,007"})
    assert (item.kind, item.references, item.example) == (
        ANSWER,
        ("1007",),
        "Question: 3+4?\nAnswer: Add them.\n#### 1,007",
    )
    assert number_in("so 3 + 4 = 7\n#### $1,234.50.") == "1234.5"
    assert number_in("the answer is 12 or maybe 15.") == "15"
    assert number_in("none") == ""
    code = SUITES["humaneval"].read({"prompt": "def f():\n", "test": "def check(f): pass", "entry_point": "f"})
    assert (code.kind, code.code) == (CODE, ("def check(f): pass", "f"))


def write_rows(file: Path, rows: list) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


def test_files_are_found_by_name_and_bad_rows_counted(tmp_path: Path) -> None:
    good = ROWS["piqa"][0]
    write_rows(tmp_path / "sets" / "piqa" / "train.jsonl", [good])
    write_rows(tmp_path / "sets" / "piqa" / "val.jsonl", [good, {"goal": "x"}, {**good, "label": 7}, "text", good])
    sources = local_sources(tmp_path)
    assert [source.name for source in matching(sources, SUITES["piqa"].files)] == ["sets/piqa/val.jsonl"]
    found = suite_items(SUITES["piqa"], sources)
    assert [item.name for item in found.items] == ["val.jsonl:1", "val.jsonl:5"]
    assert dict(found.problems) == {"sol1": 1, "value": 2} and found.first_problem == "val.jsonl:2"
    assert matching(sources, SUITES["mmlu"].files) == []


def test_subjects_come_from_names_and_zips_are_read(tmp_path: Path) -> None:
    assert subject_of("cmmlu.zip/test/agronomy.csv") == "agronomy"
    assert subject_of("hf:ceval/ceval-exam/law/val-00000-of-00001.parquet") == "law"
    assert subject_of("mmlu/test/high_school_biology_test.csv") == "high_school_biology"
    with zipfile.ZipFile(tmp_path / "cmmlu.zip", "w") as archive:
        head = ",Question,A,B,C,D,Answer\n"
        archive.writestr("test/law.csv", head + "0,何为法？,甲,乙,丙,丁,B\n")
        archive.writestr("dev/law.csv", head + "".join(f"{n},例{n}？,甲,乙,丙,丁,A\n" for n in range(5)))
    (item,) = suite_items(SUITES["cmmlu"], local_sources(tmp_path)).items
    assert item.group == "law" and item.prompts[0].count("答案： A") == 5
    assert item.prompts[0].startswith("以下是关于law的单项选择题")


def save_arrow(folder: Path, rows: list, *, stream: bool = True) -> None:
    """Writes what `datasets` saves: Arrow and JSON about it."""
    folder.mkdir(parents=True)
    table = arrow.Table.from_pylist(rows)
    file = str(folder / "data-00000-of-00001.arrow")
    make = arrow.ipc.new_stream if stream else arrow.ipc.new_file
    with arrow.OSFile(file, "wb") as sink, make(sink, table.schema) as writer:
        writer.write_table(table)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text("{}")


def test_sets_as_the_datasets_library_saves_them(tmp_path: Path) -> None:
    save_arrow(tmp_path / "hellaswag" / "none" / "validation", [ROWS["hellaswag"][0]] * 3)
    save_arrow(tmp_path / "hellaswag" / "none" / "train", [ROWS["hellaswag"][0]])
    row = {"question": "2+2?", "choices": ["3", "4", "5", "6"], "answer": 1}
    for subject in ("algebra", "anatomy"):
        for split in ("dev", "test"):
            save_arrow(tmp_path / "mmlu_no_train" / subject / split, [row] * 5, stream=split == "dev")
    sources = local_sources(tmp_path)
    found = suite_items(SUITES["hellaswag"], sources)
    assert [item.name for item in found.items] == [f"data-00000-of-00001.arrow:{n}" for n in (1, 2, 3)]
    assert not found.problems
    found = suite_items(SUITES["mmlu"], sources, limit=1)
    assert [item.group for item in found.items] == ["algebra", "anatomy"] and not found.problems
    assert all(item.prompts[0].count("Answer:") == 6 for item in found.items)
    assert len(list(read_items([str(tmp_path / "hellaswag")]))) == 4
    (tmp_path / "hellaswag" / "none" / "validation" / "data-00000-of-00001.arrow").write_bytes(b"\xff" * 64)
    with pytest.raises(InputError) as raised:
        suite_items(SUITES["hellaswag"], local_sources(tmp_path))
    assert raised.value.key == "evaluate.unreadable"


def test_the_folder_that_was_given_may_name_the_set(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        (tmp_path / "CMMLU" / "data" / split).mkdir(parents=True)
        rows = ",Question,A,B,C,D,Answer\n0,何为艺术？,甲,乙,丙,丁,B\n"
        (tmp_path / "CMMLU" / "data" / split / "arts.csv").write_text(rows, encoding="utf-8")
    (item,) = suite_items(SUITES["cmmlu"], local_sources(tmp_path / "CMMLU")).items
    assert item.prompts[0].startswith("以下是关于艺术学的单项选择题") and item.prompts[0].count("答案：") == 2
    assert item.group == "arts" and matching(local_sources(tmp_path / "CMMLU"), SUITES["piqa"].files) == []


def test_own_items_of_every_kind(tmp_path: Path) -> None:
    def kind_of(*rows: dict) -> tuple:
        write_rows(tmp_path / "own.jsonl", list(rows))
        suite, found = own_suite(tmp_path / "own.jsonl")
        return suite.kind, suite.metric, [item.pairs if item.choices else item.references for item in found.items]

    assert kind_of({"prompt": "1+1=", "choices": ["1", "2"], "answer": "2"}) == (
        *("choice", "accuracy"),
        [[("1+1=", " 1"), ("1+1=", " 2")]],
    )
    assert kind_of({"text": "good", "label": "up"}, {"text": "bad", "label": "down"})[2][1] == [
        ("bad\nLabel:", " down"),
        ("bad\nLabel:", " up"),
    ]
    assert kind_of({"prompt": "q", "references": ["a", "b"]}) == ("answer", "exact_match", [("a", "b")])
    assert kind_of({"zh": "你好", "en": "hello"}) == ("translation", "chrf", [("你好",)])
    assert kind_of({"source": "x", "reference": "y"}) == ("translation", "chrf", [("y",)])
    assert kind_of({"context": "a b", "continuation": "c"}) == ("cloze", "accuracy", [[("a b", " c")]])
    assert kind_of({"text": "some text"})[:2] == ("text", "bits_per_byte")
    assert kind_of({"prompt": "天是", "choices": ["蓝", "绿"], "answer": 0})[2] == [[("天是", "蓝"), ("天是", "绿")]]


def test_own_items_that_are_none(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", [{"question": "?"}])
    with pytest.raises(InputError) as raised:
        own_suite(tmp_path / "a.jsonl")
    assert raised.value.key == "evaluate.no_items"
    write_rows(tmp_path / "b.jsonl", [{"text": "t"}, {"prompt": "p", "answer": "a"}])
    with pytest.raises(InputError) as raised:
        own_suite(tmp_path / "b.jsonl")
    assert raised.value.key == "evaluate.mixed_kinds"
    (tmp_path / "c.jsonl").write_text("{broken")
    with pytest.raises(InputError) as raised:
        own_suite(tmp_path / "c.jsonl")
    assert raised.value.key == "evaluate.unreadable"


HEAD = 'import math\n\ndef half(n):\n    return n / 2\n\ndef root(n):\n    """The square root of half of n."""\n'
CHECKED = "def check(f):\n    assert f(8) == 2.0"


@pytest.mark.parametrize(
    ("written", "passes"),
    [
        ("    return math.sqrt(half(n))\n", True),
        ("    return half(n)\n", False),
        ("Here:\n\n```python\ndef root(n):\n    return math.sqrt(half(n))\n```\nIt halves first.", True),
        ("```\ndef root(n):\n    return math.sqrt(half(n))", True),
        ("I would take the root of n.", False),
    ],
)
def test_code_goes_on_from_its_head_or_stands_in_a_block(written: str, passes: bool) -> None:
    item = SUITES["humaneval"].read({"prompt": HEAD, "test": CHECKED, "entry_point": "root"})
    code, tests = program_of(item, written)
    assert run_python(code, tests=tests, allowed=True).passed is passes
