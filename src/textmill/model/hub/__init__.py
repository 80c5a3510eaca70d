"""Models in and out of the layouts that others read; a family is a config mapping and a table of weight names."""

from textmill.model.hub.configs import from_hub, hub_differences, to_hub
from textmill.model.hub.folder import load_model, load_weights, save_model
from textmill.model.hub.weights import hub_tensors, load_hub_tensors

__all__ = [
    "from_hub",
    "hub_differences",
    "hub_tensors",
    "load_hub_tensors",
    "load_model",
    "load_weights",
    "save_model",
    "to_hub",
]
