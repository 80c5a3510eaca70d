"""The end of the quickstart on Little World: the model that it trained learns to answer, and a few turns with it.

chats    conversations that Little World writes: questions, translation, reviews, stories, small talk
tuning   the run `chat`, from the run `main`, within its share of the minutes
talk     a conversation in each language
"""

import dataclasses
from typing import Any

from textmill.cli.command import Context
from textmill.i18n import t
from textmill.project import Project

BASE, RUN_NAME = "main", "chat"
CHATS = "chats"
ROWS_A_MINUTE, MOST_ROWS = 2_000, 20_000
"""Reading them takes time of its own, so there are fewer where there is little time."""
TUNING_SHARE = 0.15
"""Of the minutes: as long as it takes to read the conversations about twice on two cores with bf16 units."""
LEAST_SECONDS = 15.0
CHATS_SECONDS, TALK_SECONDS = 10.0, 5.0
"""Kept back for writing the conversations and for talking."""
SETTINGS = {
    "train.optimizer": "muon",
    "train.learning_rate": 0.0,
    "train.batch_tokens": 4096,
    "tune.epochs": 3.0,
    "tune.most_too_long": 0.5,
}
"""Of the tuning, where the user says nothing else. A model that has read for minutes still takes large steps: held-out
loss 1.475 with Muon, 1.576 with AdamW at 0.001 (docs/log.md)."""
TALKS = {
    "en": (
        "Hello! Who are you?",
        "What does Mina do?",
        "And where does she live?",
        "Translate into Chinese: Anna baked a loaf of bread.",
    ),
    "zh": (
        "你好！你会做什么？",  # text data
        "米娜住在哪里？",  # text data
        "那她喜欢做什么？",  # text data
        "把这句中文译成英文：安娜喝了一杯茶。",  # text data
    ),
}
ANSWER_TOKENS = 80


def tuning_seconds(minutes: float) -> float:
    """Returns how long the tuning may take."""
    return max(LEAST_SECONDS, 60 * minutes * TUNING_SHARE)


def kept_back(minutes: float) -> float:
    """Returns the seconds that the training before leaves to what comes after it."""
    return tuning_seconds(minutes) + CHATS_SECONDS + TALK_SECONDS


def write_chats(context: Context, project: Project, minutes: float) -> dict[str, Any]:
    """Writes the conversations."""
    from textmill.data.little_world import make_instructions

    folder = project.root / CHATS
    with context.progress(t("cli_little_world.writing"), t("cli_little_world.parts")) as report:
        counts = make_instructions(
            folder,
            seed=0,
            rows=round(min(ROWS_A_MINUTE * minutes, MOST_ROWS)),
            progress=lambda kind, done, total: report(done, total),
        )
    return {"where": str(folder), "what": {"rows": sum(counts.values())}}


def tune(context: Context, project: Project, seconds: float) -> dict[str, Any]:
    """Tunes the base on the conversations, or goes on with that."""
    from textmill.cli import tune_sft

    values = {name: value for name, value in SETTINGS.items() if not context.chosen(name)}
    origins = context.origins | dict.fromkeys(values, "command line")
    own = dataclasses.replace(context, settings=context.settings.replace(values), origins=origins, json=True)
    result = tune_sft.run(
        own,
        data=(str(project.root / CHATS),),
        validation=(),
        general=(),
        name=RUN_NAME,
        model=BASE,
        method="full",
        budget=f"{seconds:.0f}s",
        resume=True,
        device="",
    )
    return {"where": result["folder"], "what": {"steps": result["step"], "loss": result["held_out_loss"]}}


def talk(project: Project) -> dict[str, Any]:
    """Talks with the tuned model, in each language from an empty beginning."""
    from textmill.cli.model_engine import make_engine
    from textmill.infer.conversation import Conversation
    from textmill.infer.resolve import load
    from textmill.infer.sampling import SamplingSettings

    loaded = load(RUN_NAME, project)
    engine = make_engine(loaded, "auto", texts=1, length=loaded.model.config.context)
    talks = []
    for name, said in TALKS.items():
        settings = SamplingSettings(temperature=0.0, max_tokens=ANSWER_TOKENS, seed=0)
        conversation = Conversation(engine=engine, settings=settings)
        for text in said:
            conversation.say(text)
            for _ in conversation.answer():
                pass
        talks.append({"language": name, "messages": conversation.messages})
    return {"where": "-", "what": {"turns": sum(map(len, TALKS.values()))}, "talks": talks}


def show_talks(context: Context, talks: list[dict[str, Any]]) -> None:
    """Prints the conversations."""
    for one in talks:
        context.print(t("cli_quickstart.talk_title"))
        for message in one["messages"]:
            said = t(f"cli_quickstart.said_{message['role']}", text=message["content"].strip())
            context.print(said)
        context.print("")
