"""`textmill quickstart`: everything once, from raw text to stories and answers, within so many minutes.

The document of ``--json``: ``project, seconds, stages [{stage, what, where, seconds}], bits_per_byte, stories [{prompt,
text}], talks [{language, messages}], parameters, step``. `quickstart.json` in the project remembers what is done, so
that a second call goes on. Little World's model also learns to answer (`quickstart_chat`); a text of one's own has
nothing to learn that from.
"""

import dataclasses
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textmill.cli import quickstart_articles, quickstart_asking, quickstart_chat, quickstart_reviews
from textmill.cli.command import Argument, Command, Context
from textmill.cli.layout import table
from textmill.config import Settings
from textmill.errors import InputError, UsageError
from textmill.files import write_json
from textmill.i18n import language, t
from textmill.project import Project, find_project

LEAST_MINUTES = 1.0
LEAST_TRAINING_SECONDS = 30.0
STORY_SECONDS = 12.0
"""Kept back from the training's time for the stories."""
LAST_SECONDS = quickstart_reviews.SECONDS + quickstart_articles.SECONDS + quickstart_asking.SECONDS
RUN_NAME = "main"
SHOWN = ("stories", "talk")
"""Stages that are done anew each time: what the model says is seen again."""
MEMORY_FILE = "quickstart.json"
WORLD_PROMPTS = (
    "The lost cat\n\nOne morning",
    "丢了的小猫\n\n一天早上，",  # text data
    "A storm in the night\n\n",
    "暴风雨\n\n星期六",  # text data
)
"""Titles, as stories have them: a bare "One morning" is more often continued as one of the many sentence pairs."""
RAW_FOLDERS = ("pages", "articles", "forum", "reviews", "stories", "parallel")


def run(context: Context, *, minutes: float, text: Path | None, dir: Path | None) -> dict[str, Any]:
    """Runs the stages that are not done yet and shows the result."""
    if not minutes >= LEAST_MINUTES:
        raise UsageError("cli_quickstart.minutes_small", least=LEAST_MINUTES, minutes=minutes)
    if text is not None and not text.exists():
        raise InputError("cli_quickstart.no_text", path=text)
    folder = (dir or default_folder(text)).absolute()
    what = str(text) if text else t("cli_quickstart.what_world")
    context.say(t("cli_quickstart.hello", what=what, minutes=minutes, folder=folder))
    warn_without_bf16(context)
    context = open_project(context, folder)
    quick = Quickstart(context, text.absolute() if text else None, minutes)
    answering = () if text else (quick.chats, quick.tuning, quick.talk, quick.judging, quick.writing, quick.asking)
    for stage in (quick.raw, quick.corpus, quick.tokenizer, quick.tokens, quick.model, quick.stories, *answering):
        quick.do(stage)
    return show(context, quick)


def default_folder(text: Path | None) -> Path:
    """Returns ./textmill-quickstart, with the text's name behind it where there is one."""
    if text is None:
        return Path("textmill-quickstart")
    name = re.sub(r"[^\w.-]+", "-", text.absolute().stem).strip("-.") or "text"
    return Path(f"textmill-quickstart-{name}")


def warn_without_bf16(context: Context) -> None:
    """Says so when training will be slow for want of matrix units."""
    from textmill import hardware

    device = hardware.default_device()[0]
    if device == "cpu" and hardware.default_precision(device)[0] == "fp32":
        context.say(t("cli_quickstart.no_bf16"))


def open_project(context: Context, folder: Path) -> Context:
    """Returns the context with the project in `folder`, made when there is none, and its settings."""
    from textmill.cli.new import make_project
    from textmill.settings_sources import load_settings

    here = find_project(folder) if folder.exists() else None
    project = here if here is not None and here.root == folder else make_project(folder, Settings())
    settings, origins = load_settings(project.settings_file, os.environ)
    given = {name for name, origin in context.origins.items() if origin == "command line"}
    values = {name: getattr(getattr(context.settings, name.split(".")[0]), name.split(".")[1]) for name in given}
    origins |= dict.fromkeys(given, "command line")
    return dataclasses.replace(context, project=project, settings=settings.replace(values), origins=origins)


class Quickstart:
    """The stages, and the memory of those that are done."""

    def __init__(self, context: Context, text: Path | None, minutes: float) -> None:
        self.context, self.text, self.minutes = context, text, minutes
        self.project: Project = context.need_project()
        self.began = time.monotonic()
        self.memory: dict[str, Any] = {"text": str(text) if text else None, "stages": {}}
        file = self.project.root / MEMORY_FILE
        if file.is_file():
            self.memory = json.loads(file.read_text(encoding="utf-8"))
            if self.memory["text"] != (str(text) if text else None):
                old, new = self.memory["text"], str(text)
                raise UsageError("cli_quickstart.other_text", folder=self.project.root, old=old, new=new)
        self.before = sum(stage["seconds"] for stage in self.memory["stages"].values())

    @property
    def seconds(self) -> float:
        """Time spent so far, earlier calls included."""
        return self.before + time.monotonic() - self.began

    def do(self, stage: Callable[[], dict[str, Any]]) -> None:
        """Runs a stage unless it is done, and remembers what it made and how long it took."""
        name = stage.__name__
        if name in self.memory["stages"] and name not in SHOWN:
            self.context.say(t("cli_quickstart.again", stage=t(f"cli_quickstart.stage_{name}")))
            return
        began = time.monotonic()
        result = stage()
        result["seconds"] = result.get("seconds") or round(time.monotonic() - began, 1)
        self.memory["stages"][name] = result
        write_json(self.project.root / MEMORY_FILE, self.memory)

    def raw(self) -> dict[str, Any]:
        """Little World's raw files, or the user's own as they lie there."""
        if self.text is not None:
            files = 1 if self.text.is_file() else sum(1 for path in self.text.rglob("*") if path.is_file())
            return {"where": str(self.text), "what": {"files": files}}
        from textmill.data.little_world import make_little_world

        folder = self.project.root / "raw"
        with self.context.progress(t("cli_little_world.writing"), t("cli_little_world.parts")) as report:
            summary = make_little_world(folder, seed=0, progress=lambda kind, done, total: report(done, total))
        return {"where": str(folder), "what": {"files": summary.files}}

    def corpus(self) -> dict[str, Any]:
        """The corpus of those files."""
        from textmill.data.build import build_corpus

        paths = [self.text] if self.text else world_folders(self.project.root / "raw")
        with self.context.progress(t("cli_corpus_build.progress"), "MB") as progress:
            corpus = build_corpus(paths, self.project.corpus, self.context.settings, progress, self.context.say)
        counts = {"documents": corpus.count(), "megabytes": corpus.measure("bytes") / 1e6}
        return {"where": str(self.project.corpus), "what": counts}

    def tokenizer(self) -> dict[str, Any]:
        """The tokenizer."""
        from textmill.cli.train import make_tokenizer

        tokenizer = make_tokenizer(self.context, self.project, self.budget())
        return {"where": str(self.project.tokenizer), "what": {"size": tokenizer.vocabulary_size}}

    def tokens(self) -> dict[str, Any]:
        """The token arrays."""
        from textmill.cli.train import make_tokens
        from textmill.tokenizer.tokenizer import Tokenizer

        tokens = make_tokens(self.context, self.project, Tokenizer.load(self.project.tokenizer))
        return {"where": str(self.project.tokens), "what": {"tokens": tokens.split("train").tokens}}

    def budget(self) -> Any:
        """What is left for training."""
        from textmill.train.budget import Budget

        after = quickstart_chat.kept_back(self.minutes) + LAST_SECONDS
        kept = STORY_SECONDS + (0.0 if self.text else after)
        return Budget(seconds=max(LEAST_TRAINING_SECONDS, self.minutes * 60 - self.seconds - kept))

    def model(self) -> dict[str, Any]:
        """The run, new or going on."""
        from textmill.cli.train import train_run
        from textmill.train.start import run_lock

        silent = dataclasses.replace(self.context, json=True)
        with run_lock(self.project.runs / RUN_NAME):
            result = train_run(silent, self.project, name=RUN_NAME, budget=self.budget(), resume=True, device="")
        what = {"parameters": result["parameters"], "steps": result["step"]}
        return {"where": result["folder"], "what": what, "bits_per_byte": result["bits_per_byte"]}

    def stories(self) -> dict[str, Any]:
        """Stories in both languages, or continuations of the user's own text."""
        from textmill.infer.generate import generate
        from textmill.infer.resolve import load
        from textmill.infer.sampling import SamplingSettings

        loaded = load(RUN_NAME, self.project)
        stories = []
        for prompt in self.prompts():
            settings = SamplingSettings(temperature=0.7, top_p=0.95, max_tokens=160, seed=0)
            story = generate(loaded.model, loaded.tokenizer, prompt, settings)[0]
            stories.append({"prompt": prompt, "text": prompt + story.text})
        return {"where": "-", "what": {"count": len(stories)}, "stories": stories}

    def chats(self) -> dict[str, Any]:
        """Conversations to tune on."""
        return quickstart_chat.write_chats(self.context, self.project, self.minutes)

    def tuning(self) -> dict[str, Any]:
        """The run that learns to answer."""
        left = self.minutes * 60 - self.seconds - quickstart_chat.TALK_SECONDS - LAST_SECONDS
        least = quickstart_chat.LEAST_SECONDS
        return quickstart_chat.tune(self.context, self.project, max(least, left))

    def talk(self) -> dict[str, Any]:
        """A few turns with it."""
        return quickstart_chat.talk(self.project)

    def judging(self) -> dict[str, Any]:
        """A judge of customers' reviews, from the same base."""
        return quickstart_reviews.judge(self.context, self.project)

    def writing(self) -> dict[str, Any]:
        """Articles from the town's graph."""
        return quickstart_articles.write_articles(self.context, self.project)

    def asking(self) -> dict[str, Any]:
        """Questions to the town's graph."""
        return quickstart_asking.ask(self.context, self.project)

    def prompts(self) -> tuple[str, ...]:
        """Returns beginnings: Little World's, or the first words of held-out documents of the user's."""
        if self.text is None:
            return WORLD_PROMPTS
        from textmill.data.corpus import Corpus

        corpus = Corpus.open(self.project.corpus)
        split = "validation" if corpus.count("validation") else "train"
        beginnings: list[str] = []
        for document in corpus.documents(split):
            beginning = first_words(document.text)
            if beginning and beginning not in beginnings:
                beginnings.append(beginning)
            if len(beginnings) == len(WORLD_PROMPTS):
                break
        return tuple(beginnings)


def world_folders(raw: Path) -> list[Path]:
    """Returns the folders of Little World that hold texts; the graph and its README are not for the corpus."""
    return [raw / name for name in RAW_FOLDERS if (raw / name).is_dir()]


def first_words(text: str) -> str:
    """Returns the first few words, or the first Chinese characters, of a text."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    words = line.split()
    return " ".join(words[:4]) if len(words) > 3 else line[:8]


def show(context: Context, quick: Quickstart) -> dict[str, Any]:
    """Prints stories, bits per byte, the table and what comes next; returns the document for `--json`."""
    stages = quick.memory["stages"]
    for story in stages["stories"]["stories"]:
        context.print(t("cli_quickstart.story_title", prompt=" ".join(story["prompt"].split())))
        context.print(story["text"].strip() + "\n")
    talks = stages["talk"]["talks"] if "talk" in stages else []
    quickstart_chat.show_talks(context, talks)
    quickstart_reviews.show(context, stages.get("judging"))
    quickstart_articles.show(context, stages.get("writing"))
    quickstart_asking.show(context, stages.get("asking"))
    bits = stages["model"]["bits_per_byte"]
    if bits is not None:
        context.print(t("cli_quickstart.bits", value=bits) + "\n")
    rows = [
        (
            t(f"cli_quickstart.stage_{name}"),
            t(f"cli_quickstart.what_{name}", **stage["what"]),
            shorten(stage["where"], quick.project.root),
            f"{stage['seconds']:.1f}",
        )
        for name, stage in stages.items()
    ]
    total = sum(stage["seconds"] for stage in stages.values())
    rows.append((t("cli_quickstart.total"), "", "", f"{total:.1f}"))
    columns = [t(f"cli_quickstart.column_{name}") for name in ("stage", "what", "where", "seconds")]
    context.print(table([tuple(columns), *rows]) + "\n")
    key = "next_chat" if talks else "next"
    context.print(t(f"cli_quickstart.{key}", folder=shorten(str(quick.project.root), Path.cwd())))
    return {
        "project": str(quick.project.root),
        "language": language(),
        "seconds": round(total, 1),
        "stages": [{"stage": name, **stage} for name, stage in stages.items() if name not in SHOWN],
        "bits_per_byte": bits,
        "stories": stages["stories"]["stories"],
        "talks": talks,
        **stages["model"]["what"],
    }


def shorten(path: str, root: Path) -> str:
    """Returns a path as it looks from `root`, where it lies below it."""
    try:
        return str(Path(path).relative_to(root))
    except ValueError:
        return path


COMMAND = Command(
    words=("quickstart",),
    run=run,
    example="textmill quickstart --text my-texts/",
    arguments=(
        Argument(name="--minutes", kind=float, default=10.0, metavar="N"),
        Argument(name="--text", kind=Path, metavar="FOLDER"),
        Argument(name="--dir", kind=Path, metavar="DIR"),
    ),
    settings=("corpus", "tokenizer", "model", "train"),
    reads_project=False,
)
