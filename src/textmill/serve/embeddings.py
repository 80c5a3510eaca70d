"""/v1/embeddings: the mean of a text's final states, of length 1; /tokenize and /detokenize."""

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from textmill.errors import UsageError
from textmill.infer.engine.request import EMBED, Request
from textmill.infer.events import Embedded
from textmill.infer.prompts import prompt_ids
from textmill.serve.refusal import Refused, unsupported_tools
from textmill.serve.service import Service
from textmill.serve.web import Call
from textmill.tokenizer.chat_messages import template_messages, template_tools
from textmill.tokenizer.chat_template import encode_chat


def plan(service: Service, values: Mapping[str, Any], key: str) -> list[Request]:
    """Returns a request a text; done in the pool."""
    adapter, several = service.adapter(values["model"]), len(values["input"]) > 1
    return [
        Request(
            ids=service.prompt(text, f"input.{index}" if several else "input"), kind=EMBED, adapter=adapter, key=key
        )
        for index, text in enumerate(values["input"])
    ]


async def embeddings(call: Call) -> None:
    """Answers with a vector a text."""
    service, values = call.service, call.values
    requests = await service.in_pool(plan, service, values, call.key)
    vectors: dict[int, list[float]] = {}
    with service.dispatcher.start(requests, call.place) as answer:
        async for batch in answer.outputs():
            vectors |= {index: unit(output.vector) for index, output in batch if isinstance(output, Embedded)}
        packed = values["encoding_format"] == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": in_base64(vectors[index]) if packed else vectors[index],
            }
            for index in range(len(requests))
        ]
        read = sum(len(request.ids) for request in requests)
        counts = {"prompt_tokens": read, "total_tokens": read}
        name = values["model"] or service.name
        await call.send_json({"object": "list", "data": data, "model": name, "usage": counts})


def unit(vector: Sequence[float]) -> list[float]:
    """Returns the vector with length 1, as OpenAI's are: their product is the cosine."""
    length = math.sqrt(math.fsum(value * value for value in vector))
    return [value / length for value in vector] if length > 0 else list(vector)


def in_base64(vector: Sequence[float]) -> str:
    """Returns little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


async def tokenize(call: Call) -> None:
    """Answers with the ids of a text, or of messages through the chat template."""
    service, values = call.service, call.values
    if (values["prompt"] is None) == (values["messages"] is None):
        raise Refused(UsageError("serve.one_of", names="prompt, messages"), param="prompt")
    if values["tools"] and values["messages"] is None:
        raise Refused(UsageError("serve.needs", name="tools", other="messages"), param="tools")
    if values["tools"] and not service.call_form:
        raise unsupported_tools()
    service.adapter(values["model"])
    ids = await service.in_pool(ids_of, service, values)
    limit = service.context
    await call.send_json({"tokens": ids, "count": len(ids), "max_model_len": limit})


def ids_of(service: Service, values: Mapping[str, Any]) -> list[int]:
    """Returns the ids; done in the pool."""
    if values["messages"] is not None:
        return encode_chat(
            service.tokenizer,
            template_messages(values["messages"]),
            add_generation_prompt=values["add_generation_prompt"],
            tools=template_tools(values["tools"]),
        )
    if values["add_special_tokens"]:
        return prompt_ids(service.tokenizer, values["prompt"])
    return service.tokenizer.encode(values["prompt"])


async def detokenize(call: Call) -> None:
    """Answers with the text of ids, special tokens by their names; half characters as U+FFFD."""
    service, values = call.service, call.values
    service.adapter(values["model"])
    text = await service.in_pool(lambda: service.tokenizer.decode(values["tokens"], skip_special=False))
    await call.send_json({"prompt": text})
