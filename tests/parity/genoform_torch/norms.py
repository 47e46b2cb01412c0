"""Norms of the last dimension, D channels."""

import torch
from torch import nn

EPSILON = 1e-6                                                       # of every norm


def empty(*shape):
    """A parameter that a model folder, or a caller, fills."""
    return nn.Parameter(torch.empty(*shape))


def root_mean_square(x):
    return torch.sqrt(x.square().mean(-1, keepdim=True) + EPSILON)


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = empty(width)

    def forward(self, x):
        return self.weight * x / root_mean_square(x)


class LayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = empty(width)
        self.bias = empty(width)

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return self.weight * centred / root_mean_square(centred) + self.bias


class PrimerNorm(nn.Module):
    """As LayerNorm, with mean(x (x - mean)) for the variance: equal in exact arithmetic, but may round to below 0."""

    def __init__(self, width):
        super().__init__()
        self.weight = empty(width)
        self.bias = empty(width)

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        spread = (x * centred).mean(-1, keepdim=True).clamp(min=0)
        return self.weight * centred / torch.sqrt(spread + EPSILON) + self.bias


def make_norm(node, width):
    """A norm, or for NoNorm the identity, which has no parameters and so leaves no name."""
    kinds = {"RmsNorm": RmsNorm, "LayerNorm": LayerNorm, "PrimerNorm": PrimerNorm, "NoNorm": lambda _: nn.Identity()}
    return kinds[node.name](width)
