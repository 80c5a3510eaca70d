from textmill.config import all_settings


def test_new_project_shows_the_file_as_origin(run_textmill, project):
    shown = run_textmill("config", "show", "--json", cwd=project.root).ok().document
    assert shown["project"] == str(project.root)
    assert list(shown["settings"]) == list(all_settings())
    assert {entry["from"] for entry in shown["settings"].values()} == {str(project.settings_file)}
    assert all(entry["value"] == entry["default"] for entry in shown["settings"].values())


def test_later_sources_win_and_are_named(run_textmill, project):
    environment = {"TEXTMILL_TRAIN__STEPS": "7", "TEXTMILL_TRAIN__SEED": "3"}
    arguments = ("--train.steps", "9", "config", "show", "--model.width=128", "--json")
    shown = run_textmill(*arguments, cwd=project.root, env=environment).ok().document["settings"]
    assert (shown["train.steps"]["value"], shown["train.steps"]["from"]) == (9, "command line")
    assert (shown["train.seed"]["value"], shown["train.seed"]["from"]) == (3, "environment")
    assert (shown["model.width"]["value"], shown["model.width"]["from"]) == (128, "command line")


def test_works_without_a_project_and_from_a_folder_inside_one(run_textmill, project, tmp_path):
    outside = run_textmill("config", "show", "--json", cwd=tmp_path).ok().document
    assert outside["project"] is None
    assert {entry["from"] for entry in outside["settings"].values()} == {"default"}
    inside = project.root / "deep" / "inside"
    inside.mkdir(parents=True)
    assert run_textmill("config", "show", "--json", cwd=inside).ok().document["project"] == str(project.root)


def test_table_for_people_marks_what_differs(run_textmill, project):
    out = run_textmill("config", "show", "--train.steps=5", cwd=project.root).ok().out
    line = next(line for line in out.splitlines() if "train.steps" in line)
    assert line.startswith("*") and line.split()[2] == "5" and line.endswith("command line")
    chinese = run_textmill("config", "show", "--ui-language", "zh", cwd=project.root).ok().out
    assert "来源" in chinese and "sample_prompts" in chinese
