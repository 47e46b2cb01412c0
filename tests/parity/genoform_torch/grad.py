"""What `genoform grad` computes, in double precision: {"logits", "loss", "aux_loss", "grad.<tensor>" ...}.

Run as a program it does what that command does:  python -m genoform_torch.grad FOLDER TOKENS.bin BATCH CONTEXT OUT.safetensors
"""

import sys

import torch

from . import files
from .model import Decoder, raw_of


def cut(tokens, batch, context):
    """The first batch * context + 1 tokens as inputs and targets [B, T]; sequence b starts at b * T, targets are one later."""
    count = batch * context
    if len(tokens) < count + 1:
        raise ValueError(f"{len(tokens)} tokens, {count + 1} needed")
    first = torch.tensor(tokens[:count + 1])
    return first[:-1].view(batch, context), first[1:].view(batch, context)


def gradients(model, inputs, targets):
    """Gradients are those of loss + aux_loss, zeros for a tensor that took no part."""
    model.zero_grad()
    logits, loss, auxiliary = model.losses(inputs, targets)
    (loss + auxiliary).backward()
    results = {"logits": logits.detach(), "loss": loss.detach()[None], "aux_loss": auxiliary.detach()[None]}
    for name, parameter in model.named_parameters():
        results["grad." + name] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    return results


if __name__ == "__main__":
    folder, token_file, batch, context, out = sys.argv[1:]
    results = gradients(Decoder.load(folder), *cut(files.read_tokens(token_file), int(batch), int(context)))
    files.write_safetensors(out, {name: raw_of(tensor) for name, tensor in results.items()})
