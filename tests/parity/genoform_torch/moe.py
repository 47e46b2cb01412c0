"""`Moe<Router, ...>`: the mixture of experts.  The routers are in routers.py."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from . import activations
from .language import Choice, Layer, Node, Norms, Number, TextError
from .norms import empty
from .routers import ROUTERS


def default_capacity(layer, model_context):
    return 100 if layer.router.name == "ExpertChoice" else 0


def choices_of(router):
    return ROUTERS[router.name].choices(router.args)


@dataclass(frozen=True)
class Moe(Layer):
    router: Node
    experts: int
    activation: Node
    hidden: int
    capacity: int                   # percent of the slots that the choices need; 0: no limit
    shared: int = 0
    norms: Norms = Norms()

    word, folder = "Moe", "moe"
    weight = 5                                                        # for it has many routers
    table = (
        Choice("router", {word: router.arguments for word, router in ROUTERS.items()}, always=True),
        Number("Experts", "experts", 8),
        activations.option(),
        Number("Hidden", "hidden", activations.hidden),
        Number("Capacity", "capacity", default_capacity, least=0),
        Number("Shared", "shared", 0, least=0),
    )

    def check(self, model_context):
        if choices_of(self.router) > self.experts:
            raise TextError(f"{self.router.text()} has more choices than {self.experts} experts")
        if self.router.name == "ExpertChoice" and not self.capacity:
            raise TextError("ExpertChoice needs a Capacity of at least 1")

    def module(self, model_context):
        return MoeModule(self, model_context)

    @staticmethod
    def random(rng, model_context):
        word = rng.choice(tuple(ROUTERS))
        experts = rng.randint(2 if word == "Top2" else 1, 9)
        arguments = (rng.randint(1, min(experts, 4)),) if ROUTERS[word].arguments else ()
        capacity = rng.choice((100, 37, 125, 200) if word == "ExpertChoice" else (0, 0, 50, 100, 125, 400))
        return dict(router=Node(word, arguments), experts=experts, activation=activations.random_activation(rng),
                    hidden=rng.randint(1, 24), capacity=capacity, shared=rng.randint(1, 2) if rng.random() < 0.3 else 0)


class Matrix(nn.Module):
    """One weight of any shape, under the name `weight`."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = empty(*shape)


class Experts(nn.Module):
    """`count` feed-forward networks without biases, stacked: up, gate [count, F, D], down [count, D, F]."""

    def __init__(self, count, layer, width):
        super().__init__()
        self.up = Matrix(count, layer.hidden, width)
        if activations.gated(layer.activation):
            self.gate = Matrix(count, layer.hidden, width)
        self.down = Matrix(count, width, layer.hidden)
        self.activated = activations.Activated(layer.activation)

    def expert(self, e, x):
        up = x @ self.up.weight[e].T
        gate = x @ self.gate.weight[e].T if self.activated.gated else None
        return self.activated(up, gate) @ self.down.weight[e].T


class MoeModule(Experts):
    """After a forward pass, `auxiliary` is the balance loss with its factor, and `margin` the smallest relative distance of
    two scores whose order decided something (below the error of f32 the routing may differ from one program to another).
    """

    def __init__(self, layer, model_context):
        super().__init__(layer.experts, layer, model_context.width)
        self.layer, self.model_context = layer, model_context
        self.experts, self.k = layer.experts, choices_of(layer.router)
        self.routing = ROUTERS[layer.router.name]
        if self.routing.scored:
            self.router = Matrix(layer.experts, model_context.width)
        if self.routing.state:
            self.register_buffer(self.routing.state, self.routing.start(layer, model_context))
        if layer.shared:
            self.shared = Experts(layer.shared, layer, model_context.width)
        self.auxiliary, self.margin = 0.0, math.inf

    def forward(self, x, run):
        tokens = x.flatten(0, 1)                                     # [N, D]
        l = tokens @ self.router.weight.T if self.routing.scored else None
        chosen, expert, weight = self.routing.route(self, l, run)
        slots = self.slots(len(tokens))
        y = torch.zeros_like(tokens)
        for e in range(self.experts):
            taken = (expert == e).nonzero()[:, 0][:slots]            # a choice beyond the capacity is dropped, and its weight lost
            token = chosen[taken]
            y = y.index_add(0, token, weight[taken, None] * self.expert(e, tokens[token]))
        for s in range(self.layer.shared):
            y = y + self.shared.expert(s, tokens)
        return y.view_as(x)

    def slots(self, tokens, percent=None):
        """C = ceil(k * N * percent / (100 E)), at most N; no limit is N, as much as an expert can ever get."""
        percent = self.layer.capacity if percent is None else percent
        return min(tokens, -(-self.k * tokens * percent // (100 * self.experts))) if percent else tokens

    def observe(self, above, below):
        """Notes how far scores are from those they were compared with."""
        above, below = above[:, :below.shape[1]].detach(), below.detach()
        if below.numel():
            size = torch.maximum(above.abs(), below.abs()).clamp(min=1e-30)
            self.margin = min(self.margin, ((above - below).abs() / size).min().item())

    def fill_state(self, rng):
        """A random state, to test with."""
        if self.routing.state:
            getattr(self, self.routing.state).copy_(self.routing.random_state(self.layer, self.model_context, rng))

    def after_step(self):
        self.routing.after_step(self)
