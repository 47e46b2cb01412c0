"""The sub-layers, from [B, T, D] to [B, T, D].

Letters: B batch, T positions, D width, H heads, G key heads, K head dimension, F hidden width, E experts, C capacity,
N = B * T tokens.  Matrices are [out, in].  Parameters are made empty: a model folder, or a caller, fills them.
"""

import math

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-6                                                       # of every norm


def empty(*shape):
    return nn.Parameter(torch.empty(*shape))


# --- Norms --------------------------------------------------------------------------------------------------------------

class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = empty(width)

    def forward(self, x):
        return self.weight * x / torch.sqrt(x.square().mean(-1, keepdim=True) + EPSILON)


class LayerNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = empty(width)
        self.bias = empty(width)

    def forward(self, x):
        centred = x - x.mean(-1, keepdim=True)
        return self.weight * centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + EPSILON) + self.bias


def make_norm(name, width):
    """A norm, or for NoNorm the identity, which has no parameters and so leaves no name."""
    return {"RmsNorm": RmsNorm, "LayerNorm": LayerNorm, "NoNorm": lambda _: nn.Identity()}[name](width)


# --- Activations --------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "ReLU": lambda x: x.clamp(min=0),
    "GeLU": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "Swish": lambda x: x * torch.sigmoid(x),
    "SqReLU": lambda x: x.clamp(min=0).square(),
    "Identity": lambda x: x,
}


class Activated(nn.Module):
    """act(up x), or act(gate x) * (up x).  `kink` is how near a ReLU came to 0, relative to the largest of its inputs."""

    def __init__(self, activation):
        super().__init__()
        self.activation = activation
        self.kink = math.inf

    def forward(self, up, gate=None):
        inner = gate if self.activation.gated else up
        if self.activation.function == "ReLU" and inner.numel():
            size = inner.detach().abs()
            self.kink = min(self.kink, (size.min() / size.max()).item())
        value = ACTIVATIONS[self.activation.function](inner)
        return value * up if self.activation.gated else value


# --- Attention ----------------------------------------------------------------------------------------------------------

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


def rotate(x):
    """Rope on x [B, heads, T, K]: channels i and i + K/2 turn by the angle t * 10000^(-2i/K)."""
    half = x.shape[-1] // 2
    position = torch.arange(x.shape[-2], dtype=x.dtype)
    frequency = 10000.0 ** (-torch.arange(half, dtype=x.dtype) / half)
    angle = torch.outer(position, frequency)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1)


class Attention(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
        self.q = Projection(width, queries, layer.dconv)
        self.k = Projection(width, keys, layer.dconv)
        self.v = Projection(width, keys, layer.dconv)
        self.o = Projection(queries, width)

    def forward(self, x):
        def heads(projected):                                        # [B, T, heads * K] -> [B, heads, T, K]
            return projected.unflatten(-1, (-1, self.layer.head_dim)).transpose(1, 2)

        q, k, v = heads(self.q(x)), heads(self.k(x)), heads(self.v(x))
        if self.layer.rope:
            q, k = rotate(q), rotate(k)
        readers = self.layer.heads // self.layer.kv_heads            # query heads that read one key head
        k, v = k.repeat_interleave(readers, 1), v.repeat_interleave(readers, 1)

        scores = q @ k.transpose(-1, -2) / math.sqrt(self.layer.head_dim)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        attention = scores.masked_fill(future, -math.inf).softmax(-1)
        return self.o((attention @ v).transpose(1, 2).flatten(2))


# --- Feed-forward -------------------------------------------------------------------------------------------------------

class Ffn(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.up = nn.Linear(width, layer.hidden, bias=layer.bias)
        if layer.activation.gated:
            self.gate = nn.Linear(width, layer.hidden, bias=layer.bias)
        self.down = nn.Linear(layer.hidden, width, bias=layer.bias)
        self.activated = Activated(layer.activation)

    def forward(self, x):
        gate = self.gate(x) if self.activated.activation.gated else None
        return self.down(self.activated(self.up(x), gate))


# --- Mixture of experts -------------------------------------------------------------------------------------------------

class Matrix(nn.Module):
    """One weight of any shape, under the name `weight`."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = empty(*shape)


class Experts(nn.Module):
    """`count` feed-forward networks without biases, stacked: up, gate [count, F, D], down [count, D, F]."""

    def __init__(self, count, activation, hidden, width):
        super().__init__()
        self.up = Matrix(count, hidden, width)
        if activation.gated:
            self.gate = Matrix(count, hidden, width)
        self.down = Matrix(count, width, hidden)
        self.activated = Activated(activation)

    def expert(self, e, x):
        up = x @ self.up.weight[e].T
        gate = x @ self.gate.weight[e].T if self.activated.activation.gated else None
        return self.activated(up, gate) @ self.down.weight[e].T


def ordered(scores):
    """Values and indices along the last dimension, largest first; of equals, the lower index first."""
    return torch.sort(scores, dim=-1, descending=True, stable=True)


class Moe(Experts):
    """The routing pool is the N tokens of the batch, sequence after sequence.

    After a forward pass, `auxiliary` is the balance loss with its factor, and `margin` the smallest relative distance of
    two scores whose order decided something (below the error of f32 the routing may differ from one program to another).
    """

    def __init__(self, layer, width):
        super().__init__(layer.experts, layer.activation, layer.hidden, width)
        self.layer = layer
        self.router = Matrix(layer.experts, width)
        if layer.shared:
            self.shared = Experts(layer.shared, layer.activation, layer.hidden, width)
        self.auxiliary = 0.0
        self.margin = math.inf

    def forward(self, x):
        tokens = x.flatten(0, 1)                                     # [N, D]
        p = (tokens @ self.router.weight.T).softmax(-1)              # [N, E]
        route = self.experts_choose if self.layer.router == "ExpertChoice" else self.tokens_choose
        y = torch.zeros_like(tokens)
        for e, (chosen, weight) in enumerate(route(p)):
            y = y.index_add(0, chosen, weight[:, None] * self.expert(e, tokens[chosen]))
        for s in range(self.layer.shared):
            y = y + self.shared.expert(s, tokens)
        return y.view_as(x)

    def slots(self, tokens):
        """C = ceil(choices * N * percent / (100 E)), at most N; None without a limit."""
        if not self.layer.capacity:
            return None
        return min(tokens, -(-self.layer.choices * tokens * self.layer.capacity // (100 * self.layer.experts)))

    def observe(self, scores, ranks):
        """Notes how far the scores (largest first) of these ranks are above the next ones."""
        above = (1 - scores[:, 1:] / scores[:, :-1]).detach()[:, ranks]
        if above.numel():
            self.margin = min(self.margin, above.min().item())

    def experts_choose(self, p):
        """For each expert the C tokens with the largest p, and p as their weights."""
        slots = self.slots(len(p))
        value, token = ordered(p.T)                                  # [E, N]
        self.auxiliary = p.new_zeros(())
        self.observe(value, slice(slots - 1, slots))
        return [(token[e, :slots], value[e, :slots]) for e in range(self.layer.experts)]

    def tokens_choose(self, p):
        """For each expert its tokens, all first choices before all second choices, cut at the capacity, and their weights."""
        k, experts = self.layer.choices, self.layer.experts
        value, expert = ordered(p)                                   # [N, E]
        self.observe(value, slice(0, k))
        first = torch.bincount(expert[:, 0], minlength=experts).to(p) / len(p)
        self.auxiliary = 0.01 * experts * (first * p.mean(0)).sum()
        weight = value[:, :1] if self.layer.router == "Top1" else value[:, :k] / (value[:, :k].sum(1, keepdim=True) + 1e-9)

        slots = self.slots(len(p))
        chosen = expert[:, :k].T.flatten()                           # place after place, in each place token after token
        weight = weight.T.flatten()
        taken = [(chosen == e).nonzero()[:, 0][:slots] for e in range(experts)]
        return [(places % len(p), weight[places]) for places in taken]
