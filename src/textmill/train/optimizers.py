"""Which optimizer moves which weight, and their state as named tensors.

    muon        Muon for the matrices inside blocks, AdamW for embeddings, output and vectors (the default)
    adamw       AdamW for all
    adafactor   torch's Adafactor for all: a row and a column of second moments for a matrix instead of two numbers for
                each weight (https://arxiv.org/abs/1804.04235), for models that fill the memory

Vectors are not decayed. Decay is decoupled from the gradient; with `cautious_decay` it touches only weights that the
update moves towards zero anyway (https://arxiv.org/abs/2510.12402). Under Muon a token embedding of its own has a
learning rate of its own: a row is seen rarely, so it takes larger steps. One that is also the output projection keeps
the smaller rate of that.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textmill.config import TrainSettings
from textmill.model.gpt import GPT
from textmill.train.muon import Muon
from textmill.train.parallel.shards import alike, part_like
from textmill.train.schedule import momentum


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterGroups:
    """The model's trained parameters by their role; names are those of `named_parameters`."""

    matrices: dict[str, nn.Parameter]
    embeddings: dict[str, nn.Parameter]
    output: dict[str, nn.Parameter]
    vectors: dict[str, nn.Parameter]


def parameter_groups(model: GPT) -> ParameterGroups:
    """Returns each trained parameter once, under the role that decides its optimizer and learning rate."""
    groups = ParameterGroups(matrices={}, embeddings={}, output={}, vectors={})
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim < 2:
            groups.vectors[name] = parameter
        elif name == "token_embedding.weight" and not model.config.tied:
            groups.embeddings[name] = parameter
        elif "embedding" in name or name.startswith("output"):
            groups.output[name] = parameter
        else:
            groups.matrices[name] = parameter
    return groups


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRates:
    """Peak rates: of Muon's matrices, of an embedding of its own, and of all else (everything, with AdamW)."""

    matrix: float
    embedding: float
    rest: float


def learning_rates(settings: TrainSettings, width: int) -> LearningRates:
    """Returns the settings' peak rates; one that is 0 follows from the optimizer and the model's width.

    Under Muon, what AdamW still does shrinks with √width, as nanochat has it; docs/log.md has the trials.
    """
    muon = settings.optimizer == "muon"
    wide = (768 / width) ** 0.5
    rest = settings.learning_rate or {"muon": 0.005 * wide, "adamw": 0.003, "adafactor": 0.03}[settings.optimizer]
    embedding = settings.embedding_learning_rate or 0.075 * wide
    return LearningRates(matrix=settings.matrix_learning_rate, embedding=embedding if muon else rest, rest=rest)


class Optimizers:
    """All optimizers of a run as one; learning rates follow one multiplier."""

    def __init__(self, model: GPT, settings: TrainSettings, *, muon_dtype: torch.dtype = torch.float32) -> None:
        groups = parameter_groups(model)
        self.names: dict[Tensor, str] = {p: name for name, p in model.named_parameters()}
        decay, rates = settings.weight_decay, learning_rates(settings, model.config.width)
        muon = settings.optimizer == "muon"
        adamw = [
            *_groups(groups.embeddings, rates.embedding, 0.0),
            *_groups(groups.output, rates.rest, 0.0),
            *_groups(groups.vectors, rates.rest, 0.0),
        ]
        self.parts: list[torch.optim.Optimizer] = []
        if muon:
            matrices = list(groups.matrices.values())
            self.parts.append(Muon(matrices, lr=rates.matrix, weight_decay=decay, dtype=muon_dtype))
        else:
            adamw += _groups(groups.matrices, rates.rest, decay)
        if settings.optimizer == "adafactor":
            self.parts.append(torch.optim.Adafactor(adamw))
        else:
            betas = (settings.beta1, settings.beta2)
            self.parts.append(torch.optim.AdamW(adamw, betas=betas, eps=1e-10, fused=True))
        for group in self.groups():
            group["base_lr"] = group["lr"]
            group["cautious_decay"] = 0.0
            if settings.cautious_decay:
                group["cautious_decay"], group["weight_decay"] = group["weight_decay"], 0.0

    def groups(self) -> list[dict]:
        """Returns every parameter group of every part."""
        return [group for part in self.parts for group in part.param_groups]

    def set_rates(self, factor: float, step: int) -> None:
        """Sets all learning rates to `factor` times their base, and Muon's momentum for `step`."""
        for group in self.groups():
            group["lr"] = group["base_lr"] * factor
            if "momentum" in group:
                group["momentum"] = momentum(step)

    def step(self) -> None:
        """Moves the weights by their gradients."""
        cautious = [group for group in self.groups() if group["cautious_decay"]]
        before = [[parameter.detach().clone() for parameter in group["params"]] for group in cautious]
        for part in self.parts:
            part.step()
        for group, weights in zip(cautious, before, strict=True):
            _decay_cautiously(group, weights)

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state_tensors(self) -> dict[str, Tensor]:
        """Returns {"parameter name/quantity": tensor}; all there is to save."""
        out: dict[str, Tensor] = {}
        for part in self.parts:
            for parameter, state in part.state.items():
                for quantity, value in state.items():
                    out[f"{self.names[parameter]}/{quantity}"] = torch.as_tensor(value)
        return out

    def load_state_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `state_tensors` returned; raises KeyError when a parameter's state is missing."""
        states: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            name, _, quantity = key.rpartition("/")
            states.setdefault(name, {})[quantity] = value
        for part in self.parts:
            for group in part.param_groups:
                for parameter in group["params"]:
                    saved = states[self.names[parameter]] if states else {}
                    part.state[parameter] = {
                        # AdamW's own step counter stays on the CPU in float32, as torch keeps it
                        key: value.clone()
                        if key == "step"
                        else part_like(value.to(parameter.device, copy=True), parameter)
                        for key, value in saved.items()
                    }


@torch.no_grad()
def _decay_cautiously(group: dict, before: list[Tensor]) -> None:
    """Decays the weights of `group` that the step just made moved towards zero; `before`: as they were."""
    for parameter, weight in zip(group["params"], before, strict=True):
        towards_zero = (weight - parameter) * weight > 0
        parameter.sub_(weight * towards_zero, alpha=group["lr"] * group["cautious_decay"])


def _groups(parameters: dict[str, nn.Parameter], rate: float, decay: float) -> list[dict]:
    """Returns torch's groups; parameters that are divided among processes in different ways cannot share one."""
    kinds: dict[tuple, list[nn.Parameter]] = {}
    for parameter in parameters.values():
        kinds.setdefault(alike(parameter), []).append(parameter)
    return [{"params": found, "lr": rate, "weight_decay": decay} for found in kinds.values()]
