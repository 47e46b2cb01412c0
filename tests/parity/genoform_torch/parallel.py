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
    def parse(cls, node, model_context, normed=True):
        if not normed:
            raise TextError("a part of a Parallel is no Parallel")
        around_all = [arg for arg in node.args if isinstance(arg, Node) and arg.name in {row.word for row in Norms.table}]
        parts = tuple(read_layer(arg, model_context, normed=False) for arg in node.args if arg not in around_all)
        if not parts:
            raise TextError("Parallel needs at least one part")
        return cls(parts, Norms(**read_options("Parallel", Norms.table, around_all, model_context)))

    def text(self, model_context):
        words = [part.text(model_context) for part in self.parts]
        return f"Parallel<{', '.join(words + self.norm_words(model_context))}>"

    def modules(self, model_context):
        return {str(p): Sum(part, model_context) for p, part in enumerate(self.parts)}

    @staticmethod
    def random(rng, model_context, **of_attention):
        """of_attention: what attention layers among the parts must have."""
        def part(kind):
            given = of_attention if kind.attends else {}
            return kind(**kind.random(rng, model_context, **given), norms=None)

        kinds = [kind for kind in KINDS.values() if kind is not Parallel]
        return dict(parts=tuple(part(rng.choice(kinds)) for _ in range(rng.choice((1, 2, 2, 3)))))


class Sum(nn.Module):
    """The modules of a layer under their names in a model folder; the sum of their outputs.  `largest` is the largest number
    that they were given."""

    def __init__(self, layer, model_context):
        super().__init__()
        self.add(layer, model_context)

    def add(self, layer, model_context):
        self.names, self.largest = [], 0.0
        for name, module in layer.modules(model_context).items():
            self.names.append(name)
            self.add_module(name, module)

    def forward(self, x, run):
        self.largest = max(self.largest, x.detach().abs().max().item())
        return sum(getattr(self, name)(x, run) for name in self.names)
