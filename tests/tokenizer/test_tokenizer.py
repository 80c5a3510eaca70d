import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_samples import MULTILINGUAL

from textmill.errors import TokenizerError
from textmill.tokenizer.pattern import byte_alphabet, stretches, without_surrogates
from textmill.tokenizer.special_tokens import SPECIAL_TOKENS
from textmill.tokenizer.stream import StreamDecoder
from textmill.tokenizer.tokenizer import Tokenizer

ANY_TEXT = st.text() | st.text(alphabet="ab 1\n\r\t'sS。，好的龘👍\u0301\u3000<|im_end|>")
UNICODE = ANY_TEXT.map(without_surrogates)


@given(UNICODE)
def test_any_text_comes_back(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids, skip_special=False) == text
    assert not any(tokenizer.is_special(id) for id in ids)
    assert tokenizer.encode_bytes(text.encode()) == ids


@given(st.binary() | st.builds(lambda text, data: text.encode() + data + text.encode(), UNICODE, st.binary()))
def test_any_bytes_come_back(tokenizer: Tokenizer, data: bytes) -> None:
    assert tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data


@given(st.text(alphabet=st.characters()))
def test_lone_surrogates_become_the_replacement_character(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text + "\ud800")) == without_surrogates(text + "\ud800")


def test_surrogate_pairs_are_joined(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("a\ud83d\ude00b\udfff")) == "a😀b\ufffd"
    assert tokenizer.encode_batch(["ok", "\ud800"])[0] == tokenizer.encode("ok")
    assert tokenizer.decode(tokenizer.encode("\ud800<|im_end|>", allow_special=True)) == "\ufffd"


@given(st.lists(st.integers(0, 499), max_size=40), st.booleans())
def test_stream_decoder_equals_decode(tokenizer: Tokenizer, ids: list[int], skip: bool) -> None:
    stream = StreamDecoder(tokenizer, skip_special=skip)
    parts = [stream.feed(id) for id in ids]
    assert "".join(parts) + stream.finish() == tokenizer.decode(ids, skip_special=skip)


@given(UNICODE)
def test_stream_decoder_never_shows_half_a_character(tokenizer: Tokenizer, text: str) -> None:
    stream = StreamDecoder(tokenizer)
    shown = ""
    for id in tokenizer.encode_bytes(text.encode()):
        shown += stream.feed(id)
        assert text.startswith(shown)
    assert shown == text
    assert stream.finish() == ""


def test_stream_decoder_holds_back_and_gives_up(tokenizer: Tokenizer) -> None:
    stream = StreamDecoder(tokenizer)
    first, second, third = (tokenizer.encode_bytes(bytes([byte]))[0] for byte in "龘".encode())
    assert [stream.feed(first), stream.feed(second), stream.feed(third)] == ["", "", "龘"]
    assert stream.feed(first) == ""
    assert stream.feed(tokenizer.encode("a")[0]) == "\ufffda"
    assert stream.feed(first) == ""
    assert stream.finish() == "\ufffd"
    assert stream.finish() == ""


@given(UNICODE)
def test_pieces_are_whole_characters_and_cover_the_text(tokenizer: Tokenizer, text: str) -> None:
    pieces = tokenizer.pieces(text)
    assert "".join(piece.text for piece in pieces) == text
    assert [id for piece in pieces for id in piece.ids] == tokenizer.encode(text)
    for piece in pieces:
        assert text[piece.start : piece.end] == piece.text
        assert b"".join(piece.bytes) == piece.text.encode()
        assert len(piece.ids) == len(piece.bytes)


def test_pieces_show_a_character_of_several_tokens_whole(tokenizer: Tokenizer) -> None:
    first, *_ = tokenizer.pieces("龘 ok")
    assert first.text == "龘"
    assert len(first.ids) > 1


def test_special_text_is_text_unless_allowed(tokenizer: Tokenizer) -> None:
    for name, id in tokenizer.special.items():
        assert id not in tokenizer.encode(f"a{name}b")
        assert tokenizer.encode(name, allow_special=True) == [id]
        assert tokenizer.token_bytes(id) == name.encode()
    text = "<|im_start|>user\nhi<|im_end|>"
    ids = tokenizer.encode(text, allow_special=True)
    assert tokenizer.decode(ids) == "user\nhi"
    assert tokenizer.decode(ids, skip_special=False) == text
    assert tokenizer.pieces(text, allow_special=True)[0].text == "<|im_start|>"


def test_special_tokens_stand_at_the_end(tokenizer: Tokenizer) -> None:
    first = tokenizer.vocabulary_size - len(SPECIAL_TOKENS)
    assert list(tokenizer.special.items()) == [(name, first + n) for n, name in enumerate(SPECIAL_TOKENS)]
    assert tokenizer.end_of_text_id == first


def test_digits_stand_alone(tokenizer: Tokenizer) -> None:
    assert [piece.text for piece in tokenizer.pieces("1998１")] == ["1", "9", "9", "8", "１"]


def test_batch_equals_one_by_one_also_from_threads(tokenizer: Tokenizer) -> None:
    expected = [tokenizer.encode(text) for text in MULTILINGUAL]
    assert tokenizer.encode_batch(MULTILINGUAL) == expected
    allowed = [tokenizer.encode(text, allow_special=True) for text in MULTILINGUAL]
    with ThreadPoolExecutor(8) as pool:
        mixed = list(pool.map(lambda n: tokenizer.encode(MULTILINGUAL[n % 11], allow_special=n % 2 == 0), range(440)))
    assert all(ids == (allowed if n % 2 == 0 else expected)[n % 11] for n, ids in enumerate(mixed))


CUTTABLE = st.text(alphabet="ab 1\n\r\t's。，好的龘👍\u3000-", max_size=80)


@settings(max_examples=300)
@given(CUTTABLE, st.integers(1, 20))
def test_cutting_long_texts_changes_no_token(tokenizer: Tokenizer, text: str, size: int) -> None:
    parts = list(stretches(text, size))
    assert "".join(parts) == text
    assert [id for part in parts for id in tokenizer.encode(part)] == tokenizer.encode(text)


def test_long_texts_come_back(tokenizer: Tokenizer) -> None:
    text = "清晨，河边的小镇 and the river\n" * 6000
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert ids == tokenizer._plain.encode(text).ids
    for run in ("a" * 200_000, " " * 200_000, "=" * 200_000, "好" * 100_000):
        assert tokenizer.decode(tokenizer.encode(run)) == run


def test_unknown_ids_are_refused(tokenizer: Tokenizer) -> None:
    for id in (-1, tokenizer.vocabulary_size):
        with pytest.raises(TokenizerError, match="not in this vocabulary"):
            tokenizer.decode([id])


def test_save_and_load(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "made")
    tokenizer.save(tmp_path / "made")
    loaded = Tokenizer.load(tmp_path / "made")
    assert loaded.hash == tokenizer.hash
    assert loaded.chat_template == tokenizer.chat_template
    assert loaded.manifest["vocabulary_size"] == 500
    assert loaded.encode("清晨 river") == tokenizer.encode("清晨 river")
    assert Tokenizer.load(tmp_path / "made" / "tokenizer.json").hash == tokenizer.hash


def test_a_checkpoint_folder_gets_no_manifest(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.write_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokenizer.json", "tokenizer_config.json"]


def test_missing_and_damaged_files(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match="no tokenizer"):
        Tokenizer.load(tmp_path)
    tokenizer.save(tmp_path / "made")
    file = tmp_path / "made" / "tokenizer.json"
    file.write_bytes(file.read_bytes().replace(b'"id": 499', b'"id": 599'))
    with pytest.raises(TokenizerError, match="damaged"):
        Tokenizer.load(tmp_path / "made")
    file.write_bytes(b"{")
    with pytest.raises(TokenizerError, match="damaged"):
        Tokenizer.load(file)


def test_a_vocabulary_that_is_not_byte_level_is_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    content = json.loads(tokenizer.json_bytes) | {"decoder": None}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(TokenizerError, match="loses bytes"):
        Tokenizer.load(tmp_path)


def test_byte_alphabet_is_the_library_s() -> None:
    from tokenizers import pre_tokenizers

    assert set(byte_alphabet()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(byte_alphabet().values()) == list(range(256))
