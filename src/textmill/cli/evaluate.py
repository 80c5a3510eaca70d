"""`textmill evaluate`: how good a model is, on public suites, on a user's own items, on any text.

The document of ``--json``: ``model, step, folder, path, results [{suite, n, scores, baseline, problems, contamination,
groups, …}], collections {name: {value, tests}}, notes``. Results lie in ``evaluations/MODEL/SUITE.json``, with a line
an item beside each; the same command goes on where a stopped one ended.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.evaluate_asked import asked_for, words_of
from textmill.cli.evaluate_table import notes, results_table
from textmill.cli.model_engine import full_name, load_on, make_engine
from textmill.errors import InputError, UsageError
from textmill.i18n import t

if TYPE_CHECKING:
    from textmill.evaluate.run import Asked
    from textmill.evaluate.subject import Subject

FOLDER = "evaluations"
CHAT = "-chat"
"""Ends the folder of results that were asked for through the chat template: another way to ask the same model."""
PRECISIONS = ("auto", "fp32", "bf16")


def run(
    context: Context,
    *,
    model: str | None,
    suite: tuple[str, ...],
    data: tuple[str, ...],
    harness: tuple[str, ...],
    harness_files: Path | None,
    suite_files: Path | None,
    download: bool,
    limit: int,
    precision: str,
    chat: bool,
    device: str,
    out: Path | None,
    no_contamination: bool,
    allow_code_execution: bool,
) -> dict[str, Any]:
    """Reads the items, loads the model, scores what is not scored yet, tells the results."""
    command = words_of(model, limit)
    asked: list[Asked] = []
    if suite or data or not harness:
        asked = asked_for(context, suite, data, place=suite_files, download=download, limit=limit, command=command)
    check_needs(asked, allow_code_execution)
    if chat and harness:
        raise UsageError("evaluate.chat_harness")
    subject = make_subject(context, model, device, precision, chat=chat)
    folder = evaluations_folder(context, out) / folder_name(subject)
    results: list[dict[str, Any]] = []
    for each in asked:
        try:
            results.append(evaluate_one(context, subject, each, folder, search=not no_contamination))
        except KeyboardInterrupt:
            context.say(t("cli_evaluate.stopped", name=each.suite.name))
            raise Stopped(document(subject, folder, results)) from None
    if harness:
        results += harness_results(subject, harness, folder, harness_files, limit)
    tell(context, results, folder)
    return document(subject, folder, results)


def harness_results(
    subject: "Subject", tasks: tuple[str, ...], folder: Path, place: Path | None, limit: int
) -> list[dict[str, Any]]:
    """Returns the results of lm-evaluation-harness's tasks."""
    from textmill.evaluate.harness import evaluate_tasks

    if place is not None and not place.is_dir():
        raise InputError("evaluate.no_place", place=place)
    return list(evaluate_tasks(subject, tasks, folder, place=place, limit=limit))


def check_needs(asked: "list[Asked]", allowed: bool) -> None:
    """Raises before anything costly what cannot be had: the sandbox, an extra."""
    from textmill.evaluate.items import CODE, TRANSLATION

    if any(each.suite.kind == CODE for each in asked):
        from textmill.sandbox.run import require_sandbox

        require_sandbox(allowed=allowed)
    if any(each.suite.kind == TRANSLATION for each in asked):
        from textmill.evaluate.translation import require_sacrebleu

        require_sacrebleu()


def make_subject(context: Context, model: str | None, device: str, precision: str, *, chat: bool) -> "Subject":
    """Returns the model with what scores and what writes."""
    from textmill.evaluate.subject import Subject

    loaded = load_on(context, model, device)
    for note in loaded.notes:
        context.say(note)
    return Subject(
        loaded=loaded,
        name=full_name(loaded),
        make_engine=lambda loaded: make_engine(loaded, "auto"),
        precision=precision,
        chat=chat,
    )


def evaluations_folder(context: Context, out: Path | None) -> Path:
    """Returns where results lie: where the user said, in the project, or in the working folder."""
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError("evaluate.out_is_file", file=out)
    return out or (context.project.root if context.project is not None else Path.cwd()) / FOLDER


def folder_name(subject: "Subject") -> str:
    """Returns the name of the model's folder there."""
    from textmill.evaluate.journal import slug

    return slug(subject.name) + (CHAT if subject.chat else "")


def evaluate_one(context: Context, subject: "Subject", asked: "Asked", folder: Path, *, search: bool) -> dict[str, Any]:
    """Evaluates one suite, with progress."""
    from textmill.evaluate.run import evaluate_suite

    found = corpus_items(context, asked) if search else None
    with context.progress(asked.suite.name, t("cli_evaluate.items")) as progress:
        return evaluate_suite(subject, asked, folder, progress=progress, contamination=found)


def corpus_items(context: Context, asked: "Asked") -> dict[str, Any] | None:
    """Returns which items the project's corpus has, None outside of projects and without a corpus."""
    from textmill.evaluate.contamination import contamination
    from textmill.evaluate.items import TEXT

    project = context.project
    if project is None or not (project.corpus / "manifest.json").is_file() or asked.suite.kind == TEXT:
        return None
    title = t("cli_evaluate.searching", name=asked.suite.name)
    with context.progress(title, t("cli_evaluate.documents")) as progress:
        return contamination(asked.items, project.corpus, context.settings.decontaminate, progress)


def tell(context: Context, results: list[dict[str, Any]], folder: Path) -> None:
    """Prints the table, what there is to know about it, and where the results lie."""
    context.print(results_table(results))
    for line in notes(results):
        context.print(line)
    for name, value in collections(results).items():
        context.print(t("cli_evaluate.collection", name=name, value=f"{value['value']:.4f}", tests=value["tests"]))
    context.print(t("cli_evaluate.done", folder=folder, path=", ".join(dict.fromkeys(r["path"] for r in results))))


def collections(results: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Returns the mean centred score of each collection all of whose tests are there."""
    from textmill.evaluate.suites.registry import COLLECTIONS

    scores = {result["suite"]["name"]: result["scores"].get("centred") for result in results}
    made = {}
    for name, parts in COLLECTIONS.items():
        if all(scores.get(part) for part in parts):
            made[name] = {"value": sum(scores[part]["value"] for part in parts) / len(parts), "tests": len(parts)}
    return made


def document(subject: "Subject", folder: Path, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns what ``--json`` prints."""
    return {
        "model": subject.loaded.name,
        "step": subject.loaded.step,
        "folder": str(folder),
        "results": [{name: value for name, value in result.items() if name != "identity"} for result in results],
        "collections": collections(results),
        "notes": list(subject.loaded.notes),
    }


COMMAND = Command(
    words=("evaluate",),
    run=run,
    example=(
        "textmill evaluate --data stories.txt\n"
        "textmill evaluate main --suite piqa --suite arc_easy --suite-files ~/suites\n"
        "textmill evaluate hf:OWNER/NAME --suite lambada --download --limit 500\n"
        "textmill evaluate --data my-questions.jsonl --json\n"
        "textmill evaluate chatty --suite gsm8k --chat\n"
        "textmill evaluate --harness commonsense_qa --limit 200"
    ),
    arguments=(
        Argument(name="model", many="?"),
        Argument(name="--suite", many="*", metavar="NAME"),
        Argument(name="--data", many="*", metavar="FILE"),
        Argument(name="--harness", many="*", metavar="TASK"),
        Argument(name="--harness-files", kind=Path, metavar="DIR"),
        Argument(name="--suite-files", kind=Path, metavar="DIR"),
        Argument(name="--download", flag=True, default=False),
        Argument(name="--limit", kind=int, default=0, metavar="N"),
        Argument(name="--precision", choices=PRECISIONS, default="auto"),
        Argument(name="--chat", flag=True, default=False),
        Argument(name="--device", default="", metavar="DEVICE"),
        Argument(name="--out", kind=Path, metavar="DIR"),
        Argument(name="--no-contamination", flag=True, default=False),
        Argument(name="--allow-code-execution", flag=True, default=False),
    ),
    settings=("decontaminate",),
)
