"""Stack Exchange, Reddit, Discourse, mailboxes and forum pages: who answers whom, scores, pseudonyms."""

import gzip
import json
from pathlib import Path

import pytest
from corpus_helpers import build, by_source, dropped, dropped_rows, texts
from input_samples import dump_rows

POSTS = [
    {"Id": "1", "PostTypeId": "1", "AcceptedAnswerId": "4", "CreationDate": "2015-01-27T20:09:32.720", "Score": "20",
     "Body": "<p>How do I <b>store</b> it?</p>\n<pre><code>x = 1\n</code></pre>", "OwnerUserId": "7",
     "Title": "Storing &amp; more", "Tags": "<beans><storage>", "ContentLicense": "CC BY-SA 4.0"},
    {"Id": "2", "PostTypeId": "1", "Score": "3", "Body": "<p>Alone.</p>", "OwnerUserId": "8", "Title": "Alone"},
    {"Id": "3", "PostTypeId": "2", "ParentId": "1", "Score": "9", "Body": "<p>In a jar.</p>", "OwnerUserId": "8"},
    {"Id": "4", "PostTypeId": "2", "ParentId": "1", "Score": "-1", "Body": "<p>In the dark.</p>",
     "OwnerDisplayName": "Guest"},
    {"Id": "5", "PostTypeId": "4", "Body": "A tag's wiki."},
]  # fmt: skip
COMMENTS = [{"Id": "1", "PostId": "3", "Score": "2", "Text": "With a lid?", "UserId": "7"}]
USERS = [{"Id": "7", "DisplayName": "Ann"}, {"Id": "8", "DisplayName": "Bo"}]


def test_stack_exchange(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "cs/Posts.xml": dump_rows("posts", POSTS),
        "cs/Comments.xml": dump_rows("comments", COMMENTS),
        "cs/Users.xml": dump_rows("users", USERS),
        "cs/Votes.xml": dump_rows("votes", [{"Id": "1"}]),
    }
    corpus = build(tmp_path, files, authors="keep")
    found = by_source(corpus)
    assert sorted(found) == ["in/cs/Posts.xml:1", "in/cs/Posts.xml:2"]
    thread = found["in/cs/Posts.xml:1"]
    assert thread.text == (
        "Storing &amp; more\n\nAnn: How do I store it?\n\n```\nx = 1\n```\n\nGuest: In the dark.\n\nBo: In a jar.\n\n"
        "Ann: With a lid?"
    )
    assert (thread.title, thread.date, thread.licence) == ("Storing &amp; more", "2015-01-27", "CC BY-SA 4.0")
    assert thread.meta == {
        "kind": "stackexchange",
        "tags": ["beans", "storage"],
        "posts": [
            {"id": "1", "author": "Ann", "score": 20},
            {"id": "4", "author": "Guest", "answers": "1", "score": -1, "accepted": True},
            {"id": "3", "author": "Bo", "answers": "1", "score": 9},
            {"id": "c1", "author": "Ann", "answers": "3", "score": 2},
        ],
    }
    assert set(dropped(corpus).values()) == {"companion"}


def test_authors(tmp_path: Path):
    build(tmp_path, {"a/Posts.xml": dump_rows("posts", POSTS), "b/Posts.xml": dump_rows("posts", POSTS[:1])})
    names = {}
    for setting in ("pseudonym", "number"):
        found = by_source(build(tmp_path, authors=setting))
        assert "Guest" not in "".join(document.text for document in found.values())
        names[setting] = {
            source: [post["author"] for post in document.meta["posts"]] for source, document in found.items()
        }
    first, alone, other = names["pseudonym"].values()
    assert first[2] == alone[0], "one person has one name in a source"
    assert first[0] != other[0], "and another one in another source"
    assert all(name.startswith("user-") and len(name) == 11 for name in first)
    assert names["number"]["in/a/Posts.xml:1"] == ["user-1", "user-2", "user-3"]


def test_a_broken_dump_keeps_what_came_before(tmp_path: Path):
    corpus = build(tmp_path, {"Posts.xml.gz": gzip.compress(dump_rows("posts", POSTS)[:-250].encode())})
    assert corpus.count() == 2
    assert dropped(corpus) == {"in/Posts.xml.gz": "bad_xml"}


SUBMISSION = {"id": "s1", "author": "Ann", "title": "Rain?", "selftext": "Will it rain?", "score": 5,
              "subreddit": "town", "created_utc": 1427000000, "permalink": "/r/town/comments/s1/rain/"}  # fmt: skip
REPLIES = [
    {"id": "c2", "author": "Cy", "body": "Not at all.", "link_id": "t3_s1", "parent_id": "t3_s1", "score": 1},
    {"id": "c1", "author": "Bo", "body": "Yes.", "link_id": "t3_s1", "parent_id": "t3_s1", "score": 9},
    {"id": "c3", "author": "Ann", "body": "Why not?", "link_id": "t3_s1", "parent_id": "t1_c2", "score": 2},
    {"id": "c4", "author": "[deleted]", "body": "[deleted]", "link_id": "t3_s1", "parent_id": "t1_c3"},
    {"id": "c5", "author": "Dee", "body": "Lost.", "link_id": "t3_zz", "parent_id": "t3_zz"},
]
REPLIES = [{**row, "subreddit": "town"} for row in REPLIES]


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize("form", ["one file", "two files", "dumps"])
def test_reddit(tmp_path: Path, form: str):
    if form == "one file":
        files: dict[str, str | bytes] = {"r.jsonl": lines([SUBMISSION, *REPLIES]) + "{broken\n"}
    elif form == "two files":
        files = {
            "r_submissions.jsonl": lines([SUBMISSION]),
            "r_comments.jsonl.gz": gzip.compress(lines(REPLIES).encode()),
        }
    else:
        files = {"RS_2015": lines([SUBMISSION]), "RC_2015": lines(REPLIES)}
    corpus = build(tmp_path, files)
    thread, lost = list(corpus.documents())
    names = [post["author"] for post in thread.meta["posts"]]
    assert thread.text == "Rain?\n\n" + "\n\n".join(
        f"{name}: {text}"
        for name, text in zip(names, ["Will it rain?", "Not at all.", "Why not?", "Yes."], strict=True)
    )
    assert [(post["id"], post.get("answers")) for post in thread.meta["posts"]] == [
        ("s1", None), ("c2", "s1"), ("c3", "c2"), ("c1", "s1"),
    ]  # fmt: skip
    assert names[0] == names[2]
    assert (thread.url, thread.date) == ("https://www.reddit.com/r/town/comments/s1/rain/", "2015-03-22")
    assert lost.text.endswith(": Lost.")
    expected = {"one file": {"in/r.jsonl:7": "bad_json"}, "two files": {"in/r_comments.jsonl.gz": "companion"}}
    assert dropped(corpus) == expected.get(form, {"in/RC_2015": "companion"})


def test_a_thread_beyond_the_limit_is_refused(tmp_path: Path):
    rows = [SUBMISSION, *({**REPLIES[0], "id": f"x{n}", "body": "word " * 100} for n in range(50)), REPLIES[4]]
    corpus = build(tmp_path, {"r.jsonl": lines(rows)}, maximum_document_megabytes=0.01)
    assert [text.rpartition(" ")[2] for text in texts(corpus)] == ["Lost."]
    assert dropped(corpus) == {"in/r.jsonl:1": "too_large"}


def test_discourse(tmp_path: Path):
    quote = '<aside class="quote" data-post="1"><blockquote>Will it?</blockquote></aside>'
    posts = [
        {"post_number": 1, "username": "ann", "cooked": "<p>Will it rain?</p>", "post_type": 1},
        {"post_number": 2, "username": "bo", "cooked": quote + "<p>Yes.</p>", "post_type": 1, "accepted_answer": True,
         "actions_summary": [{"id": 2, "count": 4}]},
        {"post_number": 3, "username": "system", "cooked": "closed", "post_type": 3},
        {"post_number": 4, "username": "cy", "cooked": "<p>When?</p>", "post_type": 1, "reply_to_post_number": 2},
    ]  # fmt: skip
    topic = {
        "id": 9,
        "title": "Rain",
        "created_at": "2031-03-27T10:00:00Z",
        "tags": ["sky"],
        "post_stream": {"posts": posts},
    }
    corpus = build(
        tmp_path, {"9.json": json.dumps(topic), "all.jsonl": lines([topic | {"title": "Again"}])}, authors="keep"
    )
    first = by_source(corpus)["in/9.json:1"]
    assert first.text == "Rain\n\nann: Will it rain?\n\nbo: Yes.\n\ncy: When?"
    assert first.meta["posts"][1:] == [
        {"id": "2", "author": "bo", "answers": "1", "score": 4, "accepted": True},
        {"id": "4", "author": "cy", "answers": "2"},
    ]
    assert corpus.count() == 2


def message(
    sender: str, id: str, body: str, *, subject: str = "Rain", more: str = "", kind: str = "text/plain"
) -> bytes:
    head = (
        f"From {sender} Thu Mar 27 10:00:00 2031\nFrom: {sender}\nSubject: {subject}\nMessage-ID: <{id}@x>\n{more}"
        f"Date: Thu, 27 Mar 2031 10:00:00 +0000\nContent-Type: {kind}; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\n"
    )
    return (head + body + "\n\n").encode()


def test_mailbox(tmp_path: Path):
    chinese = "=?utf-8?B?5aSp5rCU?="
    box = b"".join(
        [
            message("Ann <ann@x.example>", "1", "Will it rain?\n\n>From here it looks so.\n-- \nAnn's signature"),
            message("bo@x.example", "9", "<p>Another <b>matter</b>.</p>", subject=chinese, kind="text/html"),
            message("bo@x.example", "2", "On Thu, Ann wrote:\n> Will it rain?\n\nYes.", more="In-Reply-To: <1@x>\n"),
            message("Ann <ann@x.example>", "3", "When?", subject="Re: Re: Rain", more="References: <1@x>\n <2@x>\n"),
        ]
    )  # fmt: skip
    corpus = build(tmp_path, {"town.mbox": box, "cut.mbox": box[: len(box) // 3]}, authors="keep", deduplicate=False)
    found = by_source(corpus)
    assert found["in/town.mbox:1"].text == (
        "Rain\n\nAnn: Will it rain?\n\nFrom here it looks so.\n\nbo@x.example: Yes.\n\nAnn: When?"
    )
    assert [post.get("answers") for post in found["in/town.mbox:1"].meta["posts"]] == [None, "1@x", "2@x"]
    assert found["in/town.mbox:2"].text == "天气\n\nbo@x.example: Another matter."
    assert found["in/town.mbox:1"].date == "2031-03-27"
    hidden = build(tmp_path)
    assert "x.example" not in "".join(texts(hidden))


PHPBB = """<!DOCTYPE html><html lang="en"><head><title>Forum - Rain</title></head><body id="phpbb" class="section-viewtopic">
<ul class="nav"><li>Board index</li></ul><h2 class="topic-title"><a href="t">Will it rain?</a></h2>
<div id="p11" class="post bg2"><div class="postprofile"><a class="username">Ann</a></div><div class="postbody">
<p class="author">by <strong><a class="username">Ann</a></strong></p><div class="content">Look at the <b>sky</b>.</div>
<div class="signature">Signed</div></div></div>
<div id="p12" class="post bg1"><div class="postbody"><p class="author"><a class="username">Bo</a></p><div class="content">
<blockquote><div><cite><a href="u">Ann</a> wrote: <a href="v.php?p=11#p11" data-post-id="11">up</a></cite>Look at the sky.</div>
</blockquote>It will.</div></div></div></body></html>"""  # noqa: E501
VBULLETIN = """<html><head><meta name="generator" content="vBulletin 3.8"><title>Rain - Town</title></head><body>
<table id="post21"><tr><td><a class="bigusername" href="m">Ann</a></td></tr><tr><td><div id="post_message_21">Look at the sky.</div>
</td></tr></table><table id="post22"><tr><td><a class="bigusername" href="m">Bo</a></td></tr><tr><td><div id="post_message_22">
<div style="margin:20px; margin-top:5px;"><div>Quote:</div>Originally Posted by <strong>Ann</strong>
<a href="showthread.php?p=21#post21">x</a> Look at the sky.</div>It will.</div></td></tr></table></body></html>"""  # noqa: E501
VBULLETIN_4 = """<html><head><meta name="generator" content="vBulletin 4.2"><title>Rain - Town</title></head><body><h1>Rain</h1>
<ol id="posts"><li class="postbit postcontainer" id="post_41"><div class="userinfo"><a class="username" href="m"><strong>Ann</strong></a></div>
<div class="postbody"><div class="content"><div id="post_message_41"><blockquote class="postcontent">Look at the sky.</blockquote></div></div></div>
</li><li class="postbit postcontainer" id="post_42"><div class="userinfo"><a class="username" href="m"><strong>Bo</strong></a></div>
<div class="postbody"><div class="content"><div id="post_message_42"><blockquote class="postcontent"><div class="bbcode_container">
<div class="bbcode_quote">Quote of <strong>Ann</strong> <a href="t.html#post41">x</a> Look at the sky.</div></div>It will.</blockquote></div></div></div>
</li></ol></body></html>"""  # noqa: E501
DISCUZ = """<html><head><meta name="generator" content="Discuz! X3.4"><title>下雨 - 小镇论坛</title></head><body>
<span id="thread_subject">会下雨吗</span><div id="post_31"><table id="pid31"><tr><td class="pls"><div class="authi">
<a class="xw1">小安</a></div></td><td class="plc"><div class="authi">发表于 昨天</div><table><tr><td class="t_f" id="postmessage_31">
<i class="pstatus">本帖最后编辑</i>看看天。</td></tr></table></td></tr></table></div>
<div id="post_32"><table id="pid32"><tr><td class="pls"><div class="authi"><a class="xw1">小波</a></div></td><td><table><tr>
<td class="t_f" id="postmessage_32"><div class="quote"><blockquote><a href="forum.php?goto=findpost&amp;pid=31&amp;ptid=3">小安</a>
看看天。</blockquote></div>会的。</td></tr></table></td></tr></table></div></body></html>"""  # noqa: E501


@pytest.mark.parametrize(
    ("markup", "text", "answers", "forum"),
    [
        (PHPBB, "Will it rain?\n\nAnn: Look at the sky.\n\nBo: It will.", "11", "phpbb"),
        (VBULLETIN, "Rain - Town\n\nAnn: Look at the sky.\n\nBo: It will.", "21", "vbulletin"),
        (VBULLETIN_4, "Rain\n\nAnn: Look at the sky.\n\nBo: It will.", "41", "vbulletin"),
        (DISCUZ, "会下雨吗\n\n小安: 看看天。\n\n小波: 会的。", "31", "discuz"),
    ],
)
def test_forum_pages(tmp_path: Path, markup: str, text: str, answers: str, forum: str):
    corpus = build(tmp_path, {"t.html": markup}, authors="keep")
    thread = next(corpus.documents())
    assert thread.text == text
    assert thread.meta["posts"][1]["answers"] == answers
    assert (thread.meta["kind"], thread.meta["forum"]) == ("html", forum)


def test_threads_without_text_are_counted(tmp_path: Path):
    gone = {**REPLIES[4], "body": "[removed]"}
    topic = {"post_stream": {"posts": []}, "title": "T"}
    corpus = build(tmp_path, {"r.jsonl": lines([gone]), "t.json": json.dumps(topic), "g.txt": "Good."})
    assert dropped(corpus) == {"in/r.jsonl:1": "not_content", "in/t.json:1": "not_content"}
    assert {row["step"] for row in dropped_rows(corpus)} == {"find"}
