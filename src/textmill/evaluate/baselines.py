"""What one gets without any model, on the same items: the cheap baseline that stands beside every score.

choices    always the same place; the longest choice; the shortest; the one whose words the question has most of
cloze      the capitalised word that the passage has most often, else its most frequent longer word
answers    the last number of the question
translation the source as it is
"""

import re
from collections import Counter
from collections.abc import Sequence

from textmill.evaluate.intervals import Score, wilson
from textmill.evaluate.items import ANSWER, CHOICE, CLOZE, Item
from textmill.evaluate.suites.writing import NUMBER, number

WORD = re.compile(r"\w+")


def baseline(items: Sequence[Item]) -> tuple[str, Score] | None:
    """Returns the best of the cheap rules for these items and its share of right answers, None where there is none.

    The best one is chosen on the items themselves, so it is rather too good: what does not beat it has shown nothing.
    """
    if not items:
        return None
    kind = items[0].kind
    if kind == CHOICE:
        rules = {name: wilson(right, len(items)) for name, right in choosing(items).items()}
        name = max(rules, key=lambda rule: rules[rule].value)
        return name, rules[name]
    if kind == CLOZE:
        right = sum(likely_word(item.own_prompts[0]) == item.choices[0].strip() for item in items)
        return "frequent_name", wilson(right, len(items))
    if kind == ANSWER:
        right = sum(last_number(item.own_prompts[0]) in item.references for item in items)
        return "last_number", wilson(right, len(items))
    return None


def choosing(items: Sequence[Item]) -> dict[str, int]:
    """Returns how many items each rule of choice has right; of n equals it has 1/n, as one who draws lots."""
    places = Counter(item.answer for item in items)
    right = {"longest": 0.0, "shortest": 0.0, "overlap": 0.0}
    if len(places) > 1:  # of minimal pairs the first is always right
        right["same_place"] = float(places.most_common(1)[0][1])
    for item in items:
        texts = [prompt + rest if len(item.prompts) > 1 else rest for prompt, rest in item.pairs]
        sizes = [float(len(text)) for text in texts]
        asked = set(WORD.findall(item.own_prompts[0].lower()))
        shared = [len(asked & set(WORD.findall(text.lower()))) / (1 + len(WORD.findall(text))) for text in texts]
        for rule, values in (("longest", sizes), ("shortest", [-size for size in sizes]), ("overlap", shared)):
            best = [place for place, value in enumerate(values) if value == max(values)]
            right[rule] += (item.answer in best) / len(best)
    return {rule: round(count) for rule, count in right.items()}


def likely_word(passage: str) -> str:
    """Returns the word that a passage would most likely end on, by its own words."""
    words = WORD.findall(passage)
    names = Counter(word for word in words if word[:1].isupper() and word.lower() not in words)
    longer = Counter(word for word in words if len(word) > 3)
    best = (names or longer or Counter(words)).most_common(1)
    return best[0][0] if best else ""


def last_number(question: str) -> str:
    """Returns the last number of a question."""
    found = NUMBER.findall(question.rsplit("Question:", 1)[-1])
    return number(found[-1]) if found else ""
