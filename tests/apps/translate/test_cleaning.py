"""Which pairs are left out, and that each is counted under its reason."""

from textmill.apps.translate.cleaning import clean_pairs, units
from textmill.apps.translate.pairs import Found, Pair

GOOD = [
    ("The cat sleeps on the mat.", "猫在垫子上睡觉。"),  # text data
    ("It is raining in the town.", "镇上在下雨。"),  # text data
    ("We went to the market.", "我们去了市场。"),  # text data
    ("Tom", "汤姆"),  # text data
]


def pair(first: str, second: str, place: str = "f:1", *, held_out: bool = False) -> Pair:
    return Pair(first=first, second=second, languages=("en", "zh"), place=place, held_out=held_out)


def test_every_reason() -> None:
    bad = {
        "empty": pair("…", "什么"),  # text data
        "copy": pair("Windows 11", "Windows 11"),
        "long": pair("word " * 300, "词" * 300),  # text data
        "languages": pair("这句其实是中文写的。", "这句其实是中文。"),  # text data
        "duplicate": pair(" The cat  sleeps on the mat.", "猫在垫子上睡觉。"),  # text data
        "length": pair("A very long sentence about nothing at all that goes on and on for ever.", "短"),  # text data
        "held_out": pair("She reads.", "别的"),  # text data
    }
    held = pair("She reads.", "她在读书。", held_out=True)  # text data
    found = Found()
    kept = clean_pairs([held, *(pair(*each) for each in GOOD), *bad.values()], found)
    assert [(one.first, one.second) for one in kept] == [("She reads.", "她在读书。"), *GOOD]  # text data
    assert dict(found.left_out) == dict.fromkeys(bad, 1)
    assert set(found.examples.values()) == {"f:1"}


def test_another_language_with_letters() -> None:
    found = Found()
    text = "Dies ist ganz bestimmt ein langer deutscher Satz über das Wetter."
    one = Pair(first=text, second="Il s'agit certainement d'une longue phrase.", languages=("de", "fr"))
    other = Pair(first=text, second="This is certainly a long English sentence about it.", languages=("de", "fr"))
    assert clean_pairs([one, other], found) == [one]
    assert found.left_out == {"languages": 1}


def test_a_sign_says_as_much_as_two_letters() -> None:
    assert units("猫 cat") == 6  # text data
