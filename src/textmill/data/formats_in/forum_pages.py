"""Thread pages of phpBB (2, 3), vBulletin (3, 4, 5) and Discuz! (7, X): who wrote what, and who answers whom.

A page is one document; a long thread is as many documents as it has pages. A quotation of an earlier post becomes the
link to that post and is left out of the text, as the post itself stands above.
"""

import re
from dataclasses import dataclass
from typing import Any

from resiliparse.parse.html import HTMLTree

from textmill.data.formats_in.fragments import fragment_text, too_deep
from textmill.data.formats_in.threads import Post, Thread

LONGEST_PAGE = 8_000_000
MOST_POSTS = 2_000
ID_NUMBER = re.compile(r"(\d+)$")
QUOTED_POST = re.compile(r"(?:data-post-id=\"|[?&;](?:p|pid)=|#p(?:ost)?|#pid)(\d+)")
BLANK = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How a forum's software writes its pages: marks of which each has one, and where things stand, as selectors.

    Marks are plain text and not expressions: every page of a crawl is searched for them, and an expression that ignores
    case takes 8 ms for what this takes 0.02.
    """

    name: str
    marks: tuple[str, ...]
    post: str
    author: str
    content: str
    title: str
    quote: str
    noise: str = "script"


ENGINES = (
    Engine(
        name="phpbb",
        marks=("postbody",),
        post="div.post[id^=p], div.post, table.forumline tr",
        author=".author a.username, .author a.username-coloured, .author .username, .author strong, .postauthor, "
        ".postprofile dt a, span.name b",
        content="div.content, div.postbody > div.content, span.postbody, div.postbody",
        title="h2.topic-title, h2, h3.first, a.maintitle",
        quote="blockquote, table td.quote",
        noise="script, .signature, .notice, .postdetails",
    ),
    Engine(
        name="vbulletin",
        marks=("post_message_", "js-post__content-text"),
        post="li[id^=post_], table[id^=post], div[id^=post_][class*=post], li.b-post",
        author="a.bigusername, a.username, .username strong, .b-userinfo .author, .author a, .author",
        content="[id^=post_message_], .js-post__content-text, .postcontent",
        title=".threadtitle, .main-title, td.navbar strong, h1",
        quote=".bbcode_container, .bbcode_quote, div[style*='margin:20px']",
        noise="script, .signature, .lastedited, .post_attachments",
    ),
    Engine(
        name="discuz",
        marks=("postmessage_",),
        post="table[id^=pid], div[id^=post_]",
        author=".authi a.xw1, .pls .authi a, .postauthor cite a, .postauthor a, .authi a",
        content="[id^=postmessage_], .t_f, .t_msgfont",
        title="#thread_subject, h1.ts a, #threadtitle h1, h1",
        quote="div.quote, blockquote",
        noise="script, .pstatus, .aimg_tip, .tip, .sign, .jammer",
    ),
)


def read_thread(markup: str) -> Thread | None:
    """Returns the thread on a forum's page, None for any other page."""
    if len(markup) > LONGEST_PAGE:
        return None
    engines = [engine for engine in ENGINES if any(mark in markup for mark in engine.marks)]
    if not engines or too_deep(markup):
        return None
    tree = HTMLTree.parse(markup)
    if tree.document is None:
        return None
    for engine in engines:  # the mark of one may stand in the pages of another: vBulletin 4 has a class postbody too
        if posts := read_posts(tree.document, engine):
            return thread_of(tree, engine, posts)
    return None


def thread_of(tree: Any, engine: Engine, posts: list[Post]) -> Thread:
    """Returns the posts with what the page says of the thread."""
    heading = first(tree.document, engine.title)
    title = text_of(heading) or (tree.title or "").strip()
    link = tree.document.query_selector("link[rel~=canonical]")
    html = tree.document.query_selector("html[lang]")
    return Thread(
        title=title,
        posts=posts,
        url=(link.getattr("href") or "") if link is not None else "",
        language=(html.getattr("lang") or "") if html is not None else "",
        meta={"forum": engine.name},
    )


def read_posts(document: Any, engine: Engine) -> list[Post]:
    """Returns the posts of a page, each once, in its order."""
    posts: list[Post] = []
    seen: set[str] = set()
    for element in document.query_selector_all(engine.post)[:MOST_POSTS]:
        content, author = first(element, engine.content), first(element, engine.author)
        if content is None or author is None:
            continue
        id = number_of(content) or number_of(element) or str(len(posts) + 1)
        if id in seen:  # a container within a container
            continue
        seen.add(id)
        answers = without_quotes(content, engine, seen)
        posts.append(Post(id=id, author=text_of(author), text=fragment_text(inside(content)), answers=answers))
    return posts


def without_quotes(content: Any, engine: Engine, known: set[str]) -> str:
    """Takes the quotations of posts on this page and what is no writing out of a post; returns the last post quoted."""
    answers = ""
    for quote in content.query_selector_all(engine.quote):
        found = [number for number in QUOTED_POST.findall(quote.html) if number in known]
        if found:
            answers = found[0]
            remove(quote)
    for element in content.query_selector_all(engine.noise):
        remove(element)
    return answers


def first(element: Any, selectors: str) -> Any:
    """Returns the first element that the first of the selectors finds, else that the next one finds; None for none."""
    found = (element.query_selector(selector) for selector in selectors.split(", "))
    return next((each for each in found if each is not None), None)


def inside(element: Any) -> str:
    """Returns the markup in an element, without its own tags: a post may be a cell of a table."""
    markup = element.html
    return markup[markup.index(">") + 1 : markup.rindex("<")]


def remove(element: Any) -> None:
    """Takes an element out of its tree; one whose parent was taken out before is gone already."""
    if element.parent is not None:
        element.decompose()


def number_of(element: Any) -> str:
    """Returns the number at the end of an element's id, or ""."""
    found = ID_NUMBER.search(element.getattr("id") or "")
    return found[1] if found else ""


def text_of(element: Any) -> str:
    """Returns an element's text on one line, "" for None."""
    return BLANK.sub(" ", element.text or "").strip() if element is not None else ""
