"""Text of a model <-> Architecture: the same model as plain values, with every default filled in.

    >>> a = Architecture.parse("Decoder<Block<Attn, Ffn<SwiGlu>>, Width<128>, Vocab<256>, Context<64>>")
    >>> a.stacks[0].layers[0].heads, a.stacks[0].layers[1].hidden
    (2, 344)
    >>> a.text()
    'Decoder<Stack<Block<Attention<>, Ffn<Glu<Swish>>>, 1>, Vocab<256>, Width<128>, Context<64>>'
"""

import re
from dataclasses import dataclass

ALIASES = {"Attn": "Attention<>", "SwiGlu": "Glu<Swish>", "GeGlu": "Glu<GeLU>", "ReGlu": "Glu<ReLU>"}
ACTIVATIONS = ("ReLU", "GeLU", "Swish", "SqReLU", "Identity")
NORMS = ("RmsNorm", "LayerNorm", "NoNorm")


class TextError(ValueError):
    """A text that is no model, or a model with a kind that is not written here yet."""


# --- Text -> tree -------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Node:
    """`name` alone, `name<args...>`, or a number (then `name` is an int)."""
    name: object
    args: tuple = ()


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
            return Node(int(token))
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
        return Node(token, tuple(args))

    tree = item()
    take("end of text")
    return tree


# --- Values -------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Norms:
    """x <- post(x + inner(f(pre(x)))); a norm that is absent is "NoNorm"."""
    pre: str = "RmsNorm"
    post: str = "NoNorm"
    inner: str = "NoNorm"

    def words(self):
        around = [f"{place}<{norm}>" for place, norm in (("Post", self.post), ("Inner", self.inner)) if norm != "NoNorm"]
        pre = [] if self.pre == ("NoNorm" if around else "RmsNorm") else [f"Pre<{self.pre}>"]
        return pre + around


@dataclass(frozen=True)
class Activation:
    """`function`(up x), or function(gate x) * (up x) when gated."""
    function: str = "SqReLU"
    gated: bool = False

    def word(self):
        return f"Glu<{self.function}>" if self.gated else self.function

    def hidden(self, width):
        """Default hidden width F."""
        return 8 * -(-width // 3) if self.gated else 4 * width


@dataclass(frozen=True)
class Attention:
    heads: int
    head_dim: int
    kv_heads: int
    dconv: int = 0          # 0: no convolution
    rope: bool = True
    norms: Norms = Norms()

    def text(self, width):
        words = []
        if self.heads != max(1, width // 64):
            words.append(f"Heads<{self.heads}>")
        if self.head_dim * self.heads != width:
            words.append(f"HeadDim<{self.head_dim}>")
        if self.kv_heads != self.heads:
            words.append(f"KvHeads<{self.kv_heads}>")
        if self.dconv:
            words.append(f"DConv<{self.dconv}>")
        if not self.rope:
            words.append("NoPos")
        return f"Attention<{', '.join(words + self.norms.words())}>"


@dataclass(frozen=True)
class Ffn:
    activation: Activation
    hidden: int
    bias: bool = False
    norms: Norms = Norms()

    def text(self, width):
        words = [self.activation.word()]
        if self.hidden != self.activation.hidden(width):
            words.append(f"Hidden<{self.hidden}>")
        if self.bias:
            words.append("Bias")
        return f"Ffn<{', '.join(words + self.norms.words())}>"


@dataclass(frozen=True)
class Moe:
    router: str             # Top1, Top2, TopK or ExpertChoice
    choices: int            # experts of a token (ExpertChoice: 1, the k of its capacity)
    experts: int
    activation: Activation
    hidden: int
    capacity: int           # percent of the slots that the choices need; 0: no limit
    shared: int = 0
    norms: Norms = Norms()

    def text(self, width):
        words = [f"TopK<{self.choices}>" if self.router == "TopK" else self.router]
        if self.experts != 8:
            words.append(f"Experts<{self.experts}>")
        if self.activation != Activation():
            words.append(self.activation.word())
        if self.hidden != self.activation.hidden(width):
            words.append(f"Hidden<{self.hidden}>")
        if self.capacity != (100 if self.router == "ExpertChoice" else 0):
            words.append(f"Capacity<{self.capacity}>")
        if self.shared:
            words.append(f"Shared<{self.shared}>")
        return f"Moe<{', '.join(words + self.norms.words())}>"


@dataclass(frozen=True)
class Stack:
    """`count` blocks with weights of their own and the same `layers`."""
    layers: tuple
    count: int

    def text(self, width):
        return f"Stack<Block<{', '.join(layer.text(width) for layer in self.layers)}>, {self.count}>"


@dataclass(frozen=True)
class Architecture:
    stacks: tuple
    vocab: int
    width: int
    context: int
    final_norm: str = "RmsNorm"

    @staticmethod
    def parse(text):
        return read_decoder(parse_tree(text))

    def text(self):
        body = ", ".join(stack.text(self.width) for stack in self.stacks)
        if len(self.stacks) > 1:
            body = f"Body<{body}>"
        final = "" if self.final_norm == "RmsNorm" else f", FinalNorm<{self.final_norm}>"
        return f"Decoder<{body}, Vocab<{self.vocab}>, Width<{self.width}>, Context<{self.context}>{final}>"

    def blocks(self):
        """The layers of each block, in the order of the blocks in a model folder."""
        return [stack.layers for stack in self.stacks for _ in range(stack.count)]


# --- Tree -> values -----------------------------------------------------------------------------------------------------

def options(node, *allowed):
    """{option: its Node}; each at most once and only of those allowed."""
    found = {}
    for arg in node.args:
        if arg.name not in allowed:
            raise TextError(f"{node.name} has no option {arg.name!r}; known here: {', '.join(allowed)}")
        if arg.name in found:
            raise TextError(f"{node.name} has two options {arg.name}")
        found[arg.name] = arg
    return found


def number(node, default, least=1):
    """The 4 of `Heads<4>`."""
    if node is None:
        return default
    if len(node.args) != 1 or not isinstance(node.args[0].name, int) or node.args[0].name < least:
        raise TextError(f"{node.name} needs one number of at least {least}")
    return node.args[0].name


def flag(node):
    """Whether an option without arguments, such as `Bias`, is there."""
    if node is not None and node.args:
        raise TextError(f"{node.name} has no arguments")
    return node is not None


def norm_of(node, default):
    """The RmsNorm of `Pre<RmsNorm>`."""
    if node is None:
        return default
    if len(node.args) != 1 or node.args[0].name not in NORMS:
        raise TextError(f"{node.name} needs one of {', '.join(NORMS)}")
    return node.args[0].name


def read_norms(found):
    alone = "Post" not in found and "Inner" not in found
    return Norms(norm_of(found.get("Pre"), "RmsNorm" if alone else "NoNorm"),
                 norm_of(found.get("Post"), "NoNorm"), norm_of(found.get("Inner"), "NoNorm"))


def read_activation(found):
    words = [found[word] for word in (*ACTIVATIONS, "Glu") if word in found]
    if not words:
        return Activation()
    if len(words) > 1:
        raise TextError(f"two activations: {words[0].name} and {words[1].name}")
    if words[0].name != "Glu":
        return Activation(words[0].name)
    if len(words[0].args) != 1 or words[0].args[0].name not in ACTIVATIONS:
        raise TextError(f"Glu needs one of {', '.join(ACTIVATIONS)}")
    return Activation(words[0].args[0].name, gated=True)


def read_attention(node, width):
    found = options(node, "Heads", "HeadDim", "KvHeads", "DConv", "Rope", "NoPos", "Pre", "Post", "Inner")
    heads = number(found.get("Heads"), max(1, width // 64))
    if "HeadDim" not in found and width % heads:
        raise TextError(f"width {width} is no multiple of {heads} heads; give HeadDim")
    head_dim = number(found.get("HeadDim"), width // heads)
    kv_heads = number(found.get("KvHeads"), heads)
    if heads % kv_heads:
        raise TextError(f"KvHeads<{kv_heads}> does not divide Heads<{heads}>")
    if flag(found.get("Rope")) and flag(found.get("NoPos")):
        raise TextError("Rope and NoPos exclude each other")
    rope = "NoPos" not in found
    if rope and head_dim % 2:
        raise TextError(f"Rope needs an even HeadDim, not {head_dim}")
    return Attention(heads, head_dim, kv_heads, number(found.get("DConv"), 0), rope, read_norms(found))


def read_ffn(node, width):
    found = options(node, *ACTIVATIONS, "Glu", "Hidden", "Bias", "Pre", "Post", "Inner")
    activation = read_activation(found)
    return Ffn(activation, number(found.get("Hidden"), activation.hidden(width)), flag(found.get("Bias")), read_norms(found))


def read_moe(node, width):
    routers = ("Top1", "Top2", "TopK", "ExpertChoice")
    found = options(node, *routers, "Experts", *ACTIVATIONS, "Glu", "Hidden", "Capacity", "Shared", "Pre", "Post", "Inner")
    chosen = [router for router in routers if router in found]
    if len(chosen) != 1:
        raise TextError(f"Moe needs one router of {', '.join(routers)}")
    router = chosen[0]
    choices = number(found["TopK"], None) if router == "TopK" else 2 if router == "Top2" else 1
    experts = number(found.get("Experts"), 8)
    if choices > experts:
        raise TextError(f"{choices} choices among {experts} experts")
    activation = read_activation(found)
    by_expert = router == "ExpertChoice"
    return Moe(router, choices, experts, activation, number(found.get("Hidden"), activation.hidden(width)),
               number(found.get("Capacity"), 100 if by_expert else 0, least=1 if by_expert else 0),
               number(found.get("Shared"), 0, least=0), read_norms(found))


READERS = {"Attention": read_attention, "Ffn": read_ffn, "Moe": read_moe}


def read_stack(node, width):
    block, count = node, 1
    if node.name == "Stack":
        if len(node.args) != 2 or not isinstance(node.args[1].name, int) or node.args[1].name < 1:
            raise TextError("Stack needs a Block and a number")
        block, count = node.args[0], node.args[1].name
    if block.name != "Block" or not block.args:
        raise TextError(f"found {block.name!r}, expected a Block with at least one sub-layer")
    for layer in block.args:
        if layer.name not in READERS:
            raise TextError(f"found {layer.name!r}, expected one of {', '.join(READERS)}")
    return Stack(tuple(READERS[layer.name](layer, width) for layer in block.args), count)


def read_decoder(tree):
    if tree.name != "Decoder" or not tree.args:
        raise TextError("a model is a Decoder<...> with a body")
    body = tree.args[0]
    found = options(Node("Decoder", tree.args[1:]), "Vocab", "Width", "Context", "FinalNorm")
    vocab, width, context = (number(found.get(size), None) for size in ("Vocab", "Width", "Context"))
    if None in (vocab, width, context):
        raise TextError("a model needs Vocab, Width and Context")
    parts = body.args if body.name == "Body" else (body,)
    return Architecture(tuple(read_stack(part, width) for part in parts), vocab, width, context,
                        norm_of(found.get("FinalNorm"), "RmsNorm"))
