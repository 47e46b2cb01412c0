"""Models, weights and tokens to compare programs with: random ones from a seed, and a fixed list of small ones."""

import math
import re
from dataclasses import replace

import torch

from .attention import Attention, random_bias
from .grad import cut, gradients
from .language import KINDS, NO_NORM, NORMS, RMS_NORM, Node, Norms
from .model import Decoder
from .moe import Moe
from .parallel import Parallel
from .routers import ROUTERS
from .text import NO_SCALE, Architecture, Stack
from .tolerance import Mismatch, worst_ratio

# Nearer decisions than these may fall differently in f32: such weights are drawn again.
ROUTING_MARGIN = 1e-4
KINK_MARGIN = 1e-6
# Larger numbers than this make attention choose one position alone, by differences that f32 has lost.
LARGEST = 50
# Gradients below this part of the largest are the rounding errors of sums that cancel (a bias that a norm takes out again).
CANCELLED = 1e-9
# This module in f32 must itself be within this part of the tolerances; beyond, the weights say nothing about a program, whose
# order of sums may be some times as noisy (a norm of nearly nothing, such as of tokens without an expert, multiplies every
# rounding error by up to 1000).
CONDITION = 0.1

# Small models (a few thousand numbers each) that together use every option: (text, batch, context of the run, 32-bit tokens).
STORED = {
    "primer-ez": ("Decoder<Stack<Block<Attention<Heads<3>, DConv<3>>, Ffn<SqReLU, Hidden<20>>>, 2>, "
                  "Vocab<19>, Width<12>, Context<11>>", 2, 11, False),
    "tables-over-positions": ("Decoder<Stack<Block<Synthesizer<RandomLogits, Heads<2>, HeadDim<3>>, "
                              "Synthesizer<RandomPlus, Heads<3>, HeadDim<2>, Rank<2>, Post<LayerNorm>>, "
                              "Synthesizer<DenseLogits, HeadDim<5>>, Synthesizer<DensePlus, Heads<2>>, "
                              "SpatialGate<Glu<Swish>, Hidden<12>, Heads<3>, Bias>, SpatialGate<GeLU, Hidden<10>>, "
                              "TokenMix<GeLU, Heads<2>, Bias>, TokenMix<Glu<Identity>, Inner<RmsNorm>>>, 1>, "
                              "Vocab<13>, Width<8>, Context<7>>", 3, 6, False),
    "grouped-keys": ("Decoder<Stack<Block<Attention<Heads<4>, HeadDim<6>, KvHeads<2>, DConv<2>>, Ffn<Glu<Swish>, Hidden<13>>>, 1>, "
                     "Vocab<17>, Width<10>, Context<9>, FinalNorm<LayerNorm>>", 3, 7, True),
    "norm-places": ("Decoder<Stack<Block<Attention<Heads<2>, HeadDim<3>, KvHeads<1>, DConv<4>, NoPos, Post<LayerNorm>>, "
                    "Ffn<GeLU, Hidden<9>, Bias, Inner<RmsNorm>>, Ffn<ReLU, Hidden<11>, Pre<LayerNorm>, Post<RmsNorm>, Inner<LayerNorm>>, "
                    "Ffn<Glu<Identity>, Hidden<6>, Bias, Pre<NoNorm>>>, 1>, Vocab<13>, Width<8>, Context<10>>", 2, 10, False),
    "top1-dropless": ("Decoder<Stack<Block<Attention<>, Moe<Top1, Experts<4>, Glu<GeLU>, Hidden<7>>>, 1>, "
                      "Vocab<16>, Width<8>, Context<12>>", 3, 11, False),
    "top2-capacity": ("Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<5>, Hidden<6>, Capacity<80>>, "
                      "Ffn<Swish, Hidden<10>>>, 1>, Vocab<15>, Width<8>, Context<13>, FinalNorm<NoNorm>>", 3, 13, False),
    "topk-capacity": ("Decoder<Stack<Block<Moe<TopK<3>, Experts<6>, ReLU, Hidden<5>, Capacity<110>, Pre<LayerNorm>>, "
                      "Attention<HeadDim<10>, Pre<LayerNorm>>>, 1>, Vocab<14>, Width<8>, Context<9>>", 4, 9, False),
    "expert-choice": ("Decoder<Stack<Block<Attention<Heads<2>>, Moe<ExpertChoice, Experts<3>, Hidden<8>, Capacity<150>>>, 1>, "
                      "Vocab<12>, Width<8>, Context<10>>", 3, 9, False),
    "two-stacks": ("Decoder<Body<Stack<Block<Attention<Heads<2>, DConv<3>>, Ffn<Identity, Hidden<7>>>, 2>, "
                   "Stack<Block<Moe<Top2, Experts<2>, Glu<ReLU>, Hidden<5>, Post<RmsNorm>>>, 1>>, "
                   "Vocab<18>, Width<8>, Context<6>>", 1, 6, False),
    "full-primer": ("Decoder<Stack<Block<Attention<Heads<2>, HeadDim<5>, DConv<3>, SharedQk, Inner<PrimerNorm>>, "
                    "Ffn<SqReLU, Hidden<13>, Bias, Inner<PrimerNorm>>>, 2>, Vocab<13>, Width<9>, Context<12>, "
                    "Positions<SharedRelBias<6, 9>>, FinalNorm<PrimerNorm>>", 2, 11, False),
    "biases-and-windows": ("Decoder<Stack<Block<Attention<Heads<4>, HeadDim<3>, KvHeads<2>, DConv<2>, RelBias<5, 7>, Window<6>>, "
                           "Attention<Heads<2>, HeadDim<6>, Window<4>, QkNorm>, "
                           "Attention<Heads<2>, HeadDim<3>, SharedQk, RelBias<4, 8>, QkNorm>>, 1>, "
                           "Vocab<14>, Width<10>, Context<19>>", 2, 18, False),
    "learned-untied": ("Decoder<Stack<Block<Attention<Heads<2>, Rope>, Moe<Top1, Experts<3>, GeLU, Hidden<5>, Capacity<70>>, "
                       "Attention<HeadDim<7>>>, 1>, "
                       "Vocab<15>, Width<8>, Context<11>, Positions<Learned>, Untied, LogitScale<WidthRsqrt>>", 3, 9, False),
    "features-and-gates": ("Decoder<Stack<Block<LinearAttention<Heads<4>, HeadDim<6>, KvHeads<2>, Features<9>>, "
                           "LinearAttention<HeadDim<5>, ReluKernel, NoPos, Post<RmsNorm>>, Gau<HeadDim<6>>, "
                           "Gau<SqReLU, Hidden<7>, HeadDim<3>, Length<5>, Bias, NoPos>>, 1>, "
                           "Vocab<13>, Width<8>, Context<14>>", 2, 13, False),
    "convolution-blocks": ("Decoder<Stack<Block<Conv<>, Conv<Swish, Hidden<7>, Side<6>, Taps<3>, SideTaps<12>, LastTaps<2>, Bias, "
                           "Middle<RmsNorm>, Inner<LayerNorm>>, LinearAttention<Heads<2>, Features<12>>>, 1>, "
                           "Vocab<11>, Width<8>, Context<12>>", 2, 11, False),
    "sinusoid-parallel": ("Decoder<Stack<Block<Parallel<Attention<Heads<3>, HeadDim<4>>, Ffn<Glu<Swish>, Hidden<7>>>, "
                          "Parallel<Moe<Top2, Experts<3>, Hidden<5>>, Attention<HeadDim<6>, RelBias<3, 5>>, Ffn<ReLU, Hidden<5>, Bias>, "
                          "Post<LayerNorm>>, Parallel<Ffn<Identity, Hidden<4>>, Pre<PrimerNorm>, Inner<RmsNorm>>>, 1>, "
                          "Vocab<13>, Width<10>, Context<9>, Positions<Sinusoid>>", 2, 9, False),
    "hash-and-base": ("Decoder<Stack<Block<Attention<>, Moe<Hash, Experts<3>, Hidden<5>>, Moe<Base, Experts<4>, GeLU, Hidden<5>>, "
                      "Moe<Hash, Experts<2>, Glu<ReLU>, Hidden<4>, Capacity<75>, Shared<1>>, "
                      "Moe<Base, Experts<3>, Hidden<4>, Capacity<90>>>, 1>, Vocab<12>, Width<8>, Context<10>>", 3, 9, False),
    "state-of-routers": ("Decoder<Stack<Block<Attention<>, Moe<LossFree<2>, Experts<4>, Hidden<5>, Shared<2>>, "
                         "Moe<ExpertThreshold, Experts<3>, Hidden<5>>, Moe<LossFree<3>, Experts<5>, Swish, Hidden<3>, Capacity<80>>, "
                         "Moe<ExpertThreshold, Experts<4>, Glu<Identity>, Hidden<4>, Capacity<110>>>, 1>, "
                         "Vocab<12>, Width<8>, Context<10>>", 3, 9, False),
}


def words_of(architecture):
    """The words of a model's text, and which routers have a Capacity."""
    sparse = [layer for layer in architecture.parts() if isinstance(layer, Moe)]
    limited = {f"{layer.router.name} with Capacity" for layer in sparse if "Capacity<" in layer.text(architecture.model_context())}
    return set(re.findall(r"[A-Za-z]\w*", architecture.text())) | limited


def all_words():
    """What words_of can give: every word of the language that a canonical text may have."""
    def words(forms):
        found = set(forms)
        for arguments in forms.values():
            for form in arguments:
                found |= words(form) if isinstance(form, dict) else set()
        return found

    tables = [kind.table for kind in KINDS.values()] + [Norms.table, Architecture.table]
    found = {word for table in tables for row in table for word in words(row.words())}
    never_printed = {"None", "SoftmaxKernel"}                         # Positions<None>, and the default of a kernel
    return ((found | set(KINDS) | {"Decoder", "Body", "Stack", "Block"}) - never_printed
            | {f"{router} with Capacity" for router in ROUTERS})


def random_norms(rng):
    """The default alone as often as all other places and norms together."""
    if rng.random() < 0.5:
        return Norms()
    return Norms(*(Node(rng.choice(tuple(NORMS))) if rng.random() < chance else NO_NORM for chance in (0.8, 0.6, 0.6)))


def random_layer(rng, kind, model_context, **given):
    return kind(**kind.random(rng, model_context, **given), norms=random_norms(rng))


def random_model(rng):
    """An architecture with at least one attention and one other layer; sizes mostly no multiples of 16 or of each other."""
    width, context = rng.randint(5, 40), rng.randint(4, 45)
    positions = rng.choice((Node("None"),) * 3 + (Node("Sinusoid"), Node("Learned"), random_bias(rng, "SharedRelBias", context)))
    width += positions.name == "Sinusoid" and width % 2
    model = Architecture((), rng.randint(5, 300), width, context, positions,
                         rng.choice((RMS_NORM, Node(rng.choice(tuple(NORMS))))), rng.random() < 0.3,
                         Node("WidthRsqrt") if rng.random() < 0.3 else NO_SCALE)
    model_context = model.model_context()
    # One table of the model's for all attention layers asks for the same heads in all of them.
    heads = dict(heads=rng.randint(1, 4)) if positions.name == "SharedRelBias" else {}
    others = [kind for kind in KINDS.values() if kind is not Attention]

    def layer(kind):
        return random_layer(rng, kind, model_context, **(heads if kind.attends or kind is Parallel else {}))

    def draw(kinds, count):
        return rng.choices(tuple(kinds), [kind.weight for kind in kinds], k=count)

    def draw(kinds, count):
        return rng.choices(tuple(kinds), [kind.weight for kind in kinds], k=count)

    def stack(*kinds):
        layers = [layer(kind) for kind in [*kinds, *draw(KINDS.values(), rng.randint(0, 2))]]
        rng.shuffle(layers)
        return Stack(tuple(layers), rng.choice((1, 1, 2)))

    further = rng.randint(0, 2)
    first = stack(Attention, *draw(others, 0 if further else 1))
    stacks = (first,) + tuple(stack(*draw(others, 1)) for _ in range(further))
    return replace(model, stacks=stacks)


def fill(model, rng):
    """Random weights: matrices with gain 0.6 to 1.4, norm weights about 1, biases and convolutions of every sign."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            part = name.split(".")
            if part[-1] == "dconv" or name.endswith("attention.bias"):
                mean, spread = 0.0, 0.6
            elif parameter.ndim == 1:
                mean, spread = (0.0, 0.3) if part[-1] == "bias" else (1.0, 0.3)
            else:
                mean, spread = 0.0, rng.uniform(0.6, 1.4) / math.sqrt(parameter.shape[-1])
            numbers = [rng.gauss(mean, spread) for _ in range(parameter.numel())]
            parameter.copy_(torch.tensor(numbers, dtype=torch.float32).view(parameter.shape))
        for module in model.modules():
            if hasattr(module, "fill_state"):
                module.fill_state(rng)


def halves(model, rng):
    """Rounds about half of the tensors, never a router's, to BF16 and returns their names."""
    brief = [name for name, _ in model.named_parameters() if "router" not in name and rng.random() < 0.5]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in brief:
                parameter.copy_(parameter.bfloat16())
    return brief


def plain(results):
    """{name: (shape, numbers)}, as tolerance.py compares them."""
    return {name: (tuple(tensor.shape), tensor.flatten().tolist()) for name, tensor in results.items()}


def is_clear(model, results):
    """Whether no decision is close, no number lost among larger ones, and no gradient nothing but rounding errors."""
    routing, kink = model.margins()
    sizes = {name: tensor.abs().max().item() for name, tensor in results.items() if name.startswith("grad.")}
    least = CANCELLED * max(sizes.values())
    cancelled = [name for name, size in sizes.items() if size < least and not (size == 0 and ".moe." in name)]   # 0: no tokens
    return routing > ROUTING_MARGIN and kink > KINK_MARGIN and model.largest() < LARGEST and not cancelled


def is_well_conditioned(model, results, batch_of_tokens):
    """Whether the same model in f32 is well within the tolerances."""
    single = Decoder(model.architecture)
    single.load_state_dict(model.state_dict())
    try:
        return worst_ratio(plain(results), plain(gradients(single.float(), *batch_of_tokens)))[0] < CONDITION
    except Mismatch:                                                  # beyond f32
        return False


def make_case(architecture, batch, context, rng, bf16=False):
    """(model, tokens, names of BF16 tensors, results) with clear decisions and in good condition, or None after 20 draws.

    tokens has a few more than the batch * context + 1 that are needed.
    """
    for _ in range(20):
        model = Decoder(architecture)
        fill(model, rng)
        brief = halves(model, rng) if bf16 else []
        tokens = [rng.randrange(architecture.vocab) for _ in range(batch * context + 1 + rng.randint(0, 5))]
        batch_of_tokens = cut(tokens, batch, context)
        results = gradients(model, *batch_of_tokens)
        if is_clear(model, results) and is_well_conditioned(model, results, batch_of_tokens):
            return model, tokens, brief, results
    return None


def random_case(rng, bf16=False, longest=45):
    """(case of a random architecture, batch, context); a context of at most `longest`."""
    while True:
        architecture = random_model(rng)
        # With one position attention has no choice, and the gradients of its queries cancel.
        batch, context = rng.randint(1, 4), rng.randint(2, min(longest, architecture.context))
        case = make_case(architecture, batch, context, rng, bf16)
        if case:
            return case, batch, context
