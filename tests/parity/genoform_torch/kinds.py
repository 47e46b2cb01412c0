"""The list of kinds.  A new one is a file like ffn.py and one line here."""

from . import attention, ffn, mixers_scan, mixers_table, moe, parallel
from .language import KINDS

for kind in (
        attention.Attention,
        ffn.Ffn,
        mixers_scan.LinearAttention,
        mixers_scan.Gau,
        mixers_scan.Conv,
        mixers_table.Synthesizer,
        mixers_table.SpatialGate,
        mixers_table.TokenMix,
        moe.Moe,
        parallel.Parallel,
):
    KINDS[kind.word] = kind
