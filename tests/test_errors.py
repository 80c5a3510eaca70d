import inspect

import pytest

from textmill import errors
from textmill.errors import InternalError, ResourceError, TextmillError, UserError
from textmill.i18n import set_language


def tree() -> list[type]:
    return [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TextmillError)]


def test_exit_codes_follow_the_tree():
    for kind in tree():
        assert kind.exit_code == (2 if issubclass(kind, UserError) else 1)


def test_the_tree_is_drawn_at_its_top():
    drawn = errors.__doc__ or ""
    for kind in tree():
        assert kind.__name__ in drawn


def test_parts_are_filled_in_the_language_of_the_moment():
    error = ResourceError("files.disk_full", path="/a {b}")
    assert error.parts() == {
        "what": "The disk is full: /a {b} could not be written; nothing that was there before is lost.",
        "next": "Free some space (see: df -h) and run the same command again.",
    }
    assert str(error) == " ".join(error.parts().values())
    set_language("zh")
    assert error.parts()["what"].startswith("磁盘已满")
    assert list(error.parts()) == ["what", "next"]


def test_a_plain_text_can_be_an_error():
    assert TextmillError("cli.interrupted").parts() == {"what": "Stopped by Ctrl-C."}


def test_a_key_that_is_missing_is_loud():
    with pytest.raises(KeyError):
        InternalError("files.no_such_entry").parts()
