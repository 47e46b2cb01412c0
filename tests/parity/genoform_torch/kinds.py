"""The list of kinds.  A new one is a file like ffn.py and one line here."""

from . import attention, ffn, moe, parallel
from .language import KINDS

for kind in (
        attention.Attention,
        ffn.Ffn,
        moe.Moe,
        parallel.Parallel,
):
    KINDS[kind.word] = kind
