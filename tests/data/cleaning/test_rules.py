"""Each rule has a text that it refuses and a near one that it lets pass, in English and in Chinese."""

from pathlib import Path

import pytest
from cleaning_texts import CHINESE, ENGLISH, GOOD, judged, reason

from textmill.config import CleanSettings
from textmill.data.cleaning.rules import DOCUMENTS, LINES, PARAMETERS, PRESETS, RULES, limits
from textmill.errors import SettingsError
from textmill.i18n import LANGUAGES, entry

LINES_EN, LINES_ZH = ENGLISH.split("\n\n"), CHINESE.split("\n\n")
WORDS = " ".join(ENGLISH.split()).split(" ")
SIGNS = CHINESE.replace("\n", "")


def repeated(line: str, times: int, base: str) -> str:
    return "\n\n".join([base, *([line] * times)])


CASES = {  # rule: {language: (a text that it refuses, a near one that it keeps)}
    "maximum_broken_characters": {
        "en": (ENGLISH + "\ufffd" * 12, ENGLISH + "\ufffd" * 8),
        "zh": (CHINESE + "锟斤拷" * 2, CHINESE + "锟斤拷"),
    },
    "maximum_duplicate_paragraphs": {
        "en": (repeated("The end.", 4, ENGLISH), repeated("The end.", 2, ENGLISH)),
        "zh": (repeated("完了。", 4, CHINESE), repeated("完了。", 2, CHINESE)),
    },
    "maximum_duplicate_paragraph_characters": {
        "en": (repeated(LINES_EN[0], 1, "\n\n".join(LINES_EN[:3])), repeated(LINES_EN[1], 1, ENGLISH)),
        "zh": (repeated(LINES_ZH[0], 1, "\n\n".join(LINES_ZH[:3])), repeated(LINES_ZH[1], 1, CHINESE)),
    },
    "maximum_duplicate_lines": {
        "en": (repeated("The end.", 4, ENGLISH), repeated("The end.", 2, ENGLISH)),
        "zh": (repeated("完了。", 4, CHINESE), repeated("完了。", 2, CHINESE)),
    },
    "maximum_duplicate_line_characters": {
        "en": (repeated(LINES_EN[0], 1, "\n\n".join(LINES_EN[:3])), repeated(LINES_EN[1], 1, ENGLISH)),
        "zh": (repeated(LINES_ZH[0], 1, "\n\n".join(LINES_ZH[:3])), repeated(LINES_ZH[1], 1, CHINESE)),
    },
    "top_2gram": {
        "en": (ENGLISH + " very good" * 40, ENGLISH + " very good" * 12),
        "zh": (CHINESE + "好得很" * 60, CHINESE + "好得很" * 20),
    },
    "top_3gram": {
        "en": (ENGLISH + " buy this now" * 30, ENGLISH + " buy this now" * 8),
        "zh": (CHINESE + "快来购买吧" * 24, CHINESE + "快来购买吧" * 8),
    },
    "top_4gram": {
        "en": (ENGLISH + " buy this lamp now" * 20, ENGLISH + " buy this lamp now" * 6),
        "zh": (CHINESE + "快来购买灯吧" * 16, CHINESE + "快来购买灯吧" * 6),
    },
    "minimum_words": {"en": (" ".join(WORDS[:49]), " ".join(WORDS[:52])), "zh": (SIGNS[:85], SIGNS[:100])},
    "maximum_words": {
        "en": ("word " * 100_001, "word " * 99_999),
        "zh": ("字" * 160_001, "字" * 159_999),
    },
    "minimum_word_length": {"en": ("it is on to me", "the cat sat here")},
    "maximum_word_length": {"en": ("incomprehensibilities abound", "incomprehensible as it is")},
    "maximum_hashes": {
        "en": (ENGLISH + " #" * 30, ENGLISH + " #" * 15),
        "zh": (CHINESE + "#" * 25, CHINESE + "#" * 12),
    },
    "maximum_ellipses": {
        "en": (ENGLISH + " wait..." * 40, ENGLISH + " wait..." * 10),
        "zh": (CHINESE + "等……" * 20, CHINESE + "等……" * 4),
    },
    "maximum_bullet_lines": {
        "en": ("\n".join(["- one more thing"] * 10), "\n".join(["- one more thing"] * 9 + ["And that was all."])),
        "zh": ("\n".join(["• 又是一件事"] * 10), "\n".join(["• 又是一件事"] * 9 + ["这就是全部。"])),
    },
    "maximum_ellipsis_lines": {
        "en": (ENGLISH + "\nmore...\nand…", ENGLISH + "\nmore..."),
        "zh": (CHINESE + "\n还有……\n以及…", CHINESE + "\n还有……"),
    },
    "minimum_alphabetic_words": {
        "en": (ENGLISH + " 17" * 60, ENGLISH + " 17" * 5),
        "zh": (CHINESE + "，17" * 45, CHINESE + "，17" * 15),
    },
    "minimum_stop_words": {
        "en": ("Cheap watches, cheap lamps, cheap boats to buy now.", "Cheap watches and lamps to buy now."),
        "zh": ("便宜手表便宜灯具便宜船只。", "便宜的手表和灯具。"),
    },
    "minimum_chinese_share": {"zh": ("港口 " + "harbour boat 1 " * 3, "港口的船 " + "harbour boat " * 3)},
    "minimum_line_length": {"zh": ("\n".join(["一二三四五六七八"] * 4), "\n".join(["一二三四五六七八九十"] * 4))},
    "lorem_ipsum": {
        "en": (ENGLISH + " Lorem Ipsum dolor.", ENGLISH + " Lorem, ipsum dolor."),
        "zh": (CHINESE + "lorem ipsum", CHINESE + "占位文本"),
    },
    "curly_bracket": {
        "en": (ENGLISH + " {", ENGLISH + " ["),
        "zh": (CHINESE + "{", CHINESE + "「"),
    },
    "minimum_sentences": {
        "en": ("One. Two! Three? Four.", "One. Two! Three? Four. Five."),
        "zh": ("一。二！三？四。", "一。二！三？四。五。"),
    },
    "minimum_punctuated_lines": {
        "en": ("\n".join(["no end here"] * 9 + ["One end."]), "\n".join(["no end here"] * 7 + ["One end."])),
        "zh": ("\n".join(["没有句号"] * 9 + ["有句号。"]), "\n".join(["没有句号"] * 7 + ["他说：“有句号。”"])),
    },
    "maximum_short_lines": {
        "en": (
            "\n".join(["a short line"] * 7 + [LINES_EN[0]] * 3),
            "\n".join(["a short line"] * 6 + [LINES_EN[0]] * 3),
        ),
        "zh": ("\n".join(["很短的一行"] * 7 + [LINES_ZH[0]] * 3), "\n".join(["很短的一行"] * 6 + [LINES_ZH[0]] * 3)),
    },
    "maximum_repeated_line_characters": {
        "en": (repeated("The end.", 3, ENGLISH), repeated("The end.", 2, ENGLISH)),
        "zh": (repeated(LINES_ZH[1], 1, CHINESE), repeated("完了。", 5, CHINESE)),
    },
    "maximum_newlines": {
        "en": ("\n".join(["two words"] * 30), "\n".join(["now four words here"] * 30)),
        "zh": ("\n".join(["八个字的一行文字"] * 30), "\n".join(["现在一行有十个字了啊"] * 30)),
    },
}
SENTENCE = {
    "en": " and then the whole crew went slowly down to the old",
    "zh": "后来全体船员慢慢地走到旧码头那边去看热闹了",
}
for _words in (5, 6, 7, 8, 9, 10):
    CASES[f"repeated_{_words}grams"] = {
        language: (GOOD[language] + SENTENCE[language] * 7, GOOD[language] + SENTENCE[language] * 2)
        for language in GOOD
    }


@pytest.mark.parametrize("rule", [rule.name for rule in DOCUMENTS if rule.name not in PARAMETERS])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_rule_refuses_one_text_and_keeps_a_near_one(rule: str, language: str) -> None:
    if RULES[rule].threshold(language) is None:
        assert language not in CASES[rule]
        return
    bad, near = CASES[rule][language]
    assert reason(bad, language, f"{rule}=on") == rule
    assert reason(near, language, f"{rule}=on") == ""
    assert reason(bad, language) == ""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rules", list(PRESETS))
def test_a_plain_text_passes_every_set_unchanged(rules: str, language: str) -> None:
    judgement = judged(GOOD[language], language, rules=rules)
    assert judgement.finding is None
    assert judgement.text.split() == GOOD[language].split()


def test_word_lengths_are_an_english_matter() -> None:
    assert reason("a b c d to of", "de", "minimum_word_length=on") == ""
    assert reason("Donaudampfschifffahrtsgesellschaft", "de", "maximum_word_length=on") == ""


def test_the_finding_tells_value_and_threshold() -> None:
    finding = judged("One. Two.", "en", "minimum_sentences=3").finding
    assert finding == ("minimum_sentences", 2, 3)


def test_light_leaves_short_texts_lists_code_and_poems_alone() -> None:
    poem = "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡。"
    code = "for i in range(10):\n    print({i})\n\nfor j in range(10):\n    print({j})"
    for text, language in (
        (poem, "zh"),
        (code, "en"),
        ("ok ok ok ok", "en"),
        ("- a\n- b\n- c", "en"),
        ("好好好", "zh"),
    ):
        assert reason(text, language, rules="light") == ""
    assert reason(poem, "zh", rules="gopher") == "top_4gram"
    assert reason(poem, "zh", "top_4gram=off", rules="gopher") == "minimum_words"


def test_japanese_is_counted_by_characters_and_korean_by_words() -> None:
    japanese = "港はとても静かで、船は一隻しか出ていなかった。" * 3
    assert reason(japanese, "ja", "minimum_words=30") == ""
    assert reason("항구는 매우 조용했다 " * 9, "ko", "minimum_words=30") == "minimum_words"


def test_thresholds_are_changed_added_and_turned_off() -> None:
    def value(rules: str, *thresholds: str) -> dict[str, float | None]:
        found = limits(CleanSettings(rules=rules, thresholds=thresholds))
        return {profile: found[profile].get("minimum_words") for profile in found}

    assert value("gopher") == {"en": 50, "zh": 80, "other": 50}
    assert value("gopher", "minimum_words.zh=9", "minimum_words=7") == {"en": 7, "zh": 9, "other": 7}
    assert value("gopher", "minimum_words=off") == {"en": None, "zh": None, "other": None}
    assert value("gopher", "minimum_words=off", "minimum_words.en=on") == {"en": 50, "zh": None, "other": None}
    assert value("none", "minimum_words=on") == {"en": 50, "zh": 80, "other": 50}
    assert limits(CleanSettings()) == {"en": {}, "zh": {}, "other": {}}


@pytest.mark.parametrize(
    ("entry_", "key"),
    [
        ("minimum_wordz=5", "cleaning.unknown_rule"),
        ("minimum_words.fr=5", "cleaning.unknown_rule"),
        ("", "cleaning.unknown_rule"),
        ("minimum_words", "cleaning.bad_threshold"),
        ("minimum_words=many", "cleaning.bad_threshold"),
        ("minimum_words=-1", "cleaning.bad_threshold"),
        ("minimum_words=nan", "cleaning.bad_threshold"),
        ("minimum_words=inf", "cleaning.bad_threshold"),
        ("curly_bracket=5", "cleaning.bad_threshold"),
    ],
)
def test_a_threshold_that_is_none_is_told(entry_: str, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        limits(CleanSettings(thresholds=(entry_,)))
    assert caught.value.key == key
    assert caught.value.parts()["next"]


def test_fineweb_is_fineweb_in_english_and_fineweb2_in_chinese() -> None:
    found = limits(CleanSettings(rules="fineweb"))
    assert "terminal_punctuation" not in found["en"]
    assert {"curly_bracket", "minimum_sentences", "policy_lines"} <= found["en"].keys()
    assert not {rule.name for rule in RULES.values() if rule.group == "c4"} & found["zh"].keys()
    assert found["en"]["top_2gram"] == 0.2 and found["zh"]["top_2gram"] == 0.256


@pytest.mark.parametrize("page", ["cleaning.md", "cleaning.zh-CN.md"])
def test_the_table_of_the_documentation_has_every_rule_and_value(page: str) -> None:
    text = (Path(__file__).parents[3] / "docs/concepts" / page).read_text(encoding="utf-8")
    rows = {cells[1].strip("` "): cells for line in text.splitlines() if len(cells := line.split("|")) == 8}
    for rule in RULES.values():
        english, source, chinese, chinese_source = (cell.strip() for cell in rows[rule.name][3:7])
        for shown, value in ((english, rule.en), (chinese, rule.zh)):
            assert shown == ("—" if value is None else "on" if rule.switch else f"{value:g}"), rule.name
        assert source == (rule.source or "—")
        assert chinese_source == ("—" if rule.zh is None else rule.chinese_source or rule.source)


def test_every_rule_has_a_name_for_people() -> None:
    for language in LANGUAGES:
        for rule in DOCUMENTS:
            if rule.name not in PARAMETERS:
                assert entry(f"corpus.reason_{rule.name}", language)
        for rule in LINES:
            assert entry(f"corpus.cleaned_{rule.name}", language)
