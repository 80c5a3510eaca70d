"""corpus crawl on a site of traps on loopback: what is fetched, what is not, and that a killed crawl goes on.

Every crawl runs in a process of its own: Scrapy's reactor starts once a process.
"""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trap_site import TrapSite

from textmill.data.corpus import Corpus
from textmill.data.crawl.addresses import host_of, is_public, is_text, is_trap, normal_address, pattern_of
from textmill.data.crawl.frontier import Frontier, Page
from textmill.data.crawl.links import MOST_LINKS, links_of, sitemap_entries
from textmill.data.crawl.rules import Rules
from textmill.data.formats_in.warc import fetched

pytest.importorskip("scrapy", reason="the extra crawl is not installed")
pytest.importorskip("warcio", reason="the extra crawl is not installed")
QUICK = ("--crawl.delay_seconds", "0", "--crawl.timeout_seconds", "2", "--crawl.page_megabytes", "1")


@pytest.fixture
def site() -> Iterator[TrapSite]:
    site = TrapSite()
    yield site
    site.close()


@pytest.fixture
def crawl(run_process: Callable[..., Any], site: TrapSite, tmp_path: Path) -> Callable[..., Any]:
    """Crawls the site into ``tmp_path/pages``."""

    def run(*words: object, start: str = "/", json_too: bool = True) -> Any:
        flags = ("--json",) if json_too else ()
        return run_process(
            "corpus", "crawl", site.address + start, "--out", tmp_path / "pages", *QUICK, *words, *flags, timeout=240
        )

    return run


def records(folder: Path) -> dict[str, bytes]:
    """Returns {path: body} of what our own reader finds in the WARC files."""
    import gzip

    found = {}
    for file in sorted(folder.glob("*.warc.gz")):
        with gzip.open(file) as stream:
            for record in fetched(stream, 1 << 30):
                assert record.problem is None
                if record.url.startswith("http"):
                    found["/" + record.url.partition("//")[2].partition("/")[2]] = record.body
    return found


def states(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / ".crawl" / "frontier.sqlite") as database:
        rows = database.execute("select address, state from pages").fetchall()
    database.close()
    return {"/" + address.partition("//")[2].partition("/")[2]: state for address, state in rows}


def test_the_site_of_traps_ends_and_what_is_text_is_fetched(crawl, site, tmp_path, run_textmill) -> None:
    done = crawl("--crawl.pages_per_pattern", "5", "--crawl.contact", "me@example.org").ok()
    assert done.document["ended"] == "done"
    found, became = records(tmp_path / "pages"), states(tmp_path / "pages")
    wanted = {"/", "/a", "/b?x=1", "/c", "/broken", "/from-broken", "/zh", "/only-in-sitemap", "/from-noindex"}
    assert wanted <= set(found)
    assert set(found) - wanted == {f"/calendar/2020-0{month}" for month in range(1, 6)}
    assert found["/a"] == site.pages["/a"]
    outcomes = {
        "/closed/secret": "robots", "/noindex": "noindex", "/same": "same_content", "/picture": "not_text",
        "/missing": "error", "/loop/1": "redirect", "/loop/2": "redirect", "/slow": "failed", "/huge": "failed",
        "/bomb": "failed", "/calendar/2020-06": "too_many_alike", "/sitemap.xml": "sitemap",
    }  # fmt: skip
    assert {path: became[path] for path in outcomes} == outcomes
    assert done.document["states"] == dict(Counter(became.values()))
    never = {"/closed/secret", "/photo.jpg", "/nofollowed", "/r/r/r/r/x", "/calendar/2020-06"}
    assert not never & set(site.asked)
    assert set(Counter(site.asked).values()) == {1}
    assert site.asked[0] == "/robots.txt"
    assert site.agents == {"textmill/0.1.0 (+me@example.org)"}

    again = crawl().ok().document
    assert (again["new"], again["pages"]) == (0, len(found))
    assert set(site.asked[len(set(site.asked)) :]) <= {"/calendar/2020-06"}

    run_textmill("corpus", "build", tmp_path / "pages", "--out", tmp_path / "c").ok()
    documents = {document.url: document for document in Corpus.open(tmp_path / "c").documents()}
    assert "page of its own, about the letter a" in documents[f"{site.address}/a"].text
    assert documents[f"{site.address}/zh"].language == "zh"


@pytest.mark.slow
def test_warcio_and_fastwarc_read_the_files(crawl, tmp_path) -> None:
    from fastwarc.warc import ArchiveIterator as FastIterator
    from fastwarc.warc import WarcRecordType
    from warcio.archiveiterator import ArchiveIterator

    crawl("--crawl.depth", "0").ok()
    (file,) = (tmp_path / "pages").glob("*.warc.gz")
    with open(file, "rb") as stream:
        read = [
            (record.rec_type, record.content_stream().read()) for record in ArchiveIterator(stream, check_digests=True)
        ]
    assert [kind for kind, _ in read] == ["warcinfo", "response"]
    with open(file, "rb") as stream:
        fast = [record.reader.read() for record in FastIterator(stream, record_types=WarcRecordType.response)]
    assert fast == [read[1][1]]


def test_a_killed_crawl_goes_on_without_asking_twice(start_process, crawl, site, tmp_path) -> None:
    site.pages |= {f"/p{n}": page for n, page in enumerate([site.pages["/a"] + b"<!-- %d -->" % n for n in range(60)])}
    site.pages["/"] = b"".join(b'<a href="/p%d">x</a>' % n for n in range(60))
    words = ("corpus", "crawl", site.address, "--out", tmp_path / "pages", *QUICK)
    killed = []
    for _ in range(2):
        process = start_process(*words, "--crawl.delay_seconds", "0.02")
        before = len(site.asked)
        while len(site.asked) < before + 12:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed.append(len(site.asked))
    newest = max((tmp_path / "pages").glob("*.warc.gz"))
    with open(newest, "ab") as stream:
        stream.write(b"\x1f\x8b half a record that no frontier knows of")
    document = crawl().ok().document
    found = records(tmp_path / "pages")
    assert set(found) == {"/", "/a", "/c", "/only-in-sitemap", *(f"/p{n}" for n in range(60))}
    assert document["pages"] == len(found)
    twice = [path for path, number in Counter(site.asked).items() if number > 1 and path.startswith("/p")]
    assert len(twice) <= 4, twice  # what was in the air when the process was killed: two at most each time


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(start_process, crawl, site, tmp_path) -> None:
    words = ("corpus", "crawl", site.address, "--out", tmp_path / "pages", *QUICK, "--json")
    process = start_process(*words, "--crawl.delay_seconds", "0.2")
    while len(site.asked) < 6:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    document = json.loads(out)
    assert document["ended"] == "interrupted" and document["new"] == len(records(tmp_path / "pages")) > 0
    assert "goes on" in err and "Traceback" not in err
    assert crawl("--crawl.pages", "8").ok().document["ended"] == "pages"


@pytest.mark.slow
def test_limits_end_a_crawl(crawl, site, tmp_path) -> None:
    assert crawl("--crawl.pages", "3").ok().document["ended"] == "pages"
    assert len(records(tmp_path / "pages")) == 3
    assert crawl("--crawl.total_megabytes", "0.001").ok().document["new"] == 0
    before = len(site.asked)
    document = crawl("--crawl.minutes", "0.05", "--crawl.delay_seconds", "0.8").ok().document
    assert document["ended"] == "time" and len(site.asked) - before <= 6


@pytest.mark.slow
def test_robots_decides_about_pages_and_pauses(crawl, site, tmp_path) -> None:
    site.robots = "User-agent: textmill\nCrawl-delay: 2\nDisallow: /b\nDisallow: /calendar\n"
    crawl("--crawl.pages", "3").ok()
    first, *_, last = site.times[1:]  # without the one for robots.txt
    assert len(site.times) >= 4
    assert (last - first) / (len(site.times) - 2) > 1.5  # a busy machine may be late for one of them
    assert not any(path.startswith(("/b", "/calendar")) for path in site.asked)


def test_a_host_without_its_robots_is_left_alone(run_process, tmp_path) -> None:
    closed = TrapSite(robots=503)
    try:
        done = run_process("corpus", "crawl", closed.address, "--out", tmp_path / "p", *QUICK, "--json", timeout=120)
        assert (done.code, done.document["error"]["code"]) == (2, "crawl.nothing")
        assert set(closed.asked) == {"/robots.txt"}
    finally:
        closed.close()


@pytest.mark.parametrize("start", ["/", "/inside"])
def test_a_public_start_does_not_lead_into_the_local_network(start, site, tmp_path) -> None:
    """The site stands in for a public one only in what `leads_inside` says; the resolver and the engine still know."""
    name = "127.0.0.1" if start == "/inside" else "localhost"
    code = (
        "import sys; from textmill.data.crawl import run; from textmill.config import CrawlSettings\n"
        "run.leads_inside = lambda address: False\n"
        "done = run.crawl([sys.argv[1]], __import__('pathlib').Path(sys.argv[2]), CrawlSettings(timeout_seconds=3.0))\n"
        "print(done.pages, done.states)"
    )
    address = site.address.replace("127.0.0.1", name) + start
    words = [sys.executable, "-c", code, address, str(tmp_path / "p")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 {'no_robots': 1")
    assert site.asked == []


def test_what_cannot_be_crawled_is_said(run_textmill, tmp_path, monkeypatch) -> None:
    def code(*words: object) -> str:
        done = run_textmill("corpus", "crawl", *words, "--json")
        assert done.code == 2
        return done.document["error"]["code"]

    for wrong in ("ftp://example.org", "http://user:secret@example.org/", "http://[x", "mailto:x@y.org"):
        assert code(wrong, "--out", tmp_path / "p") == "crawl.address"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x.txt").write_text("mine")
    assert code("https://example.org", "--out", tmp_path / "full") == "crawl.target_taken"
    monkeypatch.setattr("textmill.data.crawl.run.NEEDED", ("no_such_package",))
    assert code("https://example.org", "--out", tmp_path / "p") == "crawl.missing_extra"


@pytest.mark.parametrize(
    ("address", "base", "normal"),
    [
        ("HTTP://Example.ORG:80/a/../b#part", "", "http://example.org/a/../b"),
        ("../x?b=2&a=1&utm_source=y", "https://e.org/p/q/", "https://e.org/p/x?a=1&b=2"),
        ("https://例子.org/路径?词=值", "", "https://xn--fsqu00a.org/%E8%B7%AF%E5%BE%84?%E8%AF%8D=%E5%80%BC"),
        ("javascript:alert(1)", "https://e.org/", ""),
        ("http://user@e.org/", "", ""),
        ("http://[::1", "", ""),
        ("https://e.org/" + "x" * 3000, "", ""),
    ],
)
def test_one_form_for_each_address(address: str, base: str, normal: str) -> None:
    assert normal_address(address, base) == normal
    assert normal_address(normal) == normal


def test_traps_patterns_and_public_addresses() -> None:
    assert [is_trap(f"http://e.org/{path}") for path in ("a/b/a/b/a/b/a/b", "a/b/c/a")] == [True, False]
    assert pattern_of("http://e.org/2020/01?day=3&x=1") == pattern_of("http://e.org/1999/12?day=30&x=9")
    assert pattern_of("http://e.org/a?day=3") != pattern_of("http://e.org/b?day=3")
    assert [is_text(f"http://e.org/{name}") for name in ("a.html", "a.JPG", "a.pdf", "jpg/")] == [
        True,
        False,
        True,
        True,
    ]
    assert host_of("https://e.org:8443/a") == "e.org:8443"
    inside = "127.0.0.1 10.1.2.3 192.168.0.1 169.254.169.254 0.0.0.0 224.0.0.1 100.64.0.1"
    assert not any(map(is_public, f"{inside} ::1 fe80::1%eth0 fc00::1 ::ffff:127.0.0.1".split()))
    assert is_public("93.184.216.34") and is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_links_are_found_as_they_are_written() -> None:
    page = (
        b"<a href=/plain><A HREF='/q?a=1&amp;b=2' class=x><!-- <a href=/comment> --><script>'<a href=/script>'</script>"
        b'<a title="1 > 0" href="/after"><link rel=next href=/next><link rel=icon href=/i><area href="/area"><a name=x>'
    )
    found = ["plain", "q?a=1&b=2", "after", "next", "area"]
    assert links_of(page, "http://e.org/") == ([f"http://e.org/{name}" for name in found], True)


def test_links_of_hostile_pages() -> None:
    many = b"".join(b'<a href="/%d">' % n for n in range(MOST_LINKS * 3))
    assert len(links_of(many, "http://e.org/")[0]) == MOST_LINKS
    links, keep = links_of(
        b'<base href="/sub/"><a href="x"><a rel="nofollow" href="y"><a href="http://[z">', "http://e.org/"
    )
    assert (links, keep) == (["http://e.org/sub/x"], True)
    for deep in (b"<div>" * 200_000, b"<" * 500_000, b"<!--" * 100_000 + b"-->", b"<script>" * 100_000 + b"</script>"):
        assert links_of(deep + b'<a href="/deep">', "http://e.org/") == (["http://e.org/deep"], True)
    assert links_of(b"\x00\xff\xfe\x01" * 100, "http://e.org/")[0] == []
    assert links_of(b'<meta name="ROBOTS" content="NoIndex, NoFollow"><a href="/x">', "http://e.org/") == ([], False)


def test_sitemaps_in_all_forms() -> None:
    index = b"<sitemapindex><sitemap><loc>http://e.org/more.xml</loc></sitemap></sitemapindex>"
    assert sitemap_entries(index, "http://e.org/") == ([], ["http://e.org/more.xml"])
    assert sitemap_entries(b"http://e.org/a\nnothing\nhttps://e.org/b\n", "http://e.org/")[0] == [
        "http://e.org/a",
        "https://e.org/b",
    ]
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>http://e.org/&b;</loc></url></urlset>'
    )
    for broken in (bomb, b"<urlset><url>", b"\x1f\x8bbroken", b""):
        assert sitemap_entries(broken, "http://e.org/") == ([], [])


def test_rules_of_a_robots_txt() -> None:
    rules = Rules.of(
        "User-agent: *\nCrawl-delay: 500\nDisallow: /x\nSitemap: http://e.org/s.xml", "textmill", allowed=True
    )
    assert [rules.may_fetch(f"http://e.org/{path}") for path in ("x/y", "y")] == [False, True]
    assert (rules.delay(1.0), rules.sitemaps()) == (60.0, ["http://e.org/s.xml"])
    assert Rules.of("User-agent: textmill\nDisallow: /", "textmill", allowed=True).may_fetch("http://e.org/") is False
    assert Rules.of(None, "textmill", allowed=True).may_fetch("http://e.org/")
    assert not Rules.of(None, "textmill", allowed=False).may_fetch("http://e.org/")


def test_a_frontier_forgets_nothing_and_hands_out_nothing_twice(tmp_path: Path) -> None:
    frontier = Frontier(tmp_path / "f.sqlite", pages_per_pattern=2)
    frontier.add(
        [
            Page(address=f"http://e.org/{name}", depth=depth)
            for name, depth in (("b", 2), ("a", 1), ("1", 1), ("2", 1), ("3", 1))
        ]
    )
    frontier.commit()
    first = frontier.take("e.org")
    assert first is not None and first.address == "http://e.org/a"
    frontier.add([Page(address="http://e.org/c", depth=9)])
    frontier.finish(first, "done", facts={"warc_end": 7})
    frontier.add([Page(address="http://e.org/lost", depth=9)])  # its page was never finished: as if killed now
    frontier.database.close()
    again = Frontier(tmp_path / "f.sqlite", pages_per_pattern=2)
    taken = []
    while page := again.take("e.org"):
        taken.append(page.address.rpartition("/")[2])
    assert taken == ["1", "2", "b", "c"]
    assert (again.fact("warc_end"), again.states()) == (7, {"waiting": 4, "done": 1, "too_many_alike": 1})
    again.close()
