"""`LinearAttention<...>`, `Gau<...>` and `Conv<...>`: mixers of Performer, FLASH and the Evolved Transformer."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from .activations import PLAIN, Activated
from .attention import NO_POSITION, ROPE, Projection, whole_head_dim
from .language import NORMS, Choice, Flag, Layer, Node, Norms, Number, TextError, Wrapped
from .norms import empty, make_norm
from .positions import rotate, visible

PLAIN_WORDS = dict.fromkeys(PLAIN, ())
POSITION = Choice("position", {"Rope": (), "NoPos": ()}, lambda _, model_context: NO_POSITION if model_context.positions else ROPE)


def check_rotation(layer):
    if layer.position == ROPE and layer.head_dim % 2:
        raise TextError(f"Rope needs an even HeadDim, not {layer.head_dim}")


# --- LinearAttention ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class LinearAttention(Layer):
    heads: int
    head_dim: int
    kv_heads: int
    features: int
    kernel: Node = Node("SoftmaxKernel")
    position: Node = ROPE
    norms: Norms = Norms()

    word, folder = "LinearAttention", "linear_attention"
    table = (
        Number("Heads", "heads", lambda _, model_context: max(1, model_context.width // 64)),
        Number("HeadDim", "head_dim", whole_head_dim),
        Number("KvHeads", "kv_heads", lambda layer, _: layer.heads),
        Number("Features", "features", lambda layer, _: 4 * layer.head_dim),
        Choice("kernel", {"SoftmaxKernel": (), "ReluKernel": ()}, Node("SoftmaxKernel")),
        POSITION,
    )

    def check(self, model_context):
        if self.heads % self.kv_heads:
            raise TextError(f"KvHeads<{self.kv_heads}> does not divide Heads<{self.heads}>")
        check_rotation(self)

    def module(self, model_context):
        return LinearAttentionModule(self, model_context.width)

    @staticmethod
    def random(rng, model_context):
        kv_heads, position = rng.choice((1, 2, 3)), rng.choice((ROPE, NO_POSITION))
        head_dim = rng.randint(1, 7) * 2 if position == ROPE else rng.randint(1, 14)
        return dict(heads=kv_heads * rng.choice((1, 1, 2)), kv_heads=kv_heads, head_dim=head_dim, position=position,
                    features=rng.choice((4 * head_dim, rng.randint(2, 40))),
                    kernel=Node(rng.choice(("SoftmaxKernel", "ReluKernel"))))


class LinearAttentionModule(nn.Module):
    """The running sums written out over all pairs of positions: the same numbers, easier to read."""

    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        queries, keys = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
        self.q = Projection(width, queries)
        self.k = Projection(width, keys)
        self.v = Projection(width, keys)
        self.o = Projection(queries, width)
        self.register_buffer("features", torch.zeros(layer.features, layer.head_dim, dtype=torch.double))
        self.rectified = Activated(Node("ReLU"))

    def fill_state(self, rng):
        """Features to test with: normal ones, in place of the orthogonal ones that the library draws."""
        numbers = [rng.gauss(0, 1) for _ in range(self.features.numel())]
        self.features.copy_(torch.tensor(numbers, dtype=torch.float32).view(self.features.shape))

    def forward(self, x, run):
        def heads(projected):                                        # [B, T, heads * K] -> [B, heads, T, K]
            return projected.unflatten(-1, (-1, self.layer.head_dim)).transpose(1, 2)

        q, k, v = heads(self.q(x)), heads(self.k(x)), heads(self.v(x))
        if self.layer.position == ROPE:
            q, k = rotate(q), rotate(k)
        readers = self.layer.heads // self.layer.kv_heads            # query heads that read one key head
        k, v = k.repeat_interleave(readers, 1), v.repeat_interleave(readers, 1)

        seen = visible(x.shape[1])
        if self.layer.kernel.name == "SoftmaxKernel":                # e^(p - |z|^2 / 2), by way of logarithms
            (p_q, z_q), (p_k, z_k) = self.projected(q), self.projected(k)
            log_q = p_q - z_q.square().sum(-1, keepdim=True) / 2
            log_k = p_k - z_k.square().sum(-1, keepdim=True) / 2
            logs = torch.logsumexp(log_q[..., :, None, :] + log_k[..., None, :, :], -1)       # [B, H, T, T]
            weights = logs.masked_fill(~seen, -math.inf).softmax(-1)
        else:
            phi_q, phi_k = (self.rectified(self.projected(x)[0]) + 0.001 for x in (q, k))
            products = (phi_q @ phi_k.transpose(-1, -2)) * seen
            weights = products / products.sum(-1, keepdim=True)
        return self.o((weights @ v).transpose(1, 2).flatten(2))

    def projected(self, x):
        z = x * self.layer.head_dim ** -0.25
        return z @ self.features.T, z


# --- Gau ----------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Gau(Layer):
    activation: Node
    hidden: int
    head_dim: int
    length: int
    bias: bool = False
    position: Node = ROPE
    norms: Norms = Norms()

    word, folder = "Gau", "gau"
    table = (
        Choice("activation", PLAIN_WORDS, Node("Swish")),
        Number("Hidden", "hidden", lambda _, model_context: 2 * model_context.width),
        Number("HeadDim", "head_dim", 128),
        Number("Length", "length", lambda _, model_context: model_context.context),
        Flag("Bias", "bias"),
        POSITION,
    )

    def check(self, model_context):
        check_rotation(self)

    def module(self, model_context):
        return GauModule(self, model_context.width)

    @staticmethod
    def random(rng, model_context):
        position = rng.choice((ROPE, NO_POSITION))
        return dict(activation=Node(rng.choice(tuple(PLAIN))), hidden=rng.choice((2 * model_context.width, rng.randint(1, 50))),
                    head_dim=rng.randint(1, 12) * 2 if position == ROPE else rng.randint(1, 24), position=position,
                    length=rng.choice((model_context.context, rng.randint(1, 8))), bias=rng.random() < 0.4)


class ScaleOffset(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.scale = empty(channels)
        self.offset = empty(channels)

    def forward(self, z):
        return z * self.scale + self.offset


class GauModule(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        self.u = nn.Linear(width, layer.hidden, bias=layer.bias)
        self.v = nn.Linear(width, layer.hidden, bias=layer.bias)
        self.z = nn.Linear(width, layer.head_dim, bias=layer.bias)
        self.q = ScaleOffset(layer.head_dim)
        self.k = ScaleOffset(layer.head_dim)
        self.o = nn.Linear(layer.hidden, width, bias=layer.bias)
        self.activated = Activated(layer.activation)

    def forward(self, x, run):
        u, v, z = self.activated(self.u(x)), self.activated(self.v(x)), self.activated(self.z(x))
        q, k = self.q(z), self.k(z)
        if self.layer.position == ROPE:
            q, k = rotate(q), rotate(k)
        scores = (q @ k.transpose(-1, -2) / self.layer.length).clamp(min=0).square()          # [B, T, T]
        return self.o(u * ((scores * visible(x.shape[1])) @ v))


# --- Conv ---------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Conv(Layer):
    activation: Node
    hidden: int
    side: int
    taps: int
    side_taps: int
    last_taps: int
    bias: bool = False
    middle: Node = Node("LayerNorm")
    norms: Norms = Norms()

    word, folder = "Conv", "conv"
    table = (
        Choice("activation", PLAIN_WORDS, Node("ReLU")),
        Number("Hidden", "hidden", lambda _, model_context: 2 * model_context.width),
        Number("Side", "side", lambda _, model_context: max(1, model_context.width // 2)),
        Number("Taps", "taps", 11),
        Number("SideTaps", "side_taps", 7),
        Number("LastTaps", "last_taps", 7),
        Flag("Bias", "bias"),
        Wrapped("Middle", "middle", NORMS, Node("LayerNorm")),
    )

    def check(self, model_context):
        if self.side > self.hidden:
            raise TextError(f"Side<{self.side}> is wider than Hidden<{self.hidden}>")

    def module(self, model_context):
        return ConvModule(self, model_context.width)

    @staticmethod
    def random(rng, model_context):
        hidden = rng.choice((2 * model_context.width, rng.randint(3, 50)))   # a norm of 3 channels, see SpatialGate
        side = max(1, model_context.width // 2)
        return dict(activation=Node(rng.choice(tuple(PLAIN))), hidden=hidden,
                    side=side if side <= hidden and rng.random() < 0.5 else rng.randint(1, hidden),
                    taps=rng.choice((11, rng.randint(1, 14))), side_taps=rng.choice((7, rng.randint(1, 9))),
                    last_taps=rng.choice((7, rng.randint(1, 9))), bias=rng.random() < 0.4,
                    middle=Node(rng.choice(("LayerNorm",) + tuple(NORMS))))


class Separable(nn.Module):
    """A causal depthwise convolution, y[t] = sum_i w[i] * x[t - i] channel by channel, then a matrix."""

    def __init__(self, inputs, outputs, taps, bias):
        super().__init__()
        self.dconv = empty(inputs, taps)
        self.weight = empty(outputs, inputs)
        self.bias = empty(outputs) if bias else None

    def forward(self, x):
        positions = x.shape[1]
        shifted = [nn.functional.pad(x, (0, 0, i, 0))[:, :positions] for i in range(self.dconv.shape[1])]
        x = sum(past * self.dconv[:, i] for i, past in enumerate(shifted))
        return nn.functional.linear(x, self.weight, self.bias)


class ConvModule(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.layer = layer
        self.wide = Separable(width, layer.hidden, layer.taps, layer.bias)
        self.side = Separable(width, layer.side, layer.side_taps, layer.bias)
        self.middle = make_norm(layer.middle, layer.hidden)
        self.last = Separable(layer.hidden, width, layer.last_taps, layer.bias)
        self.activated = Activated(layer.activation)

    def forward(self, x, run):
        side = nn.functional.pad(self.side(x), (0, self.layer.hidden - self.layer.side))
        return self.last(self.middle(self.activated(self.wide(x)) + side))
