"""`Parallel<L1, L2, ...>`: layers side by side, one set of norms and one residual sum around the sum of their outputs."""

from dataclasses import dataclass

from torch import nn

from .language import KINDS, Layer, Node, Norms, TextError, read_layer, read_options


@dataclass(frozen=True)
class Parallel(Layer):
    parts: tuple
    norms: Norms = Norms()

    word = "Parallel"

    @classmethod
    def parse(cls, node, around, normed=True):
        if not normed:
            raise TextError("a part of a Parallel is no Parallel")
        around_all = [arg for arg in node.args if isinstance(arg, Node) and arg.name in {row.word for row in Norms.table}]
        parts = tuple(read_layer(arg, around, normed=False) for arg in node.args if arg not in around_all)
        if not parts:
            raise TextError("Parallel needs at least one part")
        return cls(parts, Norms(**read_options("Parallel", Norms.table, around_all, around)))

    def text(self, around):
        words = [part.text(around) for part in self.parts]
        return f"Parallel<{', '.join(words + self.norm_words(around))}>"

    def modules(self, around):
        return {str(p): Sum(part, around) for p, part in enumerate(self.parts)}

    @staticmethod
    def random(rng, around, **of_attention):
        """of_attention: what attention layers among the parts must have."""
        def part(kind):
            given = of_attention if kind.attends else {}
            return kind(**kind.random(rng, around, **given), norms=None)

        kinds = [kind for kind in KINDS.values() if kind is not Parallel]
        return dict(parts=tuple(part(rng.choice(kinds)) for _ in range(rng.choice((1, 2, 2, 3)))))


class Sum(nn.Module):
    """The modules of a layer under their names in a model folder; the sum of their outputs.  `largest` is the largest number
    that they were given."""

    def __init__(self, layer, around):
        super().__init__()
        self.add(layer, around)

    def add(self, layer, around):
        self.names, self.largest = [], 0.0
        for name, module in layer.modules(around).items():
            self.names.append(name)
            self.add_module(name, module)

    def forward(self, x, run):
        self.largest = max(self.largest, x.detach().abs().max().item())
        return sum(getattr(self, name)(x, run) for name in self.names)
