"""`Synthesizer<...>`, `SpatialGate<...>` and `TokenMix<...>`: products over the visible positions with tables over positions.

Sections 7.4 to 7.6 of docs/formats/model.md.  P: positions of a table, the model's Context; a sequence of T uses the first T.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from . import activations
from .attention import check_buckets, random_bias, whole_head_dim
from .language import Choice, Flag, Layer, Node, Norms, Number, TextError
from .norms import LayerNorm, empty
from .positions import bias_of_distance


def seen(table, positions):
    """The part of tables [H, P, P] that sequences of T positions use, [H, T, T]; 0 where s > t."""
    return table[:, :positions, :positions].tril()


def mix(weights, x):
    """y[b, t, c] = sum over s of weights[h, t, s] * x[b, s, c] for the channels c of group h; weights [H, T, T], x [B, T, C]."""
    groups = x.unflatten(-1, (len(weights), -1))                     # [B, T, H, C / H]
    return torch.einsum("hts,bshc->bthc", weights, groups).flatten(2)


class OverPositions(nn.Module):
    """A matrix [H, P, P] and maybe a bias [H, P] over positions: x [B, T, C] -> [B, T, C]."""

    def __init__(self, heads, positions, bias):
        super().__init__()
        self.weight = empty(heads, positions, positions)
        if bias:
            self.bias = empty(heads, positions)

    def forward(self, x):
        positions = x.shape[1]
        y = mix(seen(self.weight, positions), x)
        if not hasattr(self, "bias"):
            return y
        channels = x.shape[-1] // len(self.weight)
        return y + self.bias[:, :positions].T.repeat_interleave(channels, 1)


def activation_option():
    return Choice("activation", activations.FORMS, Node("GeLU"), always=True)


# --- Synthesizer --------------------------------------------------------------------------------------------------------

NO_BIAS = Node("")                                                   # never written


@dataclass(frozen=True)
class Synthesizer(Layer):
    logits: Node
    heads: int
    head_dim: int
    rank: int = 0                   # 0: a full table
    bias: Node = NO_BIAS
    norms: Norms = Norms()

    word, folder = "Synthesizer", "synthesizer"
    attends = True
    table = (
        Choice("logits", {"RandomLogits": (), "RandomPlus": (), "DenseLogits": (), "DensePlus": ()}, Node("RandomPlus"), always=True),
        Number("Heads", "heads", lambda _, model_context: max(1, model_context.width // 64)),
        Number("HeadDim", "head_dim", whole_head_dim),
        Number("Rank", "rank", 0),
        Choice("bias", {"RelBias": (2, 1)}, NO_BIAS),
    )

    def random_logits(self):
        return self.logits.name.startswith("Random")

    def plus(self):
        return self.logits.name.endswith("Plus")

    def check(self, model_context):
        if self.rank and not self.random_logits():
            raise TextError("dense logits have no table that Rank could factor")
        if self.bias != NO_BIAS:
            check_buckets(self.bias)

    def module(self, model_context):
        return SynthesizerModule(self, model_context.width, model_context.context)

    @staticmethod
    def random(rng, model_context, heads=None):
        logits = rng.choice(("RandomLogits", "RandomPlus", "DenseLogits", "DensePlus"))
        return dict(logits=Node(logits), heads=heads or rng.randint(1, 4), head_dim=rng.randint(1, 12),
                    bias=random_bias(rng, "RelBias", model_context.context) if rng.random() < 0.3 else NO_BIAS,
                    rank=rng.choice((0, rng.randint(1, 5))) if logits.startswith("Random") else 0)


class SynthesizerModule(nn.Module):
    def __init__(self, layer, width, positions):
        super().__init__()
        self.layer = layer
        columns = layer.heads * layer.head_dim
        if layer.plus():
            self.q = nn.Linear(width, columns, bias=False)
            self.k = nn.Linear(width, columns, bias=False)
        self.v = nn.Linear(width, columns, bias=False)
        if not layer.random_logits():
            self.dense = nn.Linear(width, columns)
            self.relu = activations.Activated(Node("ReLU"))
            self.keys = empty(layer.heads, positions, layer.head_dim)
        elif layer.rank:
            self.left = empty(layer.heads, positions, layer.rank)
            self.right = empty(layer.heads, positions, layer.rank)
        else:
            self.table = empty(layer.heads, positions, positions)
        if layer.bias != NO_BIAS:
            self.bias = empty(layer.heads, layer.bias.args[0])
        self.o = nn.Linear(columns, width, bias=False)

    def forward(self, x, run):
        def heads(projected):                                        # [B, T, H * K] -> [B, H, T, K]
            return projected.unflatten(-1, (self.layer.heads, -1)).transpose(1, 2)

        positions = x.shape[1]
        if not self.layer.random_logits():
            logits = heads(self.relu(self.dense(x))) @ self.keys[:, :positions].transpose(-1, -2)
        elif self.layer.rank:
            logits = self.left[:, :positions] @ self.right[:, :positions].transpose(-1, -2)
        else:
            logits = self.table[:, :positions, :positions]
        if self.layer.plus():
            logits = logits + heads(self.q(x)) @ heads(self.k(x)).transpose(-1, -2) / math.sqrt(self.layer.head_dim)
        if self.layer.bias != NO_BIAS:
            logits = logits + bias_of_distance(self.bias, positions, *self.layer.bias.args)
        if run.bias is not None:                                     # the table of the model, beside any of its own
            logits = logits + run.bias
        visible = torch.ones(positions, positions, dtype=torch.bool).tril()
        attention = logits.masked_fill(~visible, -math.inf).softmax(-1)
        return self.o((attention @ heads(self.v(x))).transpose(1, 2).flatten(2))


# --- SpatialGate --------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class SpatialGate(Layer):
    activation: Node
    hidden: int
    heads: int = 1
    bias: bool = False
    norms: Norms = Norms()

    word, folder = "SpatialGate", "spatial_gate"
    table = (
        activation_option(),
        Number("Hidden", "hidden", lambda _, model_context: 6 * model_context.width),
        Number("Heads", "heads", 1),
        Flag("Bias", "bias"),
    )

    def check(self, model_context):
        if self.hidden % 2 or self.hidden // 2 % self.heads:
            raise TextError(f"Hidden<{self.hidden}> cannot be split in halves of {self.heads} groups")

    def module(self, model_context):
        return SpatialGateModule(self, model_context.width, model_context.context)

    @staticmethod
    def random(rng, model_context):
        heads = rng.choice((1, 1, 2, 3))
        # A centred norm of two channels is (1, -1) or (-1, 1), one of one channel 0: its gradient is nothing but rounding.
        hidden = 6 * model_context.width if rng.random() < 0.2 else 2 * heads * rng.randint(3, 15)
        return dict(activation=activations.random_activation(rng), hidden=hidden, bias=rng.random() < 0.4,
                    heads=heads if hidden // 2 % heads == 0 else 1)


class SpatialGateModule(nn.Module):
    def __init__(self, layer, width, positions):
        super().__init__()
        half = layer.hidden // 2
        self.up = nn.Linear(width, layer.hidden, bias=layer.bias)
        if activations.gated(layer.activation):
            self.gate = nn.Linear(width, layer.hidden, bias=layer.bias)
        self.activated = activations.Activated(layer.activation)
        self.norm = LayerNorm(half)
        self.positions = OverPositions(layer.heads, positions, bias=True)
        self.down = nn.Linear(half, width, bias=layer.bias)

    def forward(self, x, run):
        gate = self.gate(x) if self.activated.gated else None
        a, b = self.activated(self.up(x), gate).chunk(2, -1)
        return self.down(a * self.positions(self.norm(b)))


# --- TokenMix -----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class TokenMix(Layer):
    activation: Node
    heads: int = 1
    bias: bool = False
    norms: Norms = Norms()

    word, folder = "TokenMix", "token_mix"
    table = (activation_option(), Number("Heads", "heads", 1), Flag("Bias", "bias"))

    def check(self, model_context):
        if model_context.width % self.heads:
            raise TextError(f"Heads<{self.heads}> does not divide Width<{model_context.width}>")

    def module(self, model_context):
        return TokenMixModule(self, model_context.context)

    @staticmethod
    def random(rng, model_context):
        heads = rng.choice([heads for heads in range(1, 7) if model_context.width % heads == 0])
        return dict(activation=activations.random_activation(rng), heads=heads, bias=rng.random() < 0.5)


class TokenMixModule(nn.Module):
    def __init__(self, layer, positions):
        super().__init__()
        self.up = OverPositions(layer.heads, positions, layer.bias)
        if activations.gated(layer.activation):
            self.gate = OverPositions(layer.heads, positions, layer.bias)
        self.activated = activations.Activated(layer.activation)
        self.down = OverPositions(layer.heads, positions, layer.bias)

    def forward(self, x, run):
        gate = self.gate(x) if self.activated.gated else None
        return self.down(self.activated(self.up(x), gate))
