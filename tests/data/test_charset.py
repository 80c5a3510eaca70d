"""Encodings: a matrix of encodings and texts, lying declarations, damage, and what is no text at all."""

import random

import pytest

from textmill.data.charset import decode

CHINESE = (
    "清晨的小镇很安静。面包店的老板推开门，街上飘来一阵香味。孩子们背着书包走过石桥，一边走一边说昨天的大雨。"
    "邮递员骑着自行车，把一封蓝色的信放进信箱。信是从海边寄来的，上面写着：“我们下个月回家。”老奶奶看了两遍，笑了起来。"
    "中午，太阳照在广场上，猫在长椅下面睡觉；傍晚，大家在树下讲故事，直到星星都出来了。"
)
TRADITIONAL = (
    "清晨的小鎮很安靜。麵包店的老闆推開門，街上飄來一陣香味。孩子們背著書包走過石橋，一邊走一邊說昨天的大雨。"
    "郵差騎著自行車，把一封藍色的信放進信箱。信是從海邊寄來的，上面寫著：「我們下個月回家。」老奶奶看了兩遍，笑了起來。"
    "中午，太陽照在廣場上，貓在長椅下面睡覺；傍晚，大家在樹下講故事，直到星星都出來了。"
)
JAPANESE = (
    "朝の町は静かだった。パン屋の主人が戸を開けると、通りにいい匂いが流れてきた。子どもたちは橋を渡り、雨の話をした。"
)
KOREAN = (
    "아침 마을은 조용했다. 빵집 주인이 문을 열자 거리에 좋은 냄새가 퍼졌다. 아이들은 다리를 건너며 비 이야기를 했다."
)
FRENCH = (
    "Le matin, la petite ville était très calme. Le boulanger ouvrit sa porte, et une bonne odeur passa dans la rue. "
    "Les élèves traversèrent le pont à pied, en parlant de la forêt où il avait plu. « Déjà midi ? » dit-elle. "
)
GERMAN = (
    "Am Morgen war die kleine Stadt ganz still. Der Bäcker öffnete die Tür, und ein süßer Geruch zog durch die Straße. "
    "Die Schüler gingen über die Brücke und erzählten vom großen Regen. Später schien die Sonne auf die Dächer. "
)
SPANISH = (
    "El niño soñó con una montaña. ¿Quién llamó? Su corazón latía más rápido; mañana habrá una canción, dijo el león. "
)
RUSSIAN = "Утром в маленьком городе было тихо. Пекарь открыл дверь, и по улице поплыл запах хлеба. "
MATRIX = [
    *((CHINESE, encoding) for encoding in ("utf-8", "utf-8-sig", "gb18030", "gbk", "gb2312")),
    *((CHINESE, encoding) for encoding in ("utf-16", "utf-16-le", "utf-16-be")),
    *((TRADITIONAL, encoding) for encoding in ("utf-8", "big5", "gb18030", "utf-16-le", "utf-16-be")),
    *((text, code) for text in (FRENCH, GERMAN, SPANISH) for code in ("utf-8", "latin-1", "cp1252", "utf-16-le")),
    (JAPANESE, "shift_jis"),
    (JAPANESE, "euc_jp"),
    (KOREAN, "cp949"),
    (RUSSIAN, "cp1251"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "encoding"), MATRIX)
@pytest.mark.parametrize("length", [40, 120, 500, 2000])
def test_matrix(text: str, encoding: str, length: int):
    chance = random.Random(f"{encoding}{length}{text[:9]}")
    whole = text * (2 * length // len(text) + 2)
    for _ in range(6):
        start = chance.randrange(len(text))
        piece = whole[start : start + length]
        decoded = decode(piece.encode(encoding))
        assert decoded is not None
        assert decoded.text == piece
        assert decoded.replaced == 0


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("café", "latin-1"),
        ("på", "latin-1"),
        ("It was naïve.", "cp1252"),
        ("“Yes,” she said — and left…", "cp1252"),
        ("今天天气很好", "gb18030"),
        ("今天天氣很好", "big5"),
        ("Name: 王小明\nCity: 北京\n", "gb18030"),
        ("价格：１２３４．５６元", "gb18030"),
        ("plain ASCII", "ascii"),
        ("á", "utf-8"),
    ],
)
def test_short_texts(text: str, encoding: str):
    decoded = decode(text.encode(encoding))
    assert decoded is not None
    assert decoded.text == text


@pytest.mark.parametrize("declared", ["utf-8", "gb2312", "big5", "iso-8859-1", "no-such-charset", "utf-7"])
@pytest.mark.parametrize(
    ("text", "encoding"), [(CHINESE, "gb18030"), (CHINESE, "utf-8"), (TRADITIONAL, "big5"), (FRENCH, "latin-1")]
)
def test_a_declaration_is_not_believed(text: str, encoding: str, declared: str):
    page = f'<html><head><meta charset="{declared}"></head><body><p>{text}</p></body></html>'
    decoded = decode(page.encode(encoding))
    assert decoded is not None
    assert decoded.text == page


def test_a_few_broken_bytes_cost_only_themselves():
    data = bytearray(CHINESE.encode() * 3)
    data[10] = 0xFF
    decoded = decode(bytes(data))
    assert decoded is not None
    assert (decoded.encoding, decoded.replaced > 0) == ("utf-8", True)
    cut = decode(CHINESE.encode("gb18030")[:-1])
    assert cut is not None
    assert cut.encoding == "gb18030"
    assert cut.text.rstrip("\ufffd") == CHINESE[:-1]


def test_noise_is_no_text():
    chance = random.Random(0)
    noise = [bytes(chance.randrange(0x80, 0x100) for _ in range(500)) for _ in range(20)]
    assert sum(decode(data) is None for data in noise) >= 18
