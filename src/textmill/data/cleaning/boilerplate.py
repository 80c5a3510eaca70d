"""Lines that say nothing but "read more", "accept cookies", 上一篇, 版权所有: in English and Chinese.

RefinedWeb's idea (Penedo et al. 2023, appendix G.2), with phrases of our own. The whole line has to match, so that a
sentence about cookies stays; marks around it (bullets, arrows, brackets) do not count. Table rows, headings and code
are left alone. A word that is a menu's as well as a heading's (Save, 打印) counts only beside another such line.
"""

import re

LONGEST = 120
"""A longer line is not looked at: whatever it begins with, it says something."""
LEFT_ALONE = ("|", "#", "    ", "\t", ">>>", "```")
MARKERS = re.compile(r"^(?:[-*•·▪●>»«<\[【（(]\s*)+|[>»«<\]】）)]+$")  # text data
SIGNS = " \t:：.。…!！|·•*-–—→←»«<>"  # text data

NETWORKS = "facebook|twitter|pinterest|linkedin|whatsapp|reddit|tumblr|instagram|youtube|google\\+|telegram|e-?mail"
ENGLISH = rf"""
(?:please )?(?:share|tweet|pin|e-?mail|print|bookmark|save|like) (?:it|this)
  (?: (?:article|post|page|story|on|via|to|with|by|friends?|{NETWORKS}))*
|(?:share|tweet|pin|e-?mail) (?:on|via|to|with|by)(?: (?:a|your) friends?| (?:{NETWORKS})[ ,/]{{0,3}})*
|(?:share|follow|find|join|like|connect with|contact) (?:this|us)(?: (?:on|at|via) [\w ,&/]{{2,40}})?
|(?:{NETWORKS})(?:[ ,/|]+(?:{NETWORKS}))+
|(?:sign|log) ?(?:in|up|out)(?: (?:now|here|or register|for free|to (?:comment|reply|post|continue|your account)))?
|(?:register|subscribe|unsubscribe)(?: (?:now|here|today))?(?: (?:to|for) (?:our|the|my) [\w ]{{0,20}}newsletter)?
|(?:read|view|see|show|load|learn|find out) (?:more|less|all|full (?:article|story|post))
  (?: (?:about this|here|comments|posts|articles|stories))?
|continue reading|click here(?: (?:to|for) [\w ]{{2,20}})?|skip to (?:main |the )?(?:content|navigation|search)
|jump to (?:navigation|search|content)|(?:go )?back to (?:the )?(?:top|home(?: ?page)?|search results)
|(?:next|previous|newer|older)(?: (?:post|article|page|story|entry|entries|posts))s?(?:: .{{0,60}})?
|(?:leave|post|write|add) (?:a |your )?(?:comment|reply|review)(?: (?:below|cancel reply))?
|(?:no|be the first to) comments?(?: yet)?
|[\d,.]+[km]? (?:comments?|likes?|shares?|views?|replies|followers|retweets)(?: (?:on|so far) .{{0,40}})?
|.{{0,40}}all rights reserved.{{0,40}}|(?:copyright )?(?:©|\(c\)|&copy;) ?(?:copyright )?(?:19|20)\d\d.{{0,60}}
|(?:proudly )?powered by [\w .]{{2,30}}
|(?:we|this (?:web ?)?site|our (?:web ?)?site) uses? cookies(?:(?: and .{{0,40}})? (?:to|for)\b.{{0,80}})?
|.{{0,60}}by (?:continuing|using) .{{0,40}} cookies.{{0,20}}|(?:accept|reject|allow|manage)(?: all)? cookies
|(?:cookies?|privacy|terms)
  (?: (?:policy|settings|preferences|notice|statement|of (?:use|service)|and conditions|(?:&|&amp;) conditions))+
  (?: (?:and|&|\|) .{{0,30}})?
|(?:related|recommended|popular|recent|latest|trending)(?: \w+)? (?:articles?|posts?|stories|news|links?|topics?)
|you (?:may|might) also (?:like|enjoy|be interested in)
|(?:filed under|posted (?:in|by|on)|tagged(?: with| as)?)[: ].{{0,60}}
|please enable javascript.{{0,60}}|(?:javascript|your browser).{{0,40}}(?:is disabled|not support(?:ed)?).{{0,40}}
|page \d+ of \d+|story continues below|advertisements?|sponsored content
"""
CHINESE = r"""
(?:上一|下一|前一|后一)(?:篇|页|章|条|节)(?:[:： ].{0,60}|文章.{0,60})?
|(?:返回|回到)(?:首页|顶部|列表|目录|上一页|上页|主页|页首|栏目首页)|加入收藏|设为首页|网站(?:首页|地图|导航|公告)
|(?:一键)?(?:分享|转发|收藏|打印|举报|推荐)(?:本[文页帖])?(?:到|至|给朋友|给好友)
  (?:[:：、/| ]*(?:微信|微博|新浪微博|QQ空间|QQ|朋友圈|豆瓣|人人网|腾讯微博|知乎|更多))*
|字[体号](?:大小)?[:： ]+[大中小 【】\[\]+-]+|(?:阅读|浏览|点击|访问)(?:次数|量|数)?[:： ]*\d+(?:次|人)?
|(?:评论|回复|点赞|转发|收藏)(?:数)?[:：( ]*\d+(?:次|条|人)?|[分点](?:享|赞)[(（]\d+[)）]?
|.{0,40}(?:版权所有|版权归.{1,20}所有|保留(?:一切|所有|全部)权利|著作权所有|版權所有).{0,60}
|.{0,40}(?:ICP[备证]|公网安备|网络?文化经营许可证|增值电信业务经营许可|信息网络传播视听节目许可证).{0,60}
|.{0,40}互联网新闻信息服务许可证.{0,60}
|(?:责任编辑|责编|本文编辑|文章编辑|值班编辑|网络编辑|责任校对)[:： ].{0,30}|(?:责任编辑|责编)
|(?:免责声明|版权声明|特别声明|郑重声明|法律声明|隐私(?:政策|声明|条款)|使用条款|服务条款|用户协议)(?:[:：].{0,100})?
|(?:相关|热门|推荐|最新|精彩|延伸|热点|本周|今日)(?:阅读|推荐|文章|新闻|链接|评论|资讯|专题|图片|视频|回复|排行|话题)+
|猜你喜欢|大家都在看|[为給给][您你]推[荐薦]|友情链接|诚聘英才|意见反馈
|(?:点击|戳|猛戳)(?:这里|此处)?(?:查看|阅读|展开|加载)(?:更多|全文|原文|详情|剩余|大图)(?:内容|评论)?
|(?:查看|阅读|展开|加载)(?:更多|全文|原文|剩余|详情|大图)(?:内容|评论|回复|文章)?
|暂无评论|(?:我要|发表|查看|网友|写)(?:评论|回复|留言|点评)|(?:还没有|没有)(?:帐号|账号).{0,20}|忘记密码
|(?:请)?(?:先)?(?:登录|登陆)[/| 或]*(?:注册)
|(?:请)?(?:先)?(?:登录|登陆|注册)后(?:发表|查看|可以|才能|可).{0,20}
|(?:微信|手机)?(?:扫一扫|扫码).{0,40}|.{0,8}扫描.{0,8}二维码.{0,30}|长按.{0,10}(?:二维码|识别).{0,30}
|(?:欢迎|请|快来|敬请)?(?:关注|订阅)(?:我们|本站|微信公众号|公众号|官方微信|官方微博).{0,40}
|.{0,20}(?:未经|不得).{0,15}(?:授权|许可|允许|同意).{0,20}(?:转载|复制|摘编|镜像).{0,40}
|(?:欢迎|如需|严禁|禁止|谢绝|如若)?转载(?:请)?(?:注明|务必|联系).{0,60}|(?:本文)?转载自.{0,40}
|(?:您|你)?(?:现在|当前|目前|所在)?的?(?:所在)?位置[:：].{0,80}|首页 ?[>»›].{0,80}|广告|赞助商链接
|(?:本站|我们|本网站)使用\s?cookies?.{0,60}|正在加载.{0,6}|加载中.{0,6}
"""  # text data
MENU = r"""
home|menu|search|close|next|previous|prev|newer|older|more|reply|report|quote|edit|delete|permalink|loading|comments?|tags?
|categories|contact(?: us)?|about(?: us)?|sitemap|faq|help|save|share|tweet|print|like|terms|privacy|legal|login
|disclaimer|register|subscribe|(?:NETWORKS)|accept|reject|archives?|blog|news
|首页|尾页|末页|主页|上一步|下一步|分享|转发|收藏|点赞|打印|举报|复制链接|评论|回复|关闭|关闭窗口|打印本页|登录|登陆|注册|退出|搜索
|更多|全文|展开|收起|字体|字体大小|关于我们|联系我们|联系方式|广告服务|招聘信息|网站声明|导航|菜单|目录|新闻|论坛|博客|帮助|赞|踩|顶
"""  # text data


def _compiled(*patterns: str) -> re.Pattern[str]:
    """Returns one expression of alternatives that were written over several lines."""
    return re.compile("|".join(re.sub(r"\n\s*", "", pattern.strip()) for pattern in patterns), re.IGNORECASE)


BOILERPLATE = _compiled(re.sub(r"\n  ", "", ENGLISH), re.sub(r"\n  ", "", CHINESE))
MENU_WORD = _compiled(MENU.replace("NETWORKS", NETWORKS))
NOTHING, PERHAPS, SURELY = 0, 1, 2
MOST_LINES = 10_000
"""At each end of a text; menus and notices stand there, and a list of a million lines would take ten seconds."""


def boilerplate_lines(lines: list[str]) -> list[bool]:
    """Returns which of the lines (none of them blank) are boilerplate."""
    if len(lines) > 2 * MOST_LINES:
        between = [False] * (len(lines) - 2 * MOST_LINES)
        return boilerplate_lines(lines[:MOST_LINES]) + between + boilerplate_lines(lines[-MOST_LINES:])
    verdicts = [verdict(line) for line in lines]
    around = [NOTHING, *verdicts, NOTHING]
    return [
        found == SURELY or (found == PERHAPS and bool(around[place] or around[place + 2]))
        for place, found in enumerate(verdicts)
    ]


def verdict(line: str) -> int:
    """Returns SURELY, PERHAPS (a menu's word, which a heading may be as well) or NOTHING."""
    if len(line) > LONGEST or line.startswith(LEFT_ALONE):
        return NOTHING
    plain = MARKERS.sub("", line.strip()).strip(SIGNS)
    if not plain:
        return NOTHING
    if BOILERPLATE.fullmatch(plain):
        return SURELY
    return PERHAPS if len(plain) <= 20 and MENU_WORD.fullmatch(plain) else NOTHING
