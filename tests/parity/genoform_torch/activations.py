"""Activations: a plain one, or a gated one, `Glu<A>`."""

import math

import torch
from torch import nn

from .language import Choice, Node

PLAIN = {
    "ReLU": lambda x: x.clamp(min=0),
    "GeLU": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "Swish": lambda x: x * torch.sigmoid(x),
    "SqReLU": lambda x: x.clamp(min=0).square(),
    "Identity": lambda x: x,
}
WORDS = dict.fromkeys(PLAIN, ())
FORMS = {**WORDS, "Glu": (WORDS,)}


def option(always=False):
    """The row of an activation in a table."""
    return Choice("activation", FORMS, Node("SqReLU"), always)


def gated(activation):
    return activation.name == "Glu"


def function(activation):
    return activation.args[0].name if gated(activation) else activation.name


def hidden(layer, model_context):
    """Default hidden width F."""
    return 8 * -(-model_context.width // 3) if gated(layer.activation) else 4 * model_context.width


def random_activation(rng):
    plain = Node(rng.choice(tuple(PLAIN)))
    return Node("Glu", (plain,)) if rng.random() < 0.4 else plain


class Activated(nn.Module):
    """act(up x), or act(gate x) * (up x).  `kink` is how near a ReLU came to 0, relative to the largest of its inputs."""

    def __init__(self, activation):
        super().__init__()
        self.gated, self.function = gated(activation), function(activation)
        self.kink = math.inf

    def forward(self, up, gate=None):
        inner = gate if self.gated else up
        if self.function == "ReLU" and inner.numel():
            size = inner.detach().abs()
            self.kink = min(self.kink, (size.min() / size.max()).item())
        value = PLAIN[self.function](inner)
        return value * up if self.gated else value
