"""The web sites of Little World: names, navigation, notices and the HTML around the text, as the real web has them.

Each layout puts the same parts (head, navigation, cookie notice, advertisements, main text, related links, comments,
footer) in another order and other tags. ``main_pattern`` says where the main text stands, so that it can be measured.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from html import escape

from .tables import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One web site: its name, its layout and the words of its frame."""

    key: str
    language: str
    name: str
    layout: str
    navigation: tuple[str, ...]
    cookie: str
    related: str
    comments: str
    footer: str
    share: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What goes into one page."""

    title: str
    author: str
    date: str
    date_words: str
    paragraphs: tuple[str, ...]
    related: tuple[tuple[str, str], ...]
    comments: tuple[tuple[str, str], ...]


SITES: tuple[Site, ...] = (
    Site(
        key="lark-news", language="en", name="The Lark News", layout="paper",
        navigation=("Home", "Town", "Weather", "Sport", "Food", "Letters", "Subscribe"),
        cookie="We use cookies to improve your visit. By reading on you accept our cookie policy.",
        related="More from the Lark News", comments="Readers' comments",
        footer="© 2031 The Lark News. All rights reserved. Imprint | Privacy | Contact",
        share="Share this article", by="By",
    ),
    Site(
        key="willow-blog", language="en", name="Under the Willow", layout="blog",
        navigation=("Start", "About me", "Archive", "Guest book"),
        cookie="This blog uses cookies. OK | Learn more",
        related="You may also like", comments="What you said",
        footer="Powered by LeafPress. Theme: Riverbank.", share="Like 12 · Tweet · Print", by="Posted by",
    ),
    Site(
        key="townsquare", language="en", name="TownSquare Online", layout="divs",
        navigation=("Stories", "Events", "Market", "Jobs", "Log in", "Sign up"),
        cookie="Your privacy matters to us. Accept all | Reject all | Settings",
        related="Read next", comments="Join the discussion",
        footer="TownSquare Online · Terms of use · Sitemap · Help · Back to top",
        share="Copy link", by="Written by",
    ),
    Site(
        key="old-gazette", language="en", name="Willowbrook Gazette Archive", layout="table",
        navigation=("Front page", "Search", "Years", "Names", "Index"),
        cookie="Cookies are needed to show this archive.",
        related="See also", comments="Notes by visitors",
        footer="Digitised by the town library. Best viewed at 1024x768.", share="Print this page", by="Author:",
    ),
    Site(
        key="yunque-bao", language="zh", name="云雀报", layout="paper",
        navigation=("首页", "本镇", "天气", "体育", "美食", "读者来信", "订阅"),
        cookie="本网站使用小型文本文件改善您的浏览体验，继续浏览即表示同意。",
        related="更多报道", comments="读者评论",
        footer="版权所有 © 2031 云雀报社 关于我们 | 隐私政策 | 联系方式", share="分享到：微信 微博", by="记者：",
    ),
    Site(
        key="liushu-xia", language="zh", name="柳树下", layout="blog",
        navigation=("主页", "关于我", "存档", "留言板"),
        cookie="本博客使用缓存技术。知道了 | 了解更多",
        related="猜你喜欢", comments="网友留言",
        footer="由叶子博客强力驱动 主题：河岸", share="点赞 12 · 收藏 · 打印", by="作者：",
    ),
    Site(
        key="xiaozhen-wang", language="zh", name="小镇网", layout="divs",
        navigation=("故事", "活动", "集市", "招聘", "登录", "注册"),
        cookie="我们重视您的隐私。全部接受 | 全部拒绝 | 设置",
        related="接着读", comments="参与讨论",
        footer="小镇网 · 使用条款 · 网站地图 · 帮助 · 返回顶部", share="复制链接", by="撰文：",
    ),
    Site(
        key="jiubao-ku", language="zh", name="柳溪旧报库", layout="table",
        navigation=("首页", "检索", "年份", "人名", "索引"),
        cookie="浏览本库需要启用浏览器缓存。",
        related="另请参阅", comments="访客附注",
        footer="由镇图书馆数字化，建议使用 1024x768 分辨率浏览。", share="打印本页", by="作者：",
    ),
)  # fmt: skip

MAIN_PATTERNS = {
    "paper": ("<article", "</article>"),
    "blog": ('<div class="entry-content">', '<div class="post-share">'),
    "divs": ('<div id="content-body">', '<div id="share-bar">'),
    "table": ('<td class="maintext" valign="top">', "</td>"),
}


def _links(items: tuple[tuple[str, str], ...]) -> str:
    return "".join(f'<li><a href="{escape(target)}">{escape(text)}</a></li>\n' for target, text in items)


def _advertisement(site: Site, generator: random.Random) -> str:
    english, chinese = generator.choice(rows("ads"))
    text = english if site.language == "en" else chinese
    return (
        f'<div class="ad banner"><a href="https://ads.example/{generator.randint(100, 999)}">{escape(text)}</a></div>'
    )


def _head(site: Site, page: Page) -> str:
    language = "en" if site.language == "en" else "zh-CN"
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(page.title)} - {escape(site.name)}</title>\n"
        f'<meta name="author" content="{escape(page.author)}">\n<meta name="date" content="{page.date}">\n'
        f'<meta property="og:site_name" content="{escape(site.name)}">\n'
        '<script>window.dataLayer=window.dataLayer||[];function track(e){dataLayer.push(e)}track("view");</script>\n'
        "<style>body{font-family:serif;margin:0}.ad{background:#ffc}</style>\n</head>\n"
    )


def _comments(site: Site, page: Page) -> str:
    if not page.comments:
        return ""
    items = "".join(
        f'<div class="comment"><span class="user">{escape(name)}</span><p>{escape(text)}</p></div>\n'
        for name, text in page.comments
    )
    return f'<section id="comments" class="comments"><h3>{escape(site.comments)}</h3>\n{items}</section>\n'


def render_page(site: Site, page: Page, generator: random.Random) -> str:
    """The whole HTML of one page on one site."""
    navigation = _links(tuple((f"/{index}", word) for index, word in enumerate(site.navigation)))
    body = "\n".join(f"<p>{escape(paragraph, quote=False)}</p>" for paragraph in page.paragraphs)
    parts = {
        "navigation": navigation,
        "body": body,
        "first_ad": _advertisement(site, generator),
        "second_ad": _advertisement(site, generator),
        "related": f"<h4>{escape(site.related)}</h4><ul>{_links(page.related)}</ul>",
        "comments": _comments(site, page),
        "byline": f"{escape(site.by)} {escape(page.author)}, {page.date_words}",
        "cookie": escape(site.cookie),
        "title": escape(page.title),
        "name": escape(site.name),
        "share": escape(site.share),
        "footer": escape(site.footer),
    }
    return _head(site, page) + _LAYOUTS[site.layout].format(**parts)


_LAYOUTS = {
    "paper": """<body>
<div class="cookie-notice">{cookie} <button>OK</button></div>
<header><h2 class="logo">{name}</h2><nav><ul>{navigation}</ul></nav></header>
{first_ad}
<main>
<article class="story">
<h1>{title}</h1>
<p class="byline">{byline}</p>
{body}
</article>
<aside class="sidebar">{second_ad}<div class="related">{related}</div></aside>
{comments}</main>
<footer><p>{footer}</p><p>{share}</p></footer>
</body>
</html>
""",
    "blog": """<body class="single-post">
<div id="header"><a href="/">{name}</a></div>
<ul class="menu">{navigation}</ul>
<div class="post">
<h1 class="entry-title">{title}</h1>
<div class="post-meta">{byline}</div>
<div class="entry-content">
{body}
</div>
<div class="post-share">{share}</div>
</div>
{comments}<div id="sidebar" class="widget-area">{first_ad}<div class="widget">{related}</div>{second_ad}</div>
<div id="footer">{footer}</div>
<div class="cookie-bar">{cookie}</div>
</body>
</html>
""",
    "divs": """<body>
<div class="topbar"><div class="brand">{name}</div><div class="nav"><ul>{navigation}</ul></div></div>
<div class="overlay consent"><p>{cookie}</p></div>
<div class="layout"><div class="left-rail"><div class="box">{related}</div>{first_ad}</div>
<div class="center">
<h1>{title}</h1><div class="meta">{byline}</div>
<div id="content-body">
{body}
</div>
<div id="share-bar"><button>{share}</button></div>
{second_ad}
{comments}</div></div>
<div class="footer-links">{footer}</div>
</body>
</html>
""",
    "table": """<body bgcolor="#ffffff">
<table width="100%" border="0"><tr><td colspan="3" class="masthead"><b>{name}</b></td></tr>
<tr><td class="leftnav" valign="top"><ul>{navigation}</ul>{first_ad}</td>
<td class="maintext" valign="top">
<h1>{title}</h1>
<i class="credit">{byline}</i>
{body}
</td>
<td class="rightcol" valign="top">{related}{second_ad}</td></tr>
<tr><td colspan="3">{comments}<small>{share} | {footer} | {cookie}</small></td></tr></table>
</body>
</html>
""",
}


def main_text(html: str) -> str:
    """The paragraphs of the main text of one of our own pages: what a good extractor should find."""
    for start, end in MAIN_PATTERNS.values():
        begin = html.find(start)
        if begin >= 0:
            inner = html[begin : html.find(end, begin)]
            pieces = [piece.split("</p>")[0] for piece in inner.split("<p>")[1:]]
            text = "\n\n".join(pieces)
            return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return ""
