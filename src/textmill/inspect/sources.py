"""Where in Textmill's own source a step is computed: a piece of the line is enough, its number is found when asked.

A test holds that each of these pieces stands in exactly one line of its file, so none of them can point to nowhere.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

GPT, ATTENTION, BLOCK = "model/gpt.py", "model/attention.py", "model/block.py"
FEED_FORWARD, NORM = "model/feed_forward.py", "model/norm.py"
PLACES: dict[str, tuple[str, str]] = {
    "lookup": (GPT, "x_BTD = self.token_embedding(ids_BT)"),
    "embedding_scale": (GPT, "x_BTD = x_BTD * torch.tensor(self.config.embedding_scale"),
    "position": (GPT, "x_BTD = x_BTD + self.position_embedding(positions_BT)"),
    "add_positions": (GPT, "x_BTD = x_BTD + self.position_embedding(positions_BT)"),
    "embed": (GPT, "x_BTD = self.embed(ids_BT, positions_BT)"),
    "norm_rms": (NORM, "self.weight.to(x.dtype), self.eps)"),
    "norm_offset": (NORM, "(1.0 + self.weight.float())"),
    "norm_layer": (NORM, "return nn.LayerNorm(width"),
    "project": (ATTENTION, "q, k, v = self.query(x_BTD), self.key(x_BTD), self.value(x_BTD)"),
    "rotate": ("model/positions.py", "rotated = torch.cat((first * cos"),
    "score": (ATTENTION, "score_BHTS = (q_BHTK @ k_BHSK"),
    "cap": (ATTENTION, "score_BHTS = self.config.attention_softcap * torch.tanh"),
    "mask": (ATTENTION, "score_BHTS = score_BHTS.masked_fill(~bias"),
    "mask_bias": (ATTENTION, "score_BHTS = score_BHTS + bias"),
    "softmax": (ATTENTION, "weight_BHTS = score_BHTS.float().softmax(dim=-1)"),
    "softmax_sinks": (ATTENTION, "weight_BHTS = torch.cat((score_BHTS, sink)"),
    "mix": (ATTENTION, "return F.dropout(weight_BHTS.to(v_BHSK.dtype), dropout) @ v_BHSK"),
    "join": (ATTENTION, "y_BTD = self.output(y_BHTK.transpose(1, 2).flatten(2))"),
    "residual_scale": (BLOCK, "return y_BTD if self.scale == 1.0 else y_BTD * self.scale"),
    "add": (BLOCK, "x_BTD = x_BTD + F.dropout(y_BTD, self.dropout, self.training)"),
    "linear": (FEED_FORWARD, "up = self.up(x)"),
    "gate": (FEED_FORWARD, "return self.down(act(self.gate(x)) * up)"),
    "swiglu": (FEED_FORWARD, "return self.down(act(self.gate(x)) * up)"),
    "geglu": (FEED_FORWARD, "return self.down(act(self.gate(x)) * up)"),
    "down_gated": (FEED_FORWARD, "return self.down(act(self.gate(x)) * up)"),
    "relu2": (FEED_FORWARD, "return self.down(F.relu(up).square())"),
    "down_relu2": (FEED_FORWARD, "return self.down(F.relu(up).square())"),
    "gelu": (FEED_FORWARD, 'return self.down(_gelu(up) if self.kind == "gelu" else F.gelu(up))'),
    "gelu_exact": (FEED_FORWARD, 'return self.down(_gelu(up) if self.kind == "gelu" else F.gelu(up))'),
    "down_gelu": (FEED_FORWARD, 'return self.down(_gelu(up) if self.kind == "gelu" else F.gelu(up))'),
    "down_gelu_exact": (FEED_FORWARD, 'return self.down(_gelu(up) if self.kind == "gelu" else F.gelu(up))'),
    "router": (FEED_FORWARD, "probability_NE = self.router(x_ND)"),
    "choice": (FEED_FORWARD, "weight_Nk, choice_Nk = probability_NE.topk"),
    "experts": (FEED_FORWARD, "out_ND = out_ND.index_add(0, token"),
    "final_norm": (GPT, "x_BTD = self.norm(x_BTD)"),
    "logits": (GPT, "logits_BTV = self.output(x_BTD)"),
    "logit_divisor": (GPT, "logits_BTV = logits_BTV / self.config.logit_divisor"),
    "logit_softcap": (GPT, "return cap * torch.tanh(logits_BTV / cap) if cap else logits_BTV"),
    "probability": ("infer/sampling.py", "probability_BV = logits_BV.softmax(dim=-1)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A line of Textmill's source; `line` counts from 1."""

    file: str
    line: int
    code: str


@cache
def source(key: str) -> Source:
    """Returns the line that computes what `key` names."""
    file, piece = PLACES[key]
    text = resources.files("textmill").joinpath(*file.split("/")).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if piece in line:
            return Source(file=f"src/textmill/{file}", line=number, code=line.strip())
    raise AssertionError(f"{file} has no line with {piece!r}")
