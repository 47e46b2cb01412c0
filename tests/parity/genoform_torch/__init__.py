"""The models of genoform, once more, in PyTorch: a second opinion on the C++ library, written for reading.

    text.py       text -> tree of names and numbers -> Architecture (plain values), and back to the canonical text
    layers.py     attention, feed-forward, mixture of experts, norms: nn.Modules as close to the formulas as PyTorch allows
    model.py      Decoder, the whole model, with the tensor names of a model folder as its parameter names
    files.py      model folders, safetensors and token files; the standard library only
    grad.py       logits, losses and all gradients of one batch, as `genoform grad` defines them
    tolerance.py  how near a program in f32 must come; the standard library only
    cases.py      random models, weights and tokens, and the list of stored ones

Nothing here is fast.  Importing the package does not import torch; `layers`, `model`, `grad` and `cases` do.
"""
