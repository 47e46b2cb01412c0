"""`Attention<...>`: causal attention with the options of Primer, T5 and others."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from .language import Choice, Flag, Layer, Node, Norms, Number, TextError
from .norms import empty, root_mean_square
from .positions import bias_of_distance, rotate, visible

ROPE, NO_POSITION = Node("Rope"), Node("NoPos")


def whole_head_dim(layer, model_context):
    return None if model_context.width % layer.heads else model_context.width // layer.heads


@dataclass(frozen=True)
class Attention(Layer):
    heads: int
    head_dim: int
    kv_heads: int
    dconv: int = 0                  # 0: no convolution
    shared_qk: bool = False
    position: Node = ROPE
    window: int = 0                 # 0: all the past
    qk_norm: bool = False
    norms: Norms = Norms()

    word, folder = "Attention", "attention"
    attends = True
    table = (
        Number("Heads", "heads", lambda _, model_context: max(1, model_context.width // 64)),
        Number("HeadDim", "head_dim", whole_head_dim),
        Number("KvHeads", "kv_heads", lambda layer, _: layer.heads),
        Number("DConv", "dconv", 0),
        Flag("SharedQk", "shared_qk"),
        Choice("position", {"Rope": (), "RelBias": (2, 1), "NoPos": ()},
               lambda _, model_context: NO_POSITION if model_context.positions else ROPE),
        Number("Window", "window", 0),
        Flag("QkNorm", "qk_norm"),
    )

    def check(self, model_context):
        if self.heads % self.kv_heads:
            raise TextError(f"KvHeads<{self.kv_heads}> does not divide Heads<{self.heads}>")
        if self.shared_qk and self.kv_heads != self.heads:
            raise TextError("SharedQk has as many key heads as query heads")
        if self.position.name == "Rope" and self.head_dim % 2:
            raise TextError(f"Rope needs an even HeadDim, not {self.head_dim}")
        if self.position.name == "RelBias":
            check_buckets(self.position)

    def module(self, model_context):
        return AttentionModule(self, model_context.width)

    @staticmethod
    def random(rng, model_context, heads=None):
        shared_qk = rng.random() < 0.3
        kv_heads = rng.choice((1, 1, 2, 3))
        heads = heads or kv_heads * rng.choice((1, 1, 2, 3))
        kv_heads = heads if shared_qk or heads % kv_heads else kv_heads
        position = rng.choice((ROPE, ROPE, random_bias(rng, "RelBias", model_context.context), NO_POSITION))
        return dict(heads=heads, kv_heads=kv_heads, shared_qk=shared_qk, position=position,
                    head_dim=rng.randint(1, 7) * 2 if position == ROPE else rng.randint(1, 14), dconv=rng.choice((0, 2, 3, 4)),
                    window=rng.choice((0, 0, rng.randint(1, model_context.context))), qk_norm=rng.random() < 0.3)


def check_buckets(bias):
    """RelBias<buckets, distance> and SharedRelBias: the distance lies beyond the half of the buckets that are exact."""
    buckets, distance = bias.args
    if distance <= buckets // 2:
        raise TextError(f"{bias.text()} needs a distance above {buckets // 2}")


def random_bias(rng, word, context):
    buckets = rng.randint(2, 12)
    return Node(word, (buckets, buckets // 2 + rng.randint(1, context)))


class Projection(nn.Module):
    """A matrix without bias, then (width > 0) a causal depthwise convolution: y[t] = sum_i w[i] * x[t - i], channel by channel."""

    def __init__(self, inputs, outputs, dconv=0):
        super().__init__()
        self.weight = empty(outputs, inputs)
        if dconv:
            self.dconv = empty(outputs, dconv)

    def forward(self, x):
        x = functional.linear(x, self.weight)
        if not hasattr(self, "dconv"):
            return x
        positions = x.shape[1]
        shifted = [functional.pad(x, (0, 0, i, 0))[:, :positions] for i in range(self.dconv.shape[1])]
        return sum(past * self.dconv[:, i] for i, past in enumerate(shifted))


class AttentionModule(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
        if layer.shared_qk:
            self.qs = Projection(queries, queries)
        else:
            self.q = Projection(width, queries, layer.dconv)
        self.k = Projection(width, keys, layer.dconv)
        self.v = Projection(width, keys, layer.dconv)
        self.o = Projection(queries, width)
        if layer.position.name == "RelBias":
            self.bias = empty(layer.heads, layer.position.args[0])

    def forward(self, x, run):
        def heads(projected):                                        # [B, T, heads * K] -> [B, heads, T, K]
            return projected.unflatten(-1, (-1, self.layer.head_dim)).transpose(1, 2)

        k, v = self.k(x), self.v(x)
        q = self.qs(k) if self.layer.shared_qk else self.q(x)
        q, k, v = heads(q), heads(k), heads(v)
        if self.layer.qk_norm:
            q, k = q / root_mean_square(q), k / root_mean_square(k)
        if self.layer.position == ROPE:
            q, k = rotate(q), rotate(k)
        readers = self.layer.heads // self.layer.kv_heads            # query heads that read one key head
        k, v = k.repeat_interleave(readers, 1), v.repeat_interleave(readers, 1)

        scores = q @ k.transpose(-1, -2) / math.sqrt(self.layer.head_dim)
        positions = scores.shape[-1]
        if self.layer.position.name == "RelBias":
            scores = scores + bias_of_distance(self.bias, positions, *self.layer.position.args)
        if run.bias is not None:                                     # the table of the model, beside any of its own
            scores = scores + run.bias
        attention = scores.masked_fill(~visible(positions, self.layer.window), -math.inf).softmax(-1)
        return self.o((attention @ v).transpose(1, 2).flatten(2))
