"""`Ffn<...>`: the position-wise feed-forward layer, Wdown act(Wup x)."""

from dataclasses import dataclass

from torch import nn

from . import activations
from .language import Flag, Layer, Node, Norms, Number


@dataclass(frozen=True)
class Ffn(Layer):
    activation: Node
    hidden: int
    bias: bool = False
    norms: Norms = Norms()

    word, folder = "Ffn", "ffn"
    table = (
        activations.option(always=True),
        Number("Hidden", "hidden", activations.hidden),
        Flag("Bias", "bias"),
    )

    def module(self, model_context):
        return FfnModule(self, model_context.width)

    @staticmethod
    def random(rng, model_context):
        activation = activations.random_activation(rng)
        hidden = activations.hidden(Ffn(activation, 0), model_context)
        return dict(activation=activation, hidden=rng.choice((hidden, rng.randint(1, 50))), bias=rng.random() < 0.4)


class FfnModule(nn.Module):
    def __init__(self, layer, width):
        super().__init__()
        self.up = nn.Linear(width, layer.hidden, bias=layer.bias)
        if activations.gated(layer.activation):
            self.gate = nn.Linear(width, layer.hidden, bias=layer.bias)
        self.down = nn.Linear(layer.hidden, width, bias=layer.bias)
        self.activated = activations.Activated(layer.activation)

    def forward(self, x, run):
        gate = self.gate(x) if self.activated.gated else None
        return self.down(self.activated(self.up(x), gate))
