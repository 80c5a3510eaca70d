"""What is ordered: checked, contradictions named; lengths counted as people count them."""

import pytest

from textmill.apps.write.kinds import kind_names, load_kind
from textmill.apps.write.order import Order, has_word, length
from textmill.errors import InputError, UsageError


def order(**changes: object) -> Order:
    return Order(**({"kind": "post", "topic": "Boats"} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"topic": "  "}, "write.no_topic"),
        ({"words": 0}, "write.words"),
        ({"words": 10**9}, "write.words"),
        ({"sections": 500}, "write.sections"),
        ({"person": "second"}, "write.choice"),
        ({"level": "hard"}, "write.choice"),
        ({"language": "fr"}, "write.language"),
        ({"required": ("",)}, "write.odd_word"),
        ({"required": ("stop. go",)}, "write.odd_word"),
        ({"required": ("ferry boat",), "forbidden": ("ferry",)}, "write.contradiction"),
        ({"forbidden": ("boats",)}, "write.topic_forbidden"),
        ({"words": 20, "required": ("one", "two", "three", "four")}, "write.too_many_words"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(changes: dict[str, object], key: str) -> None:
    with pytest.raises(UsageError) as caught:
        order(**changes)
    assert caught.value.key == key
    assert "{" not in str(caught.value)


def test_an_order_survives_json_and_knows_its_language() -> None:
    wanted = order(required=("a", "b"), words=50, topic="河边的渡船")
    assert Order.from_dict(wanted.as_dict()) == wanted
    assert wanted.text_language == "zh"
    assert order().text_language == "en"
    assert order(words=100).room == (90, 110)


def test_length_counts_words_and_characters_but_no_citations() -> None:
    assert length("Don't stop, it's well-known [12].") == 4
    assert length("她在河边[3]。") == 4
    assert length("用 GPT 写 2 句") == 5
    assert length("— …") == 0


def test_words_are_found_whole() -> None:
    assert has_word("The Ferry leaves.", "ferry")
    assert not has_word("The ferryman left.", "ferry")
    assert has_word("坐渡船过河", "渡船")


def test_kinds_are_files_and_a_users_own_goes_first(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert {"news", "post", "story", "product", "summary"} <= set(kind_names())
    assert load_kind("news").person == "third"
    own = tmp_path / "news.toml"
    own.write_text('[en]\nrole = "R"\noutline = "O {topic}"\nsection = "S {unknown}"\n', encoding="utf-8")
    mine = load_kind("news", tmp_path)
    assert mine.told("outline", "zh", topic="{x}") == "O {x}"
    assert mine.told("section", "en") == "S {unknown}"
    with pytest.raises(UsageError) as unknown:
        load_kind("poem", tmp_path)
    assert "news" in str(unknown.value)
    own.write_text('[en]\nrole = "R"\n', encoding="utf-8")
    with pytest.raises(InputError) as broken:
        load_kind(str(own))
    assert "outline" in str(broken.value)
