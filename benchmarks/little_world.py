"""Little World's measures: the sample itself, and a model that was trained on it (a quickstart's folder).

sample    the text: share of sentences with a common skeleton, near-duplicates, vocabulary     --data RAW FOLDER
model     held-out bits per byte of the newest run beside a 5-gram model on the same tokens; the share of 8-grams
          of the model's stories that occur in training; whether the stories' facts agree with the world
                                                                                              --data PROJECT
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import common

CASES = ("sample", "model")
PROMPTS = {
    "en": ("One morning", "The storm", "Dear diary,", "Last week,"),
    "zh": ("一天早上，", "小猫", "今天，", "上个星期"),
}
STORY_TOKENS, GRAM = 200, 8


def main() -> None:
    """Runs the cases and prints the table."""
    words = common.parser(__doc__ or "", CASES)
    words.add_argument("--stories", type=int, default=10, help="stories a prompt")
    words.add_argument("--tokens", type=int, default=262_144, help="held-out tokens that are scored")
    given = words.parse_args()
    if given.data is None:
        words.error("--data DIR is needed: Little World's raw folder (sample) or a quickstart's project (model)")
    results: list[common.Row] = []
    if given.case in (None, "sample"):
        results += sample(given.data if given.case else given.data / "raw")
    if given.case in (None, "model"):
        results += model(given.data, given.stories, given.tokens)
    common.report(results, given.json)


def sample(raw: Path) -> list[common.Row]:
    """Returns the measures of the text."""
    from textmill.data.little_world.measure import measure

    began = time.monotonic()
    found = measure(raw)
    seconds = time.monotonic() - began
    return [common.row("sample", name, value, seconds=seconds) for name, value in flat(found)]


def flat(values: dict[str, Any], before: str = "") -> Iterable[tuple[str, float]]:
    """Yields (dotted name, number) of every number in nested dictionaries."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        elif isinstance(value, int | float):
            yield f"{before}{name}", float(value)


def model(root: Path, stories: int, tokens: int) -> list[common.Row]:
    """Returns the measures of the project's newest run."""
    from textmill.infer.resolve import load
    from textmill.project import Project
    from textmill.tokenizer.tokens import Tokens

    project = Project(root=root.absolute())
    loaded = load(None, project)
    arrays = Tokens.open(project.tokens)
    rows = beside_ngram(loaded, arrays, tokens)
    texts = write(loaded, stories)
    rows.append(seen_before(loaded, arrays, texts))
    return rows + facts(texts)


def beside_ngram(loaded: Any, arrays: Any, tokens: int) -> list[common.Row]:
    """Returns bits per byte of the GPT and of a Kneser-Ney 5-gram model, on the same held-out documents."""
    from textmill.evaluate.bits_per_byte import bits_per_byte
    from textmill.evaluate.ngram import KneserNey
    from textmill.train.evaluation import held_out_documents

    end = loaded.tokenizer.end_of_text_id
    documents = list(held_out_documents(arrays.split("validation"), tokens))
    began = time.monotonic()
    gpt = bits_per_byte(loaded.model, documents, end_of_text_id=end, context=loaded.model.config.context)
    middle = time.monotonic()
    train = arrays.split("train")
    ngram = KneserNey.train(
        [train.document(index)[1:] for index in range(len(train))],
        vocabulary_size=arrays.manifest["vocabulary_size"],
        end_of_text_id=end,
        order=5,
    ).bits_per_byte(documents)
    theirs = common.row(
        "5-gram", "bits_per_byte", ngram.value, ngram.low, ngram.high, ngram.documents, time.monotonic() - middle
    )
    ours = common.row("GPT", "bits_per_byte", gpt.value, gpt.low, gpt.high, gpt.documents, middle - began)
    return [theirs, common.beside(ours, theirs, "5-gram")]


def write(loaded: Any, stories: int) -> dict[str, list[str]]:
    """Returns {language: stories}, prompts included."""
    from textmill.infer.generate import generate
    from textmill.infer.sampling import SamplingSettings

    texts: dict[str, list[str]] = {}
    for language, prompts in PROMPTS.items():
        for prompt in prompts:
            settings = SamplingSettings(temperature=0.7, top_p=0.95, max_tokens=STORY_TOKENS, seed=0, n=stories)
            written = generate(loaded.model, loaded.tokenizer, prompt, settings)
            texts.setdefault(language, []).extend(prompt + story.text for story in written)
    return texts


def seen_before(loaded: Any, arrays: Any, texts: dict[str, list[str]]) -> common.Row:
    """Returns the share of the stories' 8-grams of tokens that occur anywhere in the training tokens."""
    import numpy as np

    began = time.monotonic()
    train = np.asarray(arrays.split("train").array, dtype=np.uint64)
    known = set(hashes(train).tolist())
    grams = [
        hashes(np.array(loaded.tokenizer.encode(text), dtype=np.uint64)) for part in texts.values() for text in part
    ]
    found = np.array([gram in known for part in grams for gram in part.tolist()])
    return common.row(
        "stories", "8_grams_in_training", float(found.mean()), n=len(found), seconds=time.monotonic() - began
    )


def hashes(ids: Any) -> Any:
    """Returns a 64-bit hash of every run of 8 ids."""
    import numpy as np

    count = max(0, len(ids) - GRAM + 1)
    total = np.zeros(count, dtype=np.uint64)
    for place in range(GRAM):
        total = total * np.uint64(0x9E3779B97F4A7C15) + ids[place : place + count] + np.uint64(1)
        total ^= total >> np.uint64(29)
    return total


def facts(texts: dict[str, list[str]]) -> list[common.Row]:
    """Returns, by language, the share of checkable statements in the stories that agree with the world."""
    from textmill.data.little_world import build_world, check_facts

    began, world, rows = time.monotonic(), build_world(0), []
    for language, part in texts.items():
        reports = [check_facts(text, world, language) for text in part]
        agree = sum(report.agree for report in reports)
        contradict = sum(report.contradict for report in reports)
        total = agree + contradict
        share = agree / total if total else float("nan")
        rows.append(common.row(f"stories, {language}", "facts_agree", share, n=total, seconds=time.monotonic() - began))
    return rows


if __name__ == "__main__":
    main()
