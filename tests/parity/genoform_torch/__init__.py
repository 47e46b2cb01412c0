"""The models of genoform, once more, in PyTorch: a second opinion on the C++ library, written for reading.

    language.py   text <-> tree, tables of options; how a kind of sub-layer is written
    kinds.py      the list of kinds, each in a file of its own: attention.py, ffn.py, moe.py (with routers.py), parallel.py, ...
    norms.py, activations.py, positions.py        what the kinds share
    text.py       text -> Architecture (plain values), and back to the canonical text
    model.py      Decoder, the whole model, with the tensor names of a model folder; loads and saves model folders
    files.py      model folders, safetensors and token files; the standard library only
    grad.py       logits, losses and all gradients of one batch, as `genoform grad` defines them
    tolerance.py  how near a program in f32 must come; the standard library only
    cases.py      random models, weights and tokens, and the list of stored ones

Nothing here is fast.  Importing the package alone, `files` or `tolerance` does not import torch.

    from genoform_torch.model import Decoder
    model = Decoder.load("my-net")                # a folder written by `genoform train --out my-net`
    logits = model(torch.tensor([[72, 105]]))     # [B, T, V], in double precision
    model.save("my-other-net")
"""
