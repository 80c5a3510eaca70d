import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmill.config import Settings, all_settings
from textmill.errors import ProjectError, SettingsError, TextmillError
from textmill.i18n import set_language
from textmill.project import FORMAT_VERSION
from textmill.settings_file import settings_file_text
from textmill.settings_sources import load_settings, nearest_setting


def write(tmp_path, text, encoding="utf-8"):
    file = tmp_path / "textmill.toml"
    file.write_bytes(text.encode(encoding))
    return file


def failure(kind, *sources):
    with pytest.raises(kind) as caught:
        load_settings(*sources)
    assert caught.value.exit_code == 2
    assert caught.value.parts()["what"]
    return caught.value


def test_defaults():
    settings, origins = load_settings()
    assert settings == Settings()
    assert origins == dict.fromkeys(all_settings(), "default")


def test_later_wins_and_origins_follow(tmp_path):
    file = write(tmp_path, "version = 1\n[train]\nsteps = 1\nseed = 1\nclip = 1\n")
    environment = {"TEXTMILL_TRAIN__SEED": "2", "TEXTMILL_TRAIN__STEPS": "2", "TEXTMILL_PYTHON": "x", "PATH": "x"}
    settings, origins = load_settings(file, environment, {"train.steps": "3"})
    assert (settings.train.steps, settings.train.seed, settings.train.clip) == (3, 2, 1.0)
    assert isinstance(settings.train.clip, float)
    assert [origins[f"train.{key}"] for key in ("steps", "seed", "clip", "beta1")] == [
        *("command line", "environment", str(file), "default")
    ]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("train.steps", "1_000", 1000),
        ("train.clip", "1e-3", 0.001),
        ("train.clip", "2", 2.0),
        ("generate.seed", "-1", -1),
        ("corpus.language", "", ""),
        ("corpus.language", "zh", "zh"),
        ("evaluate.sample_prompts", "One, 二", ("One", "二")),
        ("evaluate.sample_prompts", '["a, b", "二"]', ("a, b", "二")),
        ("evaluate.sample_prompts", "", ()),
        *[("corpus.deduplicate", word, True) for word in ("true", "Yes", "1", "on")],
        *[("corpus.deduplicate", word, False) for word in ("false", "NO", "0", "off")],
    ],
)
def test_texts_are_read_by_the_setting_s_type(name, text, value):
    section, _, key = name.partition(".")
    for sources in ((None, {f"TEXTMILL_{section}__{key}".upper(): text}), (None, None, {name: text})):
        settings, _ = load_settings(*sources)
        assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("train.steps", text) for text in ("", "x", "1.5", "1e3", "9" * 5000, "\udcff")],
        *[("train.clip", text) for text in ("x", "nan", "inf", "1e999")],
        *[("corpus.deduplicate", text) for text in ("", "2", "maybe")],
        *[("evaluate.sample_prompts", text) for text in ("[1]", "[", '["a"', "[" * 100_000)],
        ("corpus.language", "\udcff"),
    ],
)
def test_ill_typed_texts_are_named_with_their_source(name, text):
    error = failure(SettingsError, None, None, {name: text})
    assert error.key == "settings_errors.type"
    assert f"--{name}" in error.parts()["got"]


def test_bounds_and_choices_say_where_the_value_came_from(tmp_path):
    file = write(tmp_path, "[train]\nsteps = 0\n")
    error = failure(SettingsError, file)
    assert error.key == "settings_errors.range" and str(file) in error.parts()["got"]
    error = failure(SettingsError, None, {"TEXTMILL_MODEL__PRESET": "huge"})
    assert error.key == "settings_errors.choice" and "TEXTMILL_MODEL__PRESET" in error.parts()["got"]


@pytest.mark.parametrize(
    ("content", "name", "nearest"),
    [
        ("[train]\nstpes = 1", "train.stpes", "train.steps"),
        ("[trian]\nsteps = 1", "trian.steps", "train.steps"),
        ("[model]\nsteps = 1", "model.steps", "train.steps"),
        ("[train]\nsample_tokens = 1", "train.sample_tokens", "evaluate.sample_tokens"),
        ("steps = 1", "steps", "train.steps"),
        ("[nothing]", "nothing", None),
        ("[train.more]\nx = 1", "train.more", None),
    ],
)
def test_unknown_settings_name_the_nearest(tmp_path, content, name, nearest):
    error = failure(SettingsError, write(tmp_path, content))
    assert (error.key, error.values["name"]) == ("settings_errors.unknown", name)
    assert error.values["nearest"] in all_settings()
    assert nearest is None or error.values["nearest"] == nearest


def test_unknown_in_the_environment_and_on_the_command_line():
    for sources in (
        (None, {"TEXTMILL_TRAIN__STEPZ": "1"}),
        (None, {"TEXTMILL_TRIAN__STEPS": "1"}),
        (None, None, {"train.stepz": "1"}),
    ):
        error = failure(SettingsError, *sources)
        assert (error.key, error.values["nearest"]) == ("settings_errors.unknown", "train.steps")


@pytest.mark.parametrize("value", ['"5"', "5.0", "true", "[5]", "{x = 1}", "2020-01-01"])
def test_ill_typed_in_the_file(tmp_path, value):
    error = failure(SettingsError, write(tmp_path, f"[train]\nsteps = {value}\n"))
    assert error.key == "settings_errors.type"


def test_huge_numbers_in_the_file(tmp_path):
    assert failure(SettingsError, write(tmp_path, f"[train]\nclip = {'9' * 400}\n")).key == "settings_errors.type"
    assert failure(SettingsError, write(tmp_path, f"[train]\nclip = {'9' * 5000}\n")).key == "settings_errors.not_toml"


def test_broken_toml_names_the_line(tmp_path):
    error = failure(SettingsError, write(tmp_path, "version = 1\n[train]\nsteps 5\n"))
    assert error.key == "settings_errors.not_toml"
    assert "line 3, “steps 5”" in error.parts()["got"]
    set_language("zh")
    assert "第 3 行「steps 5」" in failure(SettingsError, tmp_path / "textmill.toml").parts()["got"]


def test_unclosed_and_deep_and_other_encodings(tmp_path):
    for content in ('[train]\nsteps = "', "x = " + "[" * 10_000):
        assert failure(SettingsError, write(tmp_path, content)).key == "settings_errors.not_toml"
    error = failure(SettingsError, write(tmp_path, "[train]\n# 设置\nsteps = 5\n", "gb18030"))
    assert "line 2" in error.parts()["got"]


def test_windows_files(tmp_path):
    assert load_settings(write(tmp_path, "\ufeff[train]\r\nsteps = 5\r\n"))[0].train.steps == 5


def test_versions(tmp_path):
    error = failure(ProjectError, write(tmp_path, f"version = {FORMAT_VERSION + 1}\n[something_new]\nx = 1\n"))
    assert error.key == "project.newer"
    for content in ('version = "1"', "version = true", "version = 1.0"):
        assert failure(SettingsError, write(tmp_path, content)).key == "settings_errors.type"
    assert load_settings(write(tmp_path, ""))[0] == Settings()


def test_nearest_setting_always_exists():
    for name in ("", "x", "train", "一", "train.", ".steps", "a.b.c"):
        assert nearest_setting(name) in all_settings()


@given(st.text(), st.text())
def test_any_text_gives_settings_or_our_error(name, text):
    for typed in (
        name,
        "train.steps",
        "train.clip",
        "evaluate.sample_prompts",
        "corpus.deduplicate",
        "corpus.language",
    ):
        try:
            load_settings(None, None, {typed: text})
        except TextmillError as error:
            assert error.parts()["what"]


def test_a_changed_setting_survives_the_file(tmp_path):
    strange = Settings().replace(
        {
            "evaluate.sample_prompts": ('"quoted" \\ back', "line\nbreak\x7f\x01", "中文，逗号"),
            "corpus.language": "zh",
            "train.clip": 1e-30,
            "corpus.deduplicate": False,
        }
    )
    assert load_settings(write(tmp_path, settings_file_text(strange)))[0] == strange
