import tomllib

from textmill.config import Settings, all_settings
from textmill.project import FORMAT_VERSION
from textmill.settings_file import setting_text, toml_value
from textmill.settings_sources import load_settings


def test_written_file_is_the_default_settings(run_textmill, tmp_path):
    made = run_textmill("new", "p", "--json").ok().document
    file = tmp_path / "p" / "textmill.toml"
    assert made == {"project": str(file.parent), "file": str(file), "settings": len(all_settings())}
    settings, origins = load_settings(file)
    assert settings == Settings()
    assert set(origins.values()) == {str(file)}
    assert tomllib.loads(file.read_text())["version"] == FORMAT_VERSION


def test_every_setting_stands_live_under_its_reason(run_textmill, tmp_path):
    run_textmill("new", "p").ok()
    lines = (tmp_path / "p" / "textmill.toml").read_text().splitlines()
    for name, item in all_settings().items():
        wanted = f"{name.partition('.')[2]} = {toml_value(item.default)}"
        assert f"# {setting_text(name)}" in lines
        assert lines[lines.index(f"# {setting_text(name)}") + 1] == wanted


def test_comments_are_in_the_interface_language(run_textmill, tmp_path):
    run_textmill("new", "p", "--ui-language", "zh").ok()
    text = (tmp_path / "p" / "textmill.toml").read_text(encoding="utf-8")
    assert "# 训练过程" in text
    assert load_settings(tmp_path / "p" / "textmill.toml")[0] == Settings()


def test_settings_on_the_command_line_are_written_and_the_environment_is_not(run_textmill, tmp_path):
    run_textmill("new", "p", "--train.steps", "77", env={"TEXTMILL_TRAIN__SEED": "5"}).ok()
    settings, _ = load_settings(tmp_path / "p" / "textmill.toml")
    assert (settings.train.steps, settings.train.seed) == (77, 0)


def test_works_in_a_folder_that_holds_files(run_textmill, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run_textmill("new", ".").ok()
    assert (tmp_path / "textmill.toml").is_file()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_refuses_an_existing_project_and_leaves_it_alone(run_textmill, project):
    project.settings_file.write_text("version = 1\n")
    result = run_textmill("new", project.root, "--json")
    assert (result.code, result.document["error"]["code"]) == (2, "project.exists")
    assert project.settings_file.read_text() == "version = 1\n"


def test_refuses_a_file_as_folder(run_textmill, tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "file/below"):
        assert run_textmill("new", name, "--json").document["error"]["code"] == "project.not_a_folder"


def test_works_beside_a_broken_project(run_textmill, project):
    project.settings_file.write_text("[train\n")
    run_textmill("new", "fresh", cwd=project.root).ok()


def test_names_with_spaces_and_chinese(run_textmill, tmp_path):
    out = run_textmill("new", "我的 项目").ok().out
    assert "cd '我的 项目'" in out
    assert (tmp_path / "我的 项目" / "textmill.toml").is_file()
