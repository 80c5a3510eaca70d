"""The page of `textmill report corpus`, drawn from what `gather` found; every word in both languages."""

from typing import Any

from textmill.data.corpus_report.details import samples, settings, words
from textmill.i18n import t
from textmill.report.charts import Column, bar, bars, histogram, table
from textmill.report.markup import Content, Markup, element, foreign, joined
from textmill.report.numbers import count, share, short, size
from textmill.report.page import Section, figures, page

SHOWN_ROWS = 15


def corpus_page(found: dict[str, Any]) -> str:
    """Returns the whole page."""
    corpus = found["corpus"]
    lead = joined(
        element("p", t("corpus_report.lead", files=count(found["read"]["files"]), size=size(found["read"]["bytes"]))),
        figures(
            (
                (t("corpus_report.documents"), count(corpus["documents"])),
                (t("corpus_report.text"), size(corpus["bytes"])),
                (t("corpus_report.characters"), short(corpus["characters"])),
                *((t(f"cli_corpus_build.split_{name}"), count(split["documents"])) for name, split in splits(found)),
            )
        ),
    )
    sections = (
        ("funnel", funnel(found)),
        ("languages", groups(found["languages"], "languages", found)),
        ("sources", sources(found)),
        ("kinds", groups(found["kinds"], "kinds", found)),
        ("lengths", lengths(found)),
        ("duplicates", duplicates(found)),
        ("personal", personal(found)),
        ("mended", mended(found)),
        ("thresholds", thresholds(found)),
        ("samples", samples(found)),
        ("settings", settings(found)),
    )
    drawn = [
        Section(anchor=name, title=t(f"corpus_report.{name}_title"), content=content) for name, content in sections
    ]
    return page(t("corpus_report.title", name=corpus["name"]), lead, drawn)


def splits(found: dict[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """Returns the splits that there are."""
    return list(found["splits"].items())


def most_first(counted: dict[str, int]) -> list[tuple[str, int]]:
    """Returns the items of a count, the largest first."""
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def heads(*names: str) -> tuple[Column, ...]:
    """Returns the columns of a table: the first names its rows, the others hold numbers."""
    first, *rest = (t(f"corpus_report.{name}") for name in names)
    return (Column(title=first), *(Column(title=title, number=True) for title in rest))


def funnel(found: dict[str, Any]) -> Markup:
    """Returns what came in, what each step took out, and what is left."""
    whole = found["read"]["records"] or 1
    rows: list[tuple[Content, ...]] = [(strong(t("corpus_report.came_in")), bar((1, "kept")), count(whole), "", "")]
    for step in found["funnel"]:
        left, gone = step["documents_left"] / whole, step["documents"] / whole
        drawing = bar((left, "kept"), (gone, "lost"))
        taken = (f"−{count(step['documents'])}", share(step["documents"], whole), known_size(step["bytes"]))
        rows.append((strong(words("step", step["step"])), drawing, *taken))
        for reason in step["reasons"]:
            part = bar((reason["documents"] / whole, "lost"))
            name = element("span", words("reason", reason["reason"]), class_="reason")
            numbers = (f"−{count(reason['documents'])}", share(reason["documents"], whole), known_size(reason["bytes"]))
            rows.append((name, part, *numbers))
    corpus = found["corpus"]
    rows.append(
        (
            strong(t("corpus_report.kept")),
            bar((corpus["documents"] / whole, "kept")),
            count(corpus["documents"]),
            share(corpus["documents"], whole),
            size(corpus["bytes"]),
        )
    )
    name, documents, of_all, bytes_ = heads("step", "documents", "share", "size")
    columns = (name, Column(title="", chart=True), documents, of_all, bytes_)
    keys = ((element("i", class_=f"key {kind}"), t(f"corpus_report.legend_{kind}")) for kind in ("kept", "lost"))
    legend = element("p", (element("span", key) for key in keys), class_="legend faint", aria_hidden="true")
    note = element("p", t("corpus_report.size_note"), class_="faint")
    return joined(table(t("corpus_report.funnel_caption"), columns, rows), legend, note)


def strong(text: str) -> Markup:
    """Returns a row's name that stands out."""
    return element("strong", text)


def known_size(number: int) -> str:
    """Returns a size, or a dash where a step did not tell it."""
    return size(number) if number else "–"


def groups(counted: dict[str, dict[str, int]], name: str, found: dict[str, Any]) -> Markup:
    """Returns languages or kinds by bytes, with their documents."""
    whole = found["corpus"]["bytes"]
    most = sorted(counted.items(), key=lambda item: (-item[1]["bytes"], item[0]))
    rows = [
        (
            foreign(key or "–"),
            group["bytes"],
            (size(group["bytes"]), share(group["bytes"], whole), count(group["documents"])),
        )
        for key, group in most[:SHOWN_ROWS]
    ]
    columns = heads(f"{name}_one", "size", "share", "documents")
    return joined(
        bars(t(f"corpus_report.{name}_caption"), columns, rows),
        element("p", t("corpus_report.more_rows", count=len(most) - SHOWN_ROWS)) if len(most) > SHOWN_ROWS else None,
    )


def sources(found: dict[str, Any]) -> Markup:
    """Returns the folders and files, the hosts and the licences that most documents came from."""
    return joined(*(ranked(found[name], name) for name in ("sources", "hosts", "licences")))


def ranked(ranking: dict[str, Any], name: str) -> Markup:
    """Returns one ranking with how many others there are."""
    shown = ranking["most"][:SHOWN_ROWS]
    if not shown:
        return Markup("")
    rows = [(foreign(row["name"]), row["documents"], (count(row["documents"]), size(row["bytes"]))) for row in shown]
    drawn = bars(t(f"corpus_report.{name}_caption"), heads(f"{name}_one", "documents", "size"), rows)
    if ranking["different"] is None:
        return joined(drawn, element("p", t("corpus_report.uncounted"), class_="faint"))
    rest = ranking["different"] - len(shown)
    return joined(
        drawn, element("p", t("corpus_report.more_rows", count=count(rest)), class_="faint") if rest else None
    )


def lengths(found: dict[str, Any]) -> Markup:
    """Returns the histogram of lengths and its quantiles."""
    spread = found["lengths"]
    bins = [(short(item["from"]), item["documents"]) for item in spread["bins"]]
    names = ("shortest", "tenth", "median", "nine_tenths", "longest")
    told = figures([(t(f"corpus_report.length_{name}"), count(spread[name])) for name in names])
    drawn = histogram(
        t("corpus_report.lengths_caption"),
        t("corpus_report.lengths_words", **{name: count(spread[name]) for name in names}),
        bins,
        t("corpus_report.lengths_axis"),
        (t("corpus_report.lengths_from"), t("corpus_report.documents")),
        t("corpus_report.as_table"),
    )
    return joined(told, drawn)


def duplicates(found: dict[str, Any]) -> Markup:
    """Returns how many duplicates there were, and the largest clusters."""
    seen = found["duplicates"]
    if not seen["documents"]:
        return element("p", t("corpus_report.duplicates_none"))
    told = t("corpus_report.duplicates_found", documents=count(seen["documents"]), clusters=count(seen["clusters"]))
    rows = [
        (
            joined(foreign(row["begin"] or "–"), " ", element("code", row["id"][:12])),
            row["documents"],
            (count(row["documents"]),),
        )
        for row in seen["largest"]
    ]
    columns = heads("duplicates_one", "documents")
    return joined(element("p", told), bars(t("corpus_report.duplicates_caption"), columns, rows))


def personal(found: dict[str, Any]) -> Markup:
    """Returns what personal data was masked."""
    masked = found["personal_data_masked"]
    if not masked:
        masking = found["settings"].get("corpus", {}).get("personal") == "mask"
        return element("p", t("corpus_report.personal_none") if masking else t("corpus_report.personal_off"))
    rows = [(words("personal", kind), number, (count(number),)) for kind, number in most_first(masked)]
    return bars(t("corpus_report.personal_caption"), heads("personal_one", "masked"), rows)


def mended(found: dict[str, Any]) -> Markup:
    """Returns what was changed in the documents that stay, and what encodings they were in."""
    repairs = {words("cleaned", name): number for name, number in found["cleaned"].items()}
    repairs |= {words("cut", name): number for name, number in found["passages_cut"].items()}
    repairs |= {t(f"corpus_report.{name}"): found[name] for name in ("control_characters", "characters_replaced")}
    rows = [(name, number, (count(number),)) for name, number in most_first(repairs) if number]
    coded = [(name, number, (count(number),)) for name, number in most_first(found["encodings"])]
    return joined(
        bars(
            t("corpus_report.mended_caption"),
            heads("mended_one", "times"),
            rows,
            empty=t("corpus_report.mended_none"),
        ),
        bars(t("corpus_report.encodings_caption"), heads("encoding", "documents"), coded) if len(coded) > 1 else None,
    )


def thresholds(found: dict[str, Any]) -> Markup:
    """Returns for each rule with a threshold how close to it the dropped documents came."""
    columns = heads("rule", "threshold", "dropped", "nearest", "median", "furthest", "close")
    rows = [
        (
            words("reason", rule["reason"]),
            short(rule["threshold"]),
            count(rule["dropped"]),
            short(rule["nearest"]),
            short(rule["median"]),
            short(rule["furthest"]),
            f"{count(rule['within_a_tenth'])} ({share(rule['within_a_tenth'], rule['dropped'])})",
        )
        for rule in found["thresholds"]
    ]
    if not rows:
        return element("p", t("corpus_report.thresholds_none"))
    return joined(
        element("p", t("corpus_report.thresholds_lead")), table(t("corpus_report.thresholds_caption"), columns, rows)
    )
