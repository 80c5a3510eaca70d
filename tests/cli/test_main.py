"""The frame: exit codes, one JSON document, both languages, broken pipes, what is imported."""

import json
import os
import subprocess
import sys

import pytest

from textmill import i18n
from textmill.cli import registry
from textmill.cli.command import Argument, Command, Stopped
from textmill.errors import InternalError, ResourceError


@pytest.fixture
def command(monkeypatch):
    """Registers a command `probe` whose run is given by the test."""

    def register(run, **more):
        probe = Command(words=("probe",), run=run, example="textmill probe", **more)
        monkeypatch.setattr(registry, "commands", lambda: {("probe",): "use"})
        monkeypatch.setattr(registry, "load", lambda words: probe)
        catalog = i18n.catalog
        texts = {"help": {"en": "tries things", "zh": "试验"}}
        monkeypatch.setattr(i18n, "catalog", lambda area: texts if area == "cli_probe" else catalog(area))

    return register


def fail(error):
    def run(context, **_):
        raise error

    return run


def test_overview_in_both_languages(run_textmill):
    english, chinese = run_textmill().ok().out, run_textmill("--ui-language", "zh").ok().out
    assert "Start here" in english and "textmill.toml" not in english
    assert "从这里开始" in chinese
    assert run_textmill("--help").out == english
    assert run_textmill(env={"LANG": "zh_CN.UTF-8"}).out == chinese
    assert run_textmill(env={"TEXTMILL_UI_LANGUAGE": "zh"}).out == chinese
    for words in registry.commands():
        assert f"  {' '.join(words)} " in english


def test_help_of_every_command_in_both_languages(run_textmill):
    for words in registry.commands():
        for language in i18n.LANGUAGES:
            shown = run_textmill(*words, "--help", "--ui-language", language).ok().out
            assert registry.load(words).example.splitlines()[0] in shown
            assert "--json" in shown
        described = run_textmill(*words, "--help", "--json").ok().document
        assert described["words"] == list(words)
        assert run_textmill("help", *words).out == run_textmill(*words, "--help").out


def test_version_and_json_of_the_overview(run_textmill):
    from textmill import __version__

    assert run_textmill("--version").ok().out == f"textmill {__version__}\n"
    assert run_textmill("--version", "--json").ok().document == {"version": __version__}
    listed = run_textmill("--json").ok().document["commands"]
    assert [tuple(entry["words"]) for entry in listed] == list(registry.commands())


@pytest.mark.parametrize(
    ("arguments", "code", "part", "text"),
    [
        (["nwe", "x"], "usage.unknown_command", "expected", "textmill new"),
        (["config", "shwo"], "usage.unknown_command", "expected", "textmill config show"),
        (["config"], "usage.more_words", "expected", "show"),
        (["new"], "usage.missing", "expected", "textmill new my-project"),
        (["new", "a", "b"], "usage.too_many", "got", "b"),
        (["new", "a", "--jsno"], "usage.unknown_option", "expected", "--json"),
        (["new", "a", "--steps", "5"], "usage.unknown_option", "expected", "--train.steps"),
        (["--stepz", "5"], "usage.unknown_option", "expected", "--"),
        (["new", "a", "--project"], "usage.value_missing", "what", "--project"),
        (["new", "a", "--train.steps"], "usage.value_missing", "what", "--train.steps"),
        (["new", "a", "--json=yes"], "usage.flag_value", "got", "--json=yes"),
        (["config", "show", "--train.stpes=5"], "settings_errors.unknown", "expected", "train.steps"),
        (["config", "show", "--train.steps=many"], "settings_errors.type", "got", "'many' (from --train.steps)"),
        (["config", "show", "--train.steps=0"], "settings_errors.range", "got", "0 (from --train.steps)"),
        (["config", "show", "--project", "nowhere"], "project.not_one", "next", "textmill new nowhere"),
        (["config", "show", "--ui-language", "fr"], "usage.ui_language", "got", "fr"),
    ],
)
def test_mistakes_are_answered_with_the_way_out(run_textmill, arguments, code, part, text):
    result = run_textmill(*arguments, "--json")
    assert result.code == 2
    assert result.document["error"]["code"] == code
    assert text in result.document["error"][part]
    assert "Traceback" not in result.err
    plain = run_textmill(*arguments)
    assert plain.out == "" and plain.err.startswith("error: ")
    chinese = run_textmill(*arguments, "--ui-language", "zh")
    if code != "usage.ui_language":
        assert chinese.err.startswith("错误：")


def test_wrong_language_in_the_environment_is_named(run_textmill):
    result = run_textmill("--json", env={"TEXTMILL_UI_LANGUAGE": "fr"})
    assert result.code == 2 and "TEXTMILL_UI_LANGUAGE" in result.document["error"]["expected"]


def test_result_is_one_document_whatever_the_command_prints(run_textmill, command):
    def run(context):
        print("noise")
        context.print("for people")
        context.say("on the way")
        return {"text": "中文", "not_a_number": float("nan")}

    command(run)
    result = run_textmill("probe", "--json").ok()
    assert result.document == {"text": "中文", "not_a_number": None}
    assert "中文" in result.out
    assert "noise" in result.err and "on the way" in result.err
    assert "for people" in run_textmill("probe").ok().out


def test_our_bug_is_1_with_a_traceback(run_textmill, command):
    for error in (ValueError("oops"), InternalError("files.disk_full", path="x")):
        command(fail(error))
        result = run_textmill("probe", "--json")
        assert result.code == 1
        assert result.document["error"]["code"] == "cli.bug"
        assert "Traceback" in result.err and "report" in result.err


def test_an_error_without_its_text_is_a_bug_that_is_seen(run_textmill, command):
    command(fail(ResourceError("files.disk_full")))
    result = run_textmill("probe")
    assert result.code == 1 and "KeyError" in result.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(28, "No space left on device", "/x/y"), "files.disk_full"),
        (OSError(28, "No space left on device"), "files.disk_full"),
        (PermissionError(13, "Permission denied", "/x/y"), "cli.no_right"),
        (IsADirectoryError(21, "Is a directory", "/x/y"), "cli.bad_path"),
        (MemoryError(), "cli.no_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "cli.no_memory"),
    ],
)
def test_the_machine_lacks_something(run_textmill, command, error, code):
    command(fail(error))
    result = run_textmill("probe", "--json")
    assert (result.code, result.document["error"]["code"]) == (2, code)
    assert "Traceback" not in result.err


def test_stops(run_textmill, command):
    command(fail(KeyboardInterrupt()))
    result = run_textmill("probe", "--json")
    assert (result.code, result.document["error"]["code"]) == (130, "cli.interrupted")
    command(fail(Stopped({"saved": "here"})))
    result = run_textmill("probe", "--json")
    assert (result.code, result.document) == (130, {"saved": "here"})
    command(fail(Stopped({"saved": "here"}, exit_code=143)))
    assert run_textmill("probe").code == 143


def test_half_characters_and_escapes_are_printed_as_numbers(run_textmill):
    result = run_textmill("\udcff\x1b[31mred")
    assert result.code == 2
    assert "\\udcff\\x1b[31mred" in result.err
    assert run_textmill("\udcff", "--json").document["error"]["what"]


def test_options_before_and_after_the_words(run_textmill, command):
    command(lambda context, **values: {"json": context.json, **values}, arguments=(Argument(name="text", many="*"),))
    assert run_textmill("--json", "probe", "a", "b").ok().document == {"json": True, "text": ["a", "b"]}
    assert run_textmill("probe", "--json", "--", "--json", "-x").ok().document["text"] == ["--json", "-x"]
    assert run_textmill("probe", "--", "--json").ok().out == ""


def test_nothing_heavy_is_imported_for_help(tmp_path):
    script = (
        "import sys\nfrom textmill.cli.main import main\nassert main(sys.argv[1:]) == 0\n"
        "print([name for name in ('torch', 'numpy', 'rich', 'pyarrow', 'tokenizers') if name in sys.modules])"
    )
    for arguments in (["--help"], ["help"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, encoding="utf-8", check=True
        )
        assert done.stdout.splitlines()[-1] == "[]"
    done = subprocess.run(
        [sys.executable, "-c", script, "new", str(tmp_path / "p")], capture_output=True, text=True, check=True
    )
    assert "torch" not in done.stdout.splitlines()[-1] and "numpy" not in done.stdout.splitlines()[-1]


def test_real_process_prints_utf8_in_an_ascii_locale(run_process):
    environment = {
        "LANG": "C",
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    result = run_process("--ui-language", "zh", env=environment)
    assert result.code == 0 and "从这里开始" in result.out


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(
    "arguments", [["--help"], ["config", "show"], ["config", "show", "--json"], ["nonsense", "--json"]]
)
def test_a_reader_that_goes_away_is_quiet(start_process, both, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    process = start_process(*arguments, stdout=writing, stderr=writing if both else subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert "Traceback" not in (err or "") and "Exception ignored" not in (err or "")


def test_closed_streams_do_not_matter():
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        command = f"{sys.executable} -m textmill --version {closed}"
        assert subprocess.run(["bash", "-c", command], stdout=subprocess.DEVNULL).returncode == 0


def test_json_error_from_a_real_process(run_process):
    result = run_process("nonsense", "--json")
    assert result.code == 2
    assert json.loads(result.out)["error"]["code"] == "usage.unknown_command"
