"""The page says what the file holds: shares, trend, aspects, segments, drift, calibration; hostile text stays text."""

import base64
import html.parser
import json
import re
from datetime import date, timedelta

import pytest
from praise_and_blame import judge, sentences

from textmill.apps.sentiment.aspects import find_all
from textmill.apps.sentiment.grouping import Groups, normal
from textmill.apps.sentiment.results import write_table
from textmill.apps.sentiment.sentiment_report.dates import date_of, name_of, start_of, stretch_for
from textmill.apps.sentiment.sentiment_report.drawing import shades
from textmill.apps.sentiment.sentiment_report.gather import difference, wilson_of
from textmill.apps.sentiment.tables import open_table
from textmill.evaluate.intervals import wilson


def judged(seed: int, count: int = 120, share: float = 0.5) -> list[dict]:
    """Returns rows as `textmill sentiment` writes them; `share` of praise."""
    rows = sentences(4 * count, seed)
    good, bad = ([row for row in rows if row[1] == label] for label in (1, 0))
    wanted = round(share * count)
    chosen = [*good[:wanted], *bad[: count - wanted]]
    texts = [text for text, _ in chosen]
    made = []
    for number, ((text, label), said, found) in enumerate(
        zip(chosen, judge().judge(texts), find_all(judge(), None, texts), strict=True)
    ):
        day = date(2026, 1, 1) + timedelta(days=3 * (number * 7 % count))
        about = {"text": text, "date": day.isoformat(), "shop": ("north", "<b>south</b>")[number % 2]}
        gold = {"gold": ("negative", "positive")[label]}
        made.append(about | gold | said.as_dict() | {"aspects": [aspect.as_dict() for aspect in found]})
    return made


class Page(html.parser.HTMLParser):
    """The elements of a page, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.links: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        values = dict(attrs)
        if "download" in values:
            self.links[values["download"]] = values["href"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def files(tmp_path):
    write_table(tmp_path / "now.csv", judged(1, share=0.7))
    write_table(tmp_path / "before.jsonl", judged(2, share=0.4))
    return tmp_path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_written(files, run_textmill, language):
    done = run_textmill(
        "report", "sentiment", "now.csv", "before.jsonl", "--truth", "gold", "--ui-language", language, cwd=files
    ).ok()
    assert "now.html" in done.out
    page = (files / "now.html").read_text(encoding="utf-8")
    found = Page(page)
    assert found.open == []
    assert "script" not in found.names
    assert "<b>south</b>" not in page
    assert {"shares", "trend", "aspects", "segments", "drift", "calibration", "quotes", "downloads"} <= set(
        re.findall(r'<section id="(\w+)"', page)
    )
    assert not re.search(r'(?:src|href)="(?!#|data:)', page), "the page loads nothing"


def test_the_figures_are_those_of_the_file(files, run_textmill):
    done = run_textmill("report", "sentiment", "now.csv", "before.jsonl", "--truth", "gold", "--json", cwd=files).ok()
    told = json.loads(done.out)
    assert (told["rows"], told["judged"]) == (120, 120)
    assert told["columns"] == {"text": "text", "date": "date", "truth": "gold", "by": ["shop"]}
    shares = {item["label"]: item for item in told["shares"]}
    with open_table(files / "now.csv") as table:
        chances = [json.loads(row["probabilities"])["positive"] for row in table.rows]
    assert shares["positive"]["value"] == pytest.approx(sum(chances) / 120)
    assert shares["positive"]["low"] < 0.7 < shares["positive"]["high"]
    assert told["balance"] == pytest.approx(shares["positive"]["value"] - shares["negative"]["value"])
    assert sum(point["n"] for point in told["trend"]["points"]) == 120
    assert {value["value"]: value["n"] for value in told["segments"][0]["values"]} == {"north": 60, "<b>south</b>": 60}
    assert [item["clear"] for item in told["drift"][0]["shares"]] == [True, True]
    assert told["reliability"]["accuracy"]["value"] > 0.95
    names = {aspect["aspect"]: aspect for aspect in told["aspects"]}
    assert "room" in names
    assert sum(names["room"]["labels"].values()) == names["room"]["count"]


def test_tables_are_taken_away_inert(files, run_textmill, tmp_path):
    rows = judged(3, 40)
    for row in rows:
        row["shop"] = '=HYPERLINK("x")' if row["shop"] == "north" else "south"
    write_table(tmp_path / "odd.xlsx", rows)
    run_textmill("report", "sentiment", "odd.xlsx", "--by", "shop", cwd=files).ok()
    links = Page((files / "odd.html").read_text(encoding="utf-8")).links
    assert {"shares.csv", "shares.xlsx", "segments.csv", "aspects.xlsx"} <= set(links)
    for name in ("segments.csv", "segments.xlsx"):
        data = base64.b64decode(links[name].partition(",")[2])
        (tmp_path / name).write_bytes(data)
    assert b"'=HYPERLINK" in (tmp_path / "segments.csv").read_bytes()
    with open_table(tmp_path / "segments.xlsx") as table:
        assert {row["value"] for row in table.rows} == {'=HYPERLINK("x")', "south"}


def test_a_table_that_had_labels_is_measured_by_them(tmp_path, run_textmill):
    rows = judged(6, 20)
    names = ("label", "probabilities", "set", "aspects")
    for row in rows:
        row |= {f"sentiment_{name}": row.pop(name) for name in names}
        row["label"] = row.pop("gold")
    write_table(tmp_path / "own.csv", rows)
    told = json.loads(run_textmill("report", "sentiment", "own.csv", "--json").ok().out)
    assert told["columns"]["truth"] == "label"
    assert told["reliability"]["accuracy"]["n"] == 20
    assert told["aspects"]


def test_a_file_that_was_not_judged_is_told(tmp_path, run_textmill):
    (tmp_path / "raw.csv").write_text("text\nfine\n", encoding="utf-8")
    done = run_textmill("report", "sentiment", "raw.csv", "--json")
    assert (done.code, json.loads(done.out)["error"]["code"]) == (2, "sentiment_report.not_judged")
    (tmp_path / "none.jsonl").write_text('{"text": "", "label": null, "probabilities": {}}\n', encoding="utf-8")
    done = run_textmill("report", "sentiment", "none.jsonl", "--json")
    assert (done.code, json.loads(done.out)["error"]["code"]) == (2, "sentiment_report.none_judged")
    write_table(tmp_path / "good.csv", judged(4, 8))
    done = run_textmill("report", "sentiment", "good.csv", "--by", "shops", "--json")
    assert (done.code, json.loads(done.out)["error"]["code"]) == (2, "tables.no_column")


def test_texts_that_were_not_judged_are_counted_by_reason(tmp_path, run_textmill):
    empty = {"text": None, "label": None, "probabilities": {}, "abstained": "empty"}
    write_table(tmp_path / "some.jsonl", [*judged(5, 8), empty, empty | {"abstained": "nonsense"}])
    told = json.loads(run_textmill("report", "sentiment", "some.jsonl", "--json").ok().out)
    assert told["abstained"] == {"empty": 1, "nonsense": 1}
    assert (told["rows"], told["judged"]) == (10, 8)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-01-03", date(2026, 1, 3)),
        ("2026-01-03T10:00:00Z", date(2026, 1, 3)),
        ("2026/1/3 10:00", date(2026, 1, 3)),
        ("2026年1月3日", date(2026, 1, 3)),
        ("3.1.2026", date(2026, 1, 3)),
        ("1/3/2026", date(2026, 1, 3)),
        ("13/1/2026", date(2026, 1, 13)),
        ("2026-01", date(2026, 1, 1)),
        ("2026-13-01", None),
        ("soon", None),
        (None, None),
    ],
)
def test_dates(cell, expected):
    assert date_of(cell) == expected


def test_stretches_fit_the_time():
    first = date(2026, 5, 20)
    found = [stretch_for(first, first + timedelta(days=days)) for days in (1, 100, 500, 2000, 9000)]
    assert found == ["day", "week", "month", "quarter", "year"]
    told = [name_of(start_of(first, stretch), stretch) for stretch in found]
    assert told == ["2026-05-20", "2026-05-18", "2026-05", "2026-Q2", "2026"]


def test_aspects_of_one_name_are_one():
    assert {normal(name) for name in ("The Rooms", "room", "my room!")} == {"room"}
    assert [normal(name) for name in ("batteries", "dishes", "glass", "bus", "房间。")] == [
        "battery", "dish", "glass", "bus", "房间",
    ]  # fmt: skip
    groups = Groups()
    said = {"aspect": "room", "opinion": "dirty", "label": "negative", "probability": 0.9}
    groups.add("The room was dirty.", [said, said, said | {"label": "positive"}])
    groups.add("Rooms!", [{"aspect": "Rooms", "opinion": "!", "label": "negative"}, {"aspect": "x", "label": None}])
    (group,) = groups.ordered()
    assert (group.count, dict(group.labels), groups.texts) == (3, {"negative": 2, "positive": 1}, 2)


def test_intervals_of_whole_counts_are_wilsons():
    assert wilson_of(7, 20) == pytest.approx(wilson(7, 20).as_dict())
    found = difference(0.5, 100, 0.3, 100)
    assert found["clear"]
    assert found["low"] < 0.2 < found["high"]


def test_ratings_are_steps_from_blame_to_praise():
    assert list(shades(("1", "2", "3", "4", "5")).values()) == [
        "blame", "blame soft", "middle", "praise soft", "praise",
    ]  # fmt: skip
    assert shades(("negative", "positive")) == {"negative": "blame", "positive": "praise"}
    assert shades(("bug", "wish")) == {"bug": "f0", "wish": "f1"}
