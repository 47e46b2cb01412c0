"""Text of a model <-> Architecture: the same model as plain values, with every default filled in.

    >>> a = Architecture.parse("Decoder<Block<Attn, Ffn<SwiGlu>>, Width<128>, Vocab<256>, Context<64>>")
    >>> a.stacks[0].layers[0].heads, a.stacks[0].layers[1].hidden
    (2, 344)
    >>> a.text()
    'Decoder<Stack<Block<Attention<>, Ffn<Glu<Swish>>>, 1>, Vocab<256>, Width<128>, Context<64>>'
"""

from dataclasses import dataclass

from . import kinds  # noqa: F401  (fills the list of kinds)
from .attention import check_buckets
from .language import (NORMS, RMS_NORM, ModelContext, Flag, Node, Number, TextError, Wrapped, parse_tree, print_options, read_layer,
                       read_options)
from .parallel import Parallel

NO_POSITIONS, NO_SCALE = Node("None"), Node("One")


@dataclass(frozen=True)
class Stack:
    """`count` blocks with weights of their own and the same `layers`."""
    layers: tuple
    count: int

    @staticmethod
    def parse(node, model_context):
        block, count = node, 1
        if getattr(node, "name", None) == "Stack":
            if len(node.args) != 2 or not isinstance(node.args[1], int) or node.args[1] < 1:
                raise TextError("Stack needs a Block and a number")
            block, count = node.args
        if getattr(block, "name", None) != "Block" or not block.args:
            raise TextError(f"found {block}, expected a Block with at least one sub-layer")
        return Stack(tuple(read_layer(layer, model_context) for layer in block.args), count)

    def text(self, model_context):
        return f"Stack<Block<{', '.join(layer.text(model_context) for layer in self.layers)}>, {self.count}>"


@dataclass(frozen=True)
class Architecture:
    stacks: tuple
    vocab: int
    width: int
    context: int
    positions: Node = NO_POSITIONS
    final_norm: Node = RMS_NORM
    untied: bool = False
    logit_scale: Node = NO_SCALE

    table = (
        Number("Vocab", "vocab"),
        Number("Width", "width"),
        Number("Context", "context"),
        Wrapped("Positions", "positions", {"None": (), "Sinusoid": (), "Learned": (), "SharedRelBias": (2, 1)}, NO_POSITIONS),
        Wrapped("FinalNorm", "final_norm", NORMS, RMS_NORM),
        Flag("Untied", "untied"),
        Wrapped("LogitScale", "logit_scale", {"WidthRsqrt": ()}, NO_SCALE),
    )

    @staticmethod
    def parse(text):
        tree = parse_tree(text)
        if getattr(tree, "name", None) != "Decoder" or not tree.args:
            raise TextError("a model is a Decoder<...> with a body")
        body, *options = tree.args
        values = read_options("Decoder", Architecture.table, options, None)
        model = Architecture((), **values)
        parts = body.args if getattr(body, "name", None) == "Body" else (body,)
        model = Architecture(tuple(Stack.parse(part, model.model_context()) for part in parts), **values)
        model.check()
        return model

    def model_context(self):
        return ModelContext(self.width, self.vocab, self.context, self.positions != NO_POSITIONS)

    def text(self):
        body = [stack.text(self.model_context()) for stack in self.stacks]
        body = body[0] if len(body) == 1 else f"Body<{', '.join(body)}>"
        return f"Decoder<{', '.join([body] + print_options(self.table, self, None))}>"

    def blocks(self):
        """The layers of each block, in the order of the blocks in a model folder."""
        return [stack.layers for stack in self.stacks for _ in range(stack.count)]

    def parts(self):
        """The layers of all stacks, those inside a Parallel in its place."""
        layers = [layer for stack in self.stacks for layer in stack.layers]
        return [part for layer in layers for part in (layer.parts if isinstance(layer, Parallel) else (layer,))]

    def heads(self):
        """The number of heads of each attention layer."""
        return [layer.heads for layer in self.parts() if layer.attends]

    def check(self):
        if self.positions.name == "Sinusoid" and self.width % 2:
            raise TextError(f"Sinusoid needs an even Width, not {self.width}")
        if self.positions.name == "SharedRelBias":
            check_buckets(self.positions)
            if len(set(self.heads())) != 1:
                raise TextError("SharedRelBias needs attention layers that all have the same number of heads")
