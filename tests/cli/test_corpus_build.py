"""`textmill corpus build`: its output for people and machines, hints, errors, both languages."""

from pathlib import Path

FILES = {
    "a.txt": "The rain fell on the town all day.",
    "b.txt": "The rain fell on the town all day.",
    "c.md": "小镇的雨下了一整天，孩子们在屋里看书。",
    "d.rtf": "{\\rtf1 text}",
    "e.jsonl": '{"remark": "x"}\n',
    "held_out/f.txt": "Ann walked over the bridge.",
}


def make_input(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "texts"


def test_into_the_project(run_textmill, project, tmp_path: Path):
    result = run_textmill("corpus", "build", make_input(tmp_path), cwd=project.root).ok()
    assert (project.corpus / "manifest.json").is_file()
    for part in ("deduplicate: exact duplicate", "format not supported", "held out for evaluation", "zh ", "en "):
        assert part in result.out
    assert result.out.rstrip().endswith("textmill tokenizer train")
    assert ".rtf 1" in result.err
    assert "--corpus.text_field" in result.err


def test_json(run_textmill, tmp_path: Path):
    result = run_textmill("corpus", "build", make_input(tmp_path), "--out", tmp_path / "c", "--json").ok()
    document = result.document
    assert document["folder"] == str(tmp_path / "c")
    assert (document["documents"], document["read"]["files"]) == (3, 6)
    assert document["splits"]["validation"]["documents"] == 1
    assert {entry["reason"]: entry["count"] for entry in document["dropped"]} == {
        "unsupported": 1,
        "missing_text_field": 1,
        "exact_duplicate": 1,
    }


def test_chinese(run_textmill, tmp_path: Path):
    environment = {"TEXTMILL_UI_LANGUAGE": "zh"}
    result = run_textmill("corpus", "build", make_input(tmp_path), "--out", tmp_path / "c", env=environment).ok()
    assert "去重：完全重复" in result.out or "去重: 完全重复" in result.out
    assert "下一步：textmill tokenizer train" in result.out


def test_mistakes(run_textmill, tmp_path: Path):
    make_input(tmp_path)
    outside = run_textmill("corpus", "build", "texts")
    assert outside.code == 2
    assert "textmill new" in outside.err
    missing = run_textmill("corpus", "build", "text", "--out", "c", "--json")
    assert (missing.code, missing.document["error"]["code"]) == (2, "corpus.path_missing")
    assert "texts" in missing.document["error"]["next"]
    (tmp_path / "empty").mkdir()
    empty = run_textmill("corpus", "build", "empty", "--out", "c")
    assert empty.code == 2
    assert "Traceback" not in empty.err
    assert not (tmp_path / "c").exists()


def test_help_has_every_argument(run_textmill):
    result = run_textmill("corpus", "build", "--help").ok()
    for part in ("PATH", "--out", "--corpus.text_field", "Example"):
        assert part in result.out
