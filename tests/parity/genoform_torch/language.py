"""The language of models: text <-> tree, and tables of options that read and print the parts of a model.

A kind of sub-layer is one file with one class (see ffn.py, the shortest, and kinds.py, the list of them):

    @dataclass(frozen=True)
    class Ffn(Layer):                     # its values, every default filled in
        activation: Node
        hidden: int
        bias: bool
        norms: Norms = Norms()

        word = "Ffn"                      # its name in a text
        folder = "ffn"                    # its name in the tensors of a model folder
        table = (...)                     # its options, in canonical order

        def check(self, model_context): ...      # raises TextError when the values contradict each other
        def module(self, model_context): ...     # torch.nn.Module: forward(x [B, T, D], run) -> [B, T, D]
        def random(rng, model_context): ...      # values of a random one, without its norms

`model_context` tells what a part must know of its model (ModelContext), `run` what it must know of the tokens (Run in model.py).
"""

import re
from dataclasses import dataclass
from types import SimpleNamespace

ALIASES = {"Attn": "Attention<>", "SwiGlu": "Glu<Swish>", "GeGlu": "Glu<GeLU>", "ReGlu": "Glu<ReLU>"}
# Written with < >, even when they are empty.
BRACKETS = {"Attention", "Ffn", "Moe", "Parallel", "LinearAttention", "Gau", "Conv", "Synthesizer", "SpatialGate", "TokenMix"}


class TextError(ValueError):
    """A text that is no model."""


# --- Text <-> tree ------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Node:
    """`name` or `name<args...>`; an argument is a Node or a number."""
    name: str
    args: tuple = ()

    def text(self):
        inside = ", ".join(str(arg) if isinstance(arg, int) else arg.text() for arg in self.args)
        return f"{self.name}<{inside}>" if self.args or self.name in BRACKETS else self.name


def parse_tree(text):
    """item := number | name [ '<' [ item { ',' item } ] '>' ]"""
    tokens = re.findall(r"\d+|\w+|\S", text) + ["end of text"]
    position = 0

    def take(*expected):
        nonlocal position
        token = tokens[position]
        if expected and token not in expected:
            raise TextError(f"found {token!r}, expected {' or '.join(map(repr, expected))}")
        position += 1
        return token

    def item():
        token = take()
        if token.isdigit():
            return int(token)
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise TextError(f"found {token!r}, expected a name or a number")
        if token in ALIASES:
            return parse_tree(ALIASES[token])
        args = []
        if tokens[position] == "<":
            take("<")
            while tokens[position] != ">":
                args.append(item())
                if tokens[position] != ">":
                    take(",")
            take(">")
        elif token in BRACKETS:
            raise TextError(f"{token} needs its < >")
        return Node(token, tuple(args))

    tree = item()
    take("end of text")
    return tree


def check_form(node, forms):
    """Whether a node is one of these words with these arguments: a number (the least allowed), or a table of further words."""
    if not isinstance(node, Node) or node.name not in forms:
        raise TextError(f"found {node.text() if isinstance(node, Node) else node}, expected one of {', '.join(forms)}")
    arguments = forms[node.name]
    if len(node.args) != len(arguments):
        raise TextError(f"{node.name} takes {len(arguments)} arguments, not {len(node.args)}")
    for arg, form in zip(node.args, arguments):
        if isinstance(form, dict):
            check_form(arg, form)
        elif not isinstance(arg, int) or not form <= arg < 2 ** 31:
            raise TextError(f"{node.name} takes a number of at least {form}")
    return node


# --- Rows of a table: one option of a part ------------------------------------------------------------------------------
# Each has the words it is written with, the field its value is kept in, and the value that is left out: a constant, or a
# function of (the other values, ModelContext) that gives None where the option must be written.

@dataclass(frozen=True)
class Number:
    """`Heads<4>`."""
    word: str
    field: str
    default: object = None
    least: int = 1
    always = False

    def words(self):
        return {self.word: (self.least,)}

    def read(self, node):
        return check_form(node, self.words()).args[0]

    def print(self, value):
        return f"{self.word}<{value}>"


@dataclass(frozen=True)
class Flag:
    """`Bias`."""
    word: str
    field: str
    default = False
    always = False

    def words(self):
        return {self.word: ()}

    def read(self, node):
        return bool(check_form(node, self.words()))

    def print(self, value):
        return self.word


@dataclass(frozen=True)
class Choice:
    """One of several words, kept as a Node: `Rope` or `RelBias<32, 128>`; `always`: printed even when it is the default."""
    field: str
    forms: dict
    default: object = None
    always: bool = False

    def words(self):
        return self.forms

    def read(self, node):
        return check_form(node, self.forms)

    def print(self, value):
        return value.text()


@dataclass(frozen=True)
class Wrapped:
    """A choice inside a word: `Pre<RmsNorm>`."""
    word: str
    field: str
    forms: dict
    default: object = None
    always = False

    def words(self):
        return {self.word: (self.forms,)}

    def read(self, node):
        return check_form(node, self.words()).args[0]

    def print(self, value):
        return f"{self.word}<{value.text()}>"


def default_of(row, values, model_context):
    return row.default(values, model_context) if callable(row.default) else row.default


def read_options(name, table, args, model_context):
    """{field: value} of all rows; each option at most once, in any order."""
    rows = {word: row for row in table for word in row.words()}
    found = SimpleNamespace()
    for arg in args:
        if not isinstance(arg, Node) or arg.name not in rows:
            raise TextError(f"{name} has no option {getattr(arg, 'name', arg)!r}; known here: {', '.join(rows)}")
        row = rows[arg.name]
        if hasattr(found, row.field):
            raise TextError(f"{name} has two options of which one is allowed: {', '.join(row.words())}")
        setattr(found, row.field, row.read(arg))
    for row in sorted(table, key=lambda row: callable(row.default)):      # a default may look at all constants and the rows above
        if not hasattr(found, row.field):
            value = default_of(row, found, model_context)
            if value is None:
                raise TextError(f"{name} must have one of {', '.join(row.words())}")
            setattr(found, row.field, value)
    return vars(found)


def print_options(table, values, model_context):
    """The options that are not the default, in the order of the table."""
    return [row.print(getattr(values, row.field)) for row in table
            if row.always or getattr(values, row.field) != default_of(row, values, model_context)]


# --- Sub-layers ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class ModelContext:
    """What a part may ask of the model it stands in; `positions`: the model adds positions of its own."""
    width: int
    vocab: int
    context: int
    positions: bool = False


NO_NORM, RMS_NORM = Node("NoNorm"), Node("RmsNorm")
NORMS = {"RmsNorm": (), "LayerNorm": (), "PrimerNorm": (), "NoNorm": ()}


@dataclass(frozen=True)
class Norms:
    """x <- post(x + inner(f(pre(x))))"""
    pre: Node = RMS_NORM
    post: Node = NO_NORM
    inner: Node = NO_NORM

    table = (
        Wrapped("Pre", "pre", NORMS,
                lambda norms, _: RMS_NORM if norms.post == norms.inner == NO_NORM else NO_NORM),
        Wrapped("Post", "post", NORMS, NO_NORM),
        Wrapped("Inner", "inner", NORMS, NO_NORM),
    )


class Layer:
    """What all kinds share.  `norms` is None in a part of a Parallel, which has none of its own."""

    table = ()
    attends = False                                                   # has scores that the table of SharedRelBias is added to
    weight = 1                                                        # how often it is drawn at random

    @classmethod
    def parse(cls, node, model_context, normed=True):
        wrapper = Norms.table if normed else ()
        values = read_options(cls.word, cls.table + wrapper, node.args, model_context)
        norms = Norms(**{row.field: values.pop(row.field) for row in wrapper}) if normed else None
        layer = cls(**values, norms=norms)
        layer.check(model_context)
        return layer

    def text(self, model_context):
        words = print_options(self.table, self, model_context)
        return f"{self.word}<{', '.join(words + self.norm_words(model_context))}>"

    def norm_words(self, model_context):
        return print_options(Norms.table, self.norms, model_context) if self.norms else []

    def check(self, model_context):
        pass

    def modules(self, model_context):
        """{name in a model folder: module}; the outputs of all of them are added."""
        return {self.folder: self.module(model_context)}


KINDS = {}                                                            # {word: class}, filled by kinds.py


def read_layer(node, model_context, normed=True):
    if not isinstance(node, Node) or node.name not in KINDS:
        raise TextError(f"found {getattr(node, 'name', node)!r}, expected one of {', '.join(KINDS)}")
    return KINDS[node.name].parse(node, model_context, normed)
