import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from template_forms import FORMS

from textmill.errors import TokenizerError
from textmill.tokenizer import template_process
from textmill.tokenizer.chat_template import default_template, encode_chat, render_chat
from textmill.tokenizer.tokenizer import Tokenizer

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "天气 <b>&'",
            "parameters": {"type": "object", "properties": {}},
        },
    }
]
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"城市": "河镇", "n": [1, 2.5, None, True]}}}
CHATS = [
    [{"role": "user", "content": "hi"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "你好\n"},
        {"role": "assistant", "content": "好"},
    ],
    [{"role": "user", "content": "a"}, {"role": "system", "content": "later"}, {"role": "user", "content": " b "}],
    [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, {"name": "weather", "arguments": '{"raw": 1}'}]},
        {"role": "tool", "content": "sun"},
        {"role": "tool", "content": "雨"},
        {"role": "assistant", "content": "Sun, then rain.", "tool_calls": [CALL]},
        {"role": "tool", "content": "x"},
    ],
]
FOREIGN = """{%- for message in messages -%}
    {%- if loop.index > 2 -%}{%- break -%}{%- endif -%}
{{ bos_token }}[{{ message.role | upper }}]{{ message['content'] | trim | tojson(indent=2) }}
    {% generation %}{{ message.reasoning_content }}{% endgeneration %}
{%- endfor %}
{% if add_generation_prompt %}{{ strftime_now('%Y') }}{% endif %}
"""


@pytest.fixture(scope="module")
def theirs(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory):
    transformers = pytest.importorskip("transformers")
    folder: Path = tmp_path_factory.mktemp("saved")
    tokenizer.write_files(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("tools", [None, TOOLS])
@pytest.mark.parametrize("prompt", [False, True])
@pytest.mark.parametrize("chat", CHATS)
def test_byte_equal_with_transformers(tokenizer: Tokenizer, theirs, chat, prompt, tools) -> None:
    expected = theirs.apply_chat_template(chat, tools=tools, add_generation_prompt=prompt, tokenize=False)
    assert render_chat(chat, template=tokenizer.chat_template, add_generation_prompt=prompt, tools=tools) == expected
    ids = theirs.apply_chat_template(chat, tools=tools, add_generation_prompt=prompt, return_dict=False)
    assert encode_chat(tokenizer, chat, add_generation_prompt=prompt, tools=tools) == ids


def test_a_foreign_template_is_rendered_alike(theirs) -> None:
    chat = [
        {"role": "user", "content": " <a> 你 "},
        {"role": "assistant", "content": "x", "thinking": "hm"},
        CHATS[0][0],
    ]
    expected = theirs.apply_chat_template(
        chat, chat_template=FOREIGN, add_generation_prompt=True, tokenize=False, bos_token="<s>"
    )
    assert render_chat(chat, template=FOREIGN, add_generation_prompt=True, variables={"bos_token": "<s>"}) == expected


def test_qwen_layout() -> None:
    rendered = render_chat(CHATS[1], template=default_template(), add_generation_prompt=True)
    assert rendered == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n你好\n<|im_end|>\n"
        "<|im_start|>assistant\n好<|im_end|>\n<|im_start|>assistant\n"
    )


ATTACKS = st.lists(st.sampled_from(["<|im_end|>", "<|im_start|>", "<|im_", "end|>", "hidden0x", "0;", "\n", "好", "a"]))


@given(ATTACKS.map("".join))
def test_no_message_can_write_special_tokens(tokenizer: Tokenizer, content: str) -> None:
    chat = [{"role": "user", "content": content}]
    ids = encode_chat(tokenizer, chat, add_generation_prompt=True)
    assert tokenizer.decode(ids, skip_special=False) == render_chat(
        chat, template=tokenizer.chat_template, add_generation_prompt=True
    )
    special = [id for id in ids if tokenizer.is_special(id)]
    start, end = tokenizer.special["<|im_start|>"], tokenizer.special["<|im_end|>"]
    assert special == [start, end, start]


def test_special_tokens_in_tools_and_names_stay_text(tokenizer: Tokenizer) -> None:
    tools = [{"name": "<|im_end|>", "description": {"<|im_start|>": ["<|endoftext|>"]}}]
    ids = encode_chat(tokenizer, [{"role": "user", "content": "a"}], tools=tools)
    assert sum(tokenizer.is_special(id) for id in ids) == 4
    assert "<|endoftext|>" in tokenizer.decode(ids)


@pytest.mark.parametrize(
    ("chat", "template"),
    [
        ([{"role": "bishop", "content": "x"}], default_template()),
        ([{"role": "user"}], default_template()),
        ([{"role": "user", "content": 3}], default_template()),
        ([], "{{ messages.append(1) }}"),
        ([], "{{ ''.__class__.__mro__ }}{{ x.y }}"),
        ([], "{% if %}"),
    ],
)
def test_what_a_template_refuses_is_an_error_of_ours(chat, template) -> None:
    with pytest.raises(TokenizerError, match="template refused"):
        render_chat(chat, template=template)


TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
IMAGE = [{"type": "text", "text": " 看 "}, {"type": "text", "text": "here"}]
MORE_CHATS = [
    *CHATS,
    [
        {"role": "user", "content": " 你好，世界 \n"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\n好 <b>&amp; "},
        {"role": "user", "content": "再见 🇨🇳 ﬁ"},
    ],
    [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "why"}],
    [{"role": "user", "content": IMAGE}],
]


def compare(theirs, template: str) -> int:
    """Returns how many conversations came out byte-equal; what transformers refuses must be refused here."""
    rendered = 0
    for chat in MORE_CHATS:
        for tools in (None, TOOLS):
            for prompt in (False, True):
                try:
                    expected = theirs.apply_chat_template(
                        chat,
                        chat_template=template,
                        tools=tools,
                        add_generation_prompt=prompt,
                        tokenize=False,
                        **TOKENS,
                    )
                except Exception:
                    with pytest.raises(TokenizerError):
                        render_chat(chat, template=template, tools=tools, variables=TOKENS)
                    continue
                ours = render_chat(chat, template=template, tools=tools, add_generation_prompt=prompt, variables=TOKENS)
                assert ours == expected
                rendered += 1
    return rendered


@pytest.mark.parametrize("name", FORMS)
def test_the_families_forms_are_rendered_alike(theirs, name: str) -> None:
    assert compare(theirs, FORMS[name]) >= 4


@pytest.mark.slow
def test_published_templates_are_rendered_alike(theirs, capsys: pytest.CaptureFixture[str]) -> None:
    """TEXTMILL_LLAMA_CPP: a checkout of llama.cpp, which keeps the templates of many models."""
    folder = Path(os.environ.get("TEXTMILL_LLAMA_CPP", "no folder")) / "models/templates"
    files = sorted(folder.glob("*.jinja"))
    if not files:
        pytest.skip("a checkout of llama.cpp, and TEXTMILL_LLAMA_CPP")
    counts = {path.stem: compare(theirs, path.read_text(encoding="utf-8")) for path in files}
    with capsys.disabled():
        print(f"\ntemplates: {len(counts)}, conversations: {sum(counts.values())}, none of: ", end="")
        print([name for name, count in counts.items() if not count])


LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


@pytest.mark.parametrize(
    ("template", "key"),
    [
        (LOOPS, "template_limit"),
        ("{{ 2 ** (10 ** 9) }}", "template_limit"),  # no signal is looked at inside a power
        ("{{ range(10 ** 9) | length }}", "template"),
        ("{{ 'a' * 10 ** 10 }}", "template"),
        ("{{ '%1000000000d' % 1 }}", "template"),
        ("{{ 'a'.center(10 ** 12) }}", "template"),
        (
            "{% set n = namespace(a='x' * 999) %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}",
            "template",
        ),
        ("{% for i in range(99999) %}{{ 'x' * 9999 }}{% endfor %}", "template"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template"),
        ("{{ cycler.__init__.__globals__.os.popen('id').read() }}", "template"),
        ("{{ messages[0].update({}) }}", "template"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "template"),
        ("{% include '/etc/passwd' %}", "template"),
        ("{{ 1 / 0 }}", "template"),
    ],
)
def test_harmful_templates_are_ended(template: str, key: str) -> None:
    began = time.process_time()
    with pytest.raises(TokenizerError) as caught:
        render_chat(CHATS[0], template=template)
    assert caught.value.key == f"tokenizer.{key}"
    assert str(caught.value)
    assert time.process_time() - began < 2
    assert render_chat(CHATS[0], template="{{ messages[0].content }}") == "hi"


@pytest.mark.parametrize("reaching", ["{{ 'a' | attr('__class__') }}", "{{ '{0.__class__}'.format('a') }}"])
def test_attributes_are_out_of_reach(reaching: str) -> None:
    assert "class" not in render_chat(CHATS[0], template=reaching)


def test_what_is_no_json_is_no_message() -> None:
    with pytest.raises(TokenizerError, match="template refused"):
        render_chat([{"role": "user", "content": object()}], template="{{ messages[0].content }}")


def test_the_process_ends_with_the_program() -> None:
    code = (
        "from textmill.tokenizer.chat_template import render_chat\n"
        "from textmill.tokenizer import template_process\n"
        "render_chat([], template='x')\n"
        "print(template_process._standing_by[0].process.pid)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_a_process_that_was_killed_is_replaced() -> None:
    assert render_chat([], template="a") == "a"
    template_process._standing_by[0].process.kill()
    template_process._standing_by[0].process.wait()
    assert render_chat([], template="b") == "b"
