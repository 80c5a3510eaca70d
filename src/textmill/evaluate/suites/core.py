"""The CORE set of DCLM (https://arxiv.org/abs/2406.11794): 22 tests, their accuracies centred on chance and averaged.

    centred = (accuracy − chance) / (1 − chance)

Files are those of DCLM's evaluation bundle, prompts as its code makes them: examples parted by an empty line, the
choice behind the test's own mark; spaces around a text go. A choice is right if its tokens are likeliest on average; a
text to go on from counts as right if every token of the known end is the likeliest at its place.
"""

from functools import partial

from textmill.evaluate.items import CHOICE, CLOZE, Item
from textmill.evaluate.suites.choosing import choice
from textmill.evaluate.suites.suite import Row, Shots, Suite

CORE = "core"
PER_TOKEN = "accuracy_per_token"
ANSWER_MARK = "\nAnswer: "
HUB = "hf:mlfoundations/dclm-eval"
TESTS: tuple[tuple[str, str, str, int, str, float], ...] = (
    ("hellaswag_zeroshot", "hellaswag", CHOICE, 0, " ", 0.25),
    ("jeopardy", "jeopardy_all", CLOZE, 10, ANSWER_MARK, 0.0),
    ("bigbench_qa_wikidata", "bigbench_qa_wikidata", CLOZE, 10, " ", 0.0),
    ("arc_easy", "arc_easy", CHOICE, 10, ANSWER_MARK, 0.25),
    ("arc_challenge", "arc_challenge", CHOICE, 10, ANSWER_MARK, 0.25),
    ("copa", "copa", CHOICE, 0, " ", 0.5),
    ("commonsense_qa", "commonsense_qa", CHOICE, 10, " ", 0.2),
    ("piqa", "piqa", CHOICE, 10, ANSWER_MARK, 0.5),
    ("openbook_qa", "openbook_qa", CHOICE, 0, " ", 0.25),
    ("lambada_openai", "lambada_openai", CLOZE, 0, " ", 0.0),
    ("hellaswag", "hellaswag", CHOICE, 10, " ", 0.25),
    ("winograd", "winograd_wsc", CHOICE, 0, " ", 0.5),
    ("winogrande", "winogrande", CHOICE, 0, " ", 0.5),
    ("bigbench_dyck_languages", "bigbench_dyck_languages", CLOZE, 10, " ", 0.0),
    ("agi_eval_lsat_ar", "agi_eval_lsat_ar", CHOICE, 3, " ", 0.2),
    ("bigbench_cs_algorithms", "bigbench_cs_algorithms", CLOZE, 10, " ", 0.0),
    ("bigbench_operators", "bigbench_operators", CLOZE, 10, " ", 0.0),
    ("bigbench_repeat_copy_logic", "bigbench_repeat_copy_logic", CLOZE, 10, " ", 0.0),
    ("squad", "squad", CLOZE, 10, " ", 0.0),
    ("coqa", "coqa", CLOZE, 0, " ", 0.0),
    ("boolq", "boolq", CHOICE, 10, ANSWER_MARK, 0.62),
    ("bigbench_language_identification", "bigbench_language_identification", CHOICE, 10, " ", 0.091),
)
"""Name, file, kind, examples, mark before the answer, what guessing gives by the bundle's own table."""

BY_CATEGORY = ("jeopardy",)
"""Whose figure is the mean of its categories'."""


def read(row: Row, mark: str) -> Item:
    """Returns the item in a row of any of the 22, told by its fields."""
    if "choices" in row:
        texts = [text.strip() for text in row["choices"]]
        return choice(row["query"].strip() + mark.rstrip(" "), texts, int(row["gold"]), space=blank(mark))
    if "context_options" in row:
        prompts = tuple(text.strip() for text in row["context_options"])
        if not 0 <= int(row["gold"]) < len(prompts):
            raise ValueError(row["gold"])
        rest = mark + row["continuation"].strip()
        return Item(name="", kind=CHOICE, prompts=prompts, choices=(rest,), answer=int(row["gold"]))
    prompt, rest = row["context"].strip() + mark.rstrip(" "), blank(mark) + row["continuation"].strip()
    return Item(name="", kind=CLOZE, prompts=(prompt,), choices=(rest,), group=str(row.get("category", "")))


def blank(mark: str) -> str:
    """Returns the space at a mark's end, which belongs to the first token behind it."""
    return mark[len(mark.rstrip(" ")) :]


def core_suites() -> dict[str, Suite]:
    """Returns the 22 suites by their names, ``core_arc_easy`` …"""
    return {f"{CORE}_{test[0]}": core_suite(*test) for test in TESTS}


def core_suite(name: str, file: str, kind: str, shots: int, mark: str, chance: float) -> Suite:
    """Returns one of them."""
    return Suite(
        name=f"{CORE}_{name}",
        kind=kind,
        read=partial(read, mark=mark),
        files=(f"{file}.jsonl",),
        hub=HUB,
        metric=PER_TOKEN if kind == CHOICE else "accuracy",
        shots=Shots(count=shots),
        chance=chance,
        rule="{query}" + mark.replace("\n", "⏎") + "{choice}",
        part_of=CORE,
        by_group=name in BY_CATEGORY,
    )
