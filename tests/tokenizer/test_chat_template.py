from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textmill.errors import TokenizerError
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
