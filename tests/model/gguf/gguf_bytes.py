"""GGUF files written by hand, byte by byte, so that tests of the reader do not lean on the writer."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

U32, STRING, ARRAY = 4, 8, 9


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def pair(key: str, value: int | str) -> bytes:
    """A pair with a string or a u32."""
    if isinstance(value, str):
        return text(key) + struct.pack("<I", STRING) + text(value)
    return text(key) + struct.pack("<II", U32, value)


@dataclass
class RawTensor:
    name: str = "a"
    sizes: Sequence[int] = (4,)
    kind: int = 0
    offset: int = 0

    def header(self) -> bytes:
        sizes = struct.pack(f"<{len(self.sizes)}Q", *self.sizes)
        return text(self.name) + struct.pack("<I", len(self.sizes)) + sizes + struct.pack("<IQ", self.kind, self.offset)


def gguf(
    pairs: Sequence[bytes] = (),
    tensors: Sequence[RawTensor] = (),
    data: bytes = b"",
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
) -> bytes:
    """A whole file; `counts` are the numbers of tensors and pairs that it claims."""
    tensor_count, pair_count = counts or (len(tensors), len(pairs))
    header = b"GGUF" + struct.pack("<IQQ", version, tensor_count, pair_count)
    header += b"".join(pairs) + b"".join(tensor.header() for tensor in tensors)
    return header + b"\0" * (-len(header) % alignment) + data
