import dataclasses

import pytest

from textmill.config import SECTIONS, Settings, TrainSettings, all_settings, value_type
from textmill.errors import SettingsError
from textmill.i18n import LANGUAGES, entry
from textmill.setting_values import section_name, type_name


def test_defaults_pass_their_own_checks():
    assert Settings() == Settings(**{name: kind() for name, kind in SECTIONS.items()})
    assert {name.partition(".")[0] for name in all_settings()} == set(SECTIONS)


def test_settings_are_frozen_and_by_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().train.steps = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        TrainSettings(5)  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(Settings().train, "stepz", 5)


def test_replace_changes_only_what_is_named():
    changed = Settings().replace({"train.steps": 5, "train.seed": 6, "model.width": 64})
    assert (changed.train.steps, changed.train.seed, changed.model.width) == (5, 6, 64)
    assert changed.replace({"train.steps": 1, "train.seed": 2, "model.width": 3000}).train.steps == 1
    assert Settings().replace({}) == Settings()


@pytest.mark.parametrize("name", list(all_settings()))
def test_every_setting_refuses_the_wrong_type_and_what_is_out_of_bounds(name):
    item = all_settings()[name]
    wrong = [None, object(), 1 if value_type(name) is str else "x", (1,), [b"x"]]
    if value_type(name) is not bool:
        wrong.append(True)
    if value_type(name) is float:
        wrong += [float("nan"), float("inf"), -float("inf")]
    low, high, choices = item.metadata["minimum"], item.metadata["maximum"], item.metadata["choices"]
    wrong += [low - 1] if low is not None else []
    wrong += [high + 1] if high is not None else []
    wrong += ["none of them"] if choices else []
    for value in wrong:
        with pytest.raises(SettingsError) as caught:
            Settings().replace({name: value})
        assert caught.value.values["name"] == name
        assert caught.value.parts()["what"]
    for bound in (low, high):
        if bound is not None:
            Settings().replace({name: value_type(name)(bound)})


@pytest.mark.parametrize("name", list(all_settings()))
def test_every_setting_has_a_line_in_both_languages(name):
    for language in LANGUAGES:
        text = entry("settings." + name.replace(".", "__"), language)
        assert isinstance(text, str) and len(text) > 5 and "\n" not in text
        section = entry(f"settings.section_{name.partition('.')[0]}", language)
        assert isinstance(section, str) and section


def test_no_text_is_left_of_a_setting_that_is_gone():
    from textmill.i18n import catalog

    known = {name.replace(".", "__") for name in all_settings()}
    known |= {f"section_{section}" for section in SECTIONS} | {"file_head"}
    assert set(catalog("settings")) == known


def test_names_and_types():
    assert section_name(TrainSettings) == "train"
    assert {name: section_name(kind) for name, kind in SECTIONS.items()} == {name: name for name in SECTIONS}
    assert Settings().as_dict()["train"]["steps"] == Settings().train.steps
    kinds = {value_type(name) for name in all_settings()}
    assert kinds == {int, float, str, bool, tuple[str, ...]}
    assert len({type_name(kind) for kind in kinds}) == len(kinds)
