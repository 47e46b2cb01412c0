"""The whole model.  `model.state_dict()` has exactly the tensors of a model folder, by their names there; those among them
that are parameters are trained, the others are the state of routers."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from . import files
from .activations import Activated
from .moe import Matrix, MoeModule
from .norms import make_norm
from .parallel import Sum
from .positions import bias_of_distance, sinusoid
from .text import Architecture, NO_SCALE

DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "I32": torch.int32}


@dataclass
class Run:
    """What a layer may ask of the pass it takes part in."""
    tokens: torch.Tensor                    # [B, T]
    dtype: torch.dtype                      # of all numbers
    bias: torch.Tensor = None               # [H, T, T], added to the scores of every attention layer


class SubLayer(Sum):
    """x <- post(x + inner(f(pre(x))))"""

    def __init__(self, layer, model_context):
        nn.Module.__init__(self)
        self.pre = make_norm(layer.norms.pre, model_context.width)
        self.add(layer, model_context)
        self.inner = make_norm(layer.norms.inner, model_context.width)
        self.post = make_norm(layer.norms.post, model_context.width)

    def forward(self, x, run):
        return self.post(x + self.inner(super().forward(self.pre(x), run)))


class Decoder(nn.Module):
    """Tokens [B, T] to logits [B, T, V], in double precision."""

    def __init__(self, architecture):
        super().__init__()
        a = self.architecture = architecture
        self.embedding = Matrix(a.vocab, a.width)
        if a.positions.name == "Learned":
            self.positions = Matrix(a.context, a.width)
        elif a.positions.name == "SharedRelBias":
            self.positions = Matrix(a.heads()[0], a.positions.args[0])
        self.blocks = nn.ModuleList(
            nn.ModuleList(SubLayer(layer, a.model_context()) for layer in layers) for layers in a.blocks())
        self.norm = make_norm(a.final_norm, a.width)
        if a.untied:
            self.head = Matrix(a.vocab, a.width)
        self.double()

    def forward(self, tokens):
        x = self.embedding.weight[tokens]
        positions, kind = tokens.shape[1], self.architecture.positions
        run = Run(tokens, x.dtype)
        if kind.name == "Learned":
            x = x + self.positions.weight[:positions]
        elif kind.name == "Sinusoid":
            x = x + sinusoid(positions, x.shape[-1], x.dtype)
        elif kind.name == "SharedRelBias":
            run.bias = bias_of_distance(self.positions.weight, positions, *kind.args)
        for block in self.blocks:
            for layer in block:
                x = layer(x, run)
        output = self.head if self.architecture.untied else self.embedding
        logits = self.norm(x) @ output.weight.T
        return logits if self.architecture.logit_scale == NO_SCALE else logits / math.sqrt(x.shape[-1])

    def losses(self, tokens, targets):
        """(logits, mean cross entropy in nats, sum of the auxiliary losses of the routers)."""
        logits = self(tokens)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        auxiliary = sum((moe.auxiliary for moe in self.sparse_layers()), torch.zeros((), dtype=loss.dtype))
        return logits, loss, auxiliary

    def sparse_layers(self):
        return [module for module in self.modules() if isinstance(module, MoeModule)]

    def after_step(self):
        """To be called after each step of the optimizer: moves the state of the routers."""
        for moe in self.sparse_layers():
            moe.after_step()

    def margins(self):
        """(smallest margin of a routing decision, smallest distance of a ReLU from its kink) since the model was made."""
        routing = [moe.margin for moe in self.sparse_layers()]
        kinks = [m.kink for m in self.modules() if isinstance(m, Activated)]
        return min(routing, default=math.inf), min(kinks, default=math.inf)

    def largest(self):
        """The largest number that a layer was given since the model was made."""
        return max(module.largest for module in self.modules() if isinstance(module, Sum))

    @staticmethod
    def load(folder):
        """The model of a folder; every tensor must be there, with its shape and type, and no other."""
        model_text, tensors = files.read_folder(folder)
        model = Decoder(Architecture.parse(model_text))
        for name, module in model.named_modules():                       # what training has left beside an ExpertChoice
            if isinstance(module, MoeModule) and f"{name}.threshold" in tensors:
                module.register_buffer("threshold", torch.zeros(module.experts, dtype=torch.double))
        model.load_state_dict({name: tensor_of(raw) for name, raw in tensors.items()})
        return model

    def save(self, folder, brief=()):
        """Writes a model folder in F32, the tensors named in `brief` in BF16 and integers in I32."""
        def dtype(name, tensor):
            return "I32" if tensor.dtype == torch.int32 else "BF16" if name in brief else "F32"

        files.write_folder(folder, self.architecture.text(), {
            name: raw_of(tensor, dtype(name, tensor)) for name, tensor in self.state_dict().items()})


def tensor_of(raw):
    tensor = torch.frombuffer(bytearray(raw.data), dtype=DTYPES[raw.dtype]).reshape(raw.shape)
    return tensor if raw.dtype == "I32" else tensor.double()


def raw_of(tensor, dtype="F32"):
    plain = tensor.detach().to(DTYPES[dtype]).contiguous()
    return files.Raw(dtype, tuple(tensor.shape), plain.flatten().view(torch.uint8).numpy().tobytes())
