"""How sure it is that a document is in its language, from start, middle and end."""

import pytest
from cleaning_texts import CHINESE, ENGLISH

from textmill.data.cleaning.languages import confidence, wanted_languages
from textmill.errors import SettingsError

JAPANESE = "港はとても静かで、船は一隻しか出ていなかった。老人は誰にも行き先を告げなかった。" * 9
KOREAN = "항구는 매우 조용했고 배 한 척만 떠났다. 노인은 아무에게도 말하지 않았다. " * 9
GERMAN = "Der Hafen war am frühen Morgen still, und nur ein Boot war mit der Flut hinausgefahren. " * 9


@pytest.mark.parametrize(
    ("text", "language"), [(ENGLISH, "en"), (CHINESE, "zh"), (JAPANESE, "ja"), (KOREAN, "ko"), (GERMAN, "de")]
)
def test_texts_of_one_language_are_sure_of_it_and_of_no_other(text: str, language: str) -> None:
    assert confidence(text, language) > 0.8
    for other in {"en", "zh", "ja", "ko", "de", "fr"} - {language}:
        assert confidence(text, other) < 0.2


def test_a_text_that_goes_on_in_another_language_is_less_sure() -> None:
    mixed = ENGLISH * 2 + "\n\n" + CHINESE * 16
    assert confidence(mixed, "en") == pytest.approx(1 / 3, abs=0.1)
    assert confidence(mixed, "zh") == pytest.approx(2 / 3, abs=0.1)


def test_texts_without_letters_are_in_no_language() -> None:
    assert confidence("12345 67890 !!!", "en") == 0.0
    assert confidence("", "en") == 0.0


def test_languages_are_codes() -> None:
    assert wanted_languages(("en", "zh-CN")) == {"en", "zh"}
    with pytest.raises(SettingsError) as caught:
        wanted_languages(("en", "English"))
    assert caught.value.values == {"value": "English"}
