"""`textmill corpus build PATH...`: files of many forms in, a corpus out, and where everything else went."""

from pathlib import Path
from typing import Any

from textmill.cli.command import Argument, Command, Context, Stopped
from textmill.cli.layout import pad, width
from textmill.i18n import t
from textmill.report.numbers import size

MOST_ROWS = 8
"""Languages, kinds and encodings shown; the manifest has them all."""


def run(context: Context, *, paths: tuple[Path, ...], out: Path | None) -> dict[str, Any]:
    """Builds the corpus, into the project unless `out` names a folder."""
    from textmill.data.build import build_corpus, summary
    from textmill.data.mixing import corpus_shares, rules_of

    target = out or context.need_project().corpus
    rules_of(context.settings.mix)
    if context.settings.run.executor == "slurm":
        return hand_over(context, paths, target)
    try:
        with context.progress(t("cli_corpus_build.progress"), "MB") as progress:
            corpus = build_corpus(list(paths), target, context.settings, progress, context.say)
    except KeyboardInterrupt:
        context.say(t("corpus.interrupted"))
        raise Stopped({"error": {"code": "corpus.interrupted", "what": t("corpus.interrupted")}}) from None
    mixed = corpus_shares(corpus, context.settings.mix)
    show(context, corpus.folder, corpus.manifest, mixed)
    return {"folder": corpus.folder, "mixture": mixed} | summary(corpus.manifest)


def hand_over(context: Context, paths: tuple[Path, ...], target: Path) -> dict[str, Any]:
    """Gives the build to Slurm, which makes the corpus later."""
    from textmill.data.scale import submit_corpus

    made = submit_corpus(list(paths), target, context.settings, tell=context.say)
    for script in made["scripts"]:
        context.print(script)
    key = "submitted" if made["job_id"] else "written"
    context.print(t(f"cli_corpus_build.{key}", tasks=made["tasks"], job=made["job_id"], folder=target))
    return {"folder": target} | made


def show(context: Context, folder: Path, manifest: dict[str, Any], mixed: dict[str, Any]) -> None:
    """Prints what came in, what was taken out and why, what is left, and how it would be mixed."""
    from textmill.data.mixing import shares_text

    read = manifest["read"]
    rows = [(t("cli_corpus_build.read", files=read["files"], size=size(read["bytes"])), read["records"])]
    for item in manifest["dropped"]:
        step, reason = t(f"corpus.step_{item['step']}"), t(f"corpus.reason_{item['reason']}")
        rows.append((f"  {step}: {reason}", -item["count"]))
    for hint in hints(manifest):
        context.say(hint)
    rows.append((t("cli_corpus_build.kept", size=size(manifest["bytes"])), manifest["documents"]))
    for split, counts in manifest["splits"].items():
        rows.append((f"  {t(f'cli_corpus_build.split_{split}')}, {size(counts['bytes'])}", counts["documents"]))
    columns = max(width(label) for label, _ in rows)
    for label, number in rows:
        context.print(f"{pad(label, columns)}  {number:>11,}")
    for name in ("languages", "kinds"):
        groups = list(manifest[name].items())[:MOST_ROWS]
        shares = ", ".join(f"{key} {counts['bytes'] / manifest['bytes']:.1%}" for key, counts in groups)
        context.print(t(f"cli_corpus_build.{name}", shares=shares))
    masked = manifest.get("personal_data_masked")
    if masked:
        found = ", ".join(f"{t(f'corpus.personal_{kind}')} {count:,}" for kind, count in masked.items())
        context.print(t("cli_corpus_build.masked", found=found))
    mended = {t(f"corpus.cleaned_{what}"): count for what, count in manifest.get("cleaned", {}).items()}
    mended |= {t(f"corpus.cut_{what}"): count for what, count in manifest.get("passages_cut", {}).items()}
    if mended:
        found = ", ".join(f"{what} {count:,}" for what, count in mended.items())
        context.print(t("cli_corpus_build.cleaned", found=found))
    for field, shares in mixed.items():
        context.print(t(f"mixing.shares_{field}", shares=shares_text(shares)))
    context.print(t("cli_corpus_build.done", folder=folder))


def hints(manifest: dict[str, Any]) -> list[str]:
    """Returns what the user may want to do about what was left out."""
    found = []
    endings = ", ".join(
        f"{ending or '?'} {count}" for ending, count in list(manifest["unsupported_endings"].items())[:6]
    )
    if endings:
        found.append(t("cli_corpus_build.unsupported", endings=endings))
    if manifest["columns_without_text"]:
        found.append(t("cli_corpus_build.columns", columns=manifest["columns_without_text"][0]))
    if "validation" not in manifest["splits"]:
        found.append(t("cli_corpus_build.nothing_held_out"))
    return found


COMMAND = Command(
    words=("corpus", "build"),
    run=run,
    example="textmill corpus build pages/ articles.jsonl",
    arguments=(
        Argument(name="paths", kind=Path, many="+", metavar="PATH"),
        Argument(name="--out", kind=Path, metavar="DIR"),
    ),
    settings=("corpus", "clean", "duplicates", "decontaminate", "mix", "run"),
)
