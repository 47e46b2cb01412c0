"""The whole model.  `dict(model.named_parameters())` has exactly the trained tensors of a model folder, by their names there."""

import torch
from torch import nn
from torch.nn import functional

from . import files, text
from .layers import Activated, Attention, Ffn, Matrix, Moe, make_norm

KINDS = {text.Attention: ("attention", Attention), text.Ffn: ("ffn", Ffn), text.Moe: ("moe", Moe)}
DTYPES = {"F32": torch.float32, "BF16": torch.bfloat16}


class SubLayer(nn.Module):
    """x <- post(x + inner(f(pre(x))))"""

    def __init__(self, layer, width):
        super().__init__()
        self.pre = make_norm(layer.norms.pre, width)
        self.name, kind = KINDS[type(layer)]
        self.add_module(self.name, kind(layer, width))
        self.inner = make_norm(layer.norms.inner, width)
        self.post = make_norm(layer.norms.post, width)

    def forward(self, x):
        f = getattr(self, self.name)
        return self.post(x + self.inner(f(self.pre(x))))


class Decoder(nn.Module):
    """Tokens [B, T] to logits [B, T, V], in double precision."""

    def __init__(self, architecture):
        super().__init__()
        self.architecture = architecture
        width = architecture.width
        self.embedding = Matrix(architecture.vocab, width)
        self.blocks = nn.ModuleList(
            nn.ModuleList(SubLayer(layer, width) for layer in layers) for layers in architecture.blocks())
        self.norm = make_norm(architecture.final_norm, width)
        self.double()

    def forward(self, tokens):
        x = self.embedding.weight[tokens]
        for block in self.blocks:
            for layer in block:
                x = layer(x)
        return self.norm(x) @ self.embedding.weight.T

    def losses(self, tokens, targets):
        """(logits, mean cross entropy in nats, sum of the balance losses)."""
        logits = self(tokens)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        auxiliary = sum((m.auxiliary for m in self.modules() if isinstance(m, Moe)), torch.zeros((), dtype=loss.dtype))
        return logits, loss, auxiliary

    def margins(self):
        """(smallest margin of a routing decision, smallest distance of a ReLU from its kink) since the model was made."""
        routing = [m.margin for m in self.modules() if isinstance(m, Moe)]
        kinks = [m.kink for m in self.modules() if isinstance(m, Activated)]
        return min(routing, default=float("inf")), min(kinks, default=float("inf"))

    @staticmethod
    def load(folder):
        """The model of a folder; every tensor must be there, with its shape, and no other."""
        model_text, tensors = files.read_folder(folder)
        model = Decoder(text.Architecture.parse(model_text))
        model.load_state_dict({name: tensor_of(raw) for name, raw in tensors.items() if not name.endswith("moe.threshold")})
        return model

    def save(self, folder, brief=()):
        """Writes a model folder in F32; the tensors named in `brief` in BF16."""
        files.write_folder(folder, self.architecture.text(), {
            name: raw_of(tensor, "BF16" if name in brief else "F32") for name, tensor in self.state_dict().items()})


def tensor_of(raw):
    return torch.frombuffer(bytearray(raw.data), dtype=DTYPES[raw.dtype]).reshape(raw.shape).double()


def raw_of(tensor, dtype="F32"):
    plain = tensor.detach().to(DTYPES[dtype]).contiguous()
    return files.Raw(dtype, tuple(tensor.shape), plain.flatten().view(torch.uint8).numpy().tobytes())
