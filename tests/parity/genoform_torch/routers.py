"""Routers: which expert works on which token, and how much it counts.

One routing pool is the N tokens of the batch, sequence after sequence.  A router gives a list of choices (token [M],
expert [M], weight [M]) in order of priority: all first choices in token order, then all second ones, ...; the Moe drops
those beyond the capacity.  No gradient flows through a selection, only through the weights.

A new router is a class like Base here and a line in ROUTERS.  Its moe has `experts` (E), `k`, `slots(N)`, `observe`,
`auxiliary` and the router's state tensor, if it has one, under its name in a model folder.
"""

import torch


def ordered(scores):
    """Values and indices along the last dimension, largest first; of equals, the lower index first."""
    return torch.sort(scores, dim=-1, descending=True, stable=True)


def place_after_place(expert, weight):
    """Choices of tokens, expert and weight [N, k], as lists in order of priority."""
    tokens, places = expert.shape
    return torch.arange(tokens).repeat(places), expert.T.flatten(), weight.T.flatten()


class Router:
    arguments = ()                                               # of the word: (1,) is one number of at least 1
    scored = True                                                # the router has a matrix [E, D]
    state = None                                                 # name of a tensor that no gradient trains

    def choices(self, args):
        """k, the choices of a token; for the capacity of an expert."""
        return args[0] if args else 1

    def start(self, layer, model_context):
        """The state before training."""

    def random_state(self, layer, model_context, rng):
        """A state to test with, of the shape and type of the start."""

    def after_step(self, moe):
        """What follows an optimizer step: the state moves by what the last forward pass saw."""


def balance(p, first):
    """E * sum_e f_e P_e; f, the share of tokens whose first choice is e, is a constant."""
    tokens, experts = p.shape
    share = torch.bincount(first, minlength=experts).to(p) / tokens
    return experts * (share * p.mean(0)).sum()


class TokenChoice(Router):
    """Each token takes its k experts of largest p."""

    def route(self, moe, l, run):
        p = l.softmax(-1)
        value, expert = ordered(p)                               # [N, E]
        moe.observe(value[:, :moe.k], value[:, 1:moe.k + 1])
        moe.auxiliary = 0.01 * balance(p, expert[:, 0])
        return place_after_place(expert[:, :moe.k], self.weight(value[:, :moe.k]))

    def weight(self, value):
        return value / (value.sum(1, keepdim=True) + 1e-9)


class Top1(TokenChoice):
    def weight(self, value):
        return value


class Top2(TokenChoice):
    def choices(self, args):
        return 2


class TopK(TokenChoice):
    arguments = (1,)


class ExpertChoice(Router):
    """Each expert takes its C tokens of largest p."""

    def route(self, moe, l, run):
        value, token = ordered(l.softmax(-1).T)                  # [E, N]
        slots = moe.slots(len(l))
        moe.observe(value[:, slots - 1:slots], value[:, slots:slots + 1])
        expert = torch.arange(moe.experts)[:, None].expand(-1, slots)
        return token[:, :slots].flatten(), expert.flatten(), value[:, :slots].flatten()


class Hash(Router):
    """The expert that a table has for the token."""
    scored, state = False, "table"

    def start(self, layer, model_context):
        return torch.arange(model_context.vocab, dtype=torch.int32) % layer.experts

    def random_state(self, layer, model_context, rng):
        return torch.tensor([rng.randrange(layer.experts) for _ in range(model_context.vocab)], dtype=torch.int32)

    def route(self, moe, l, run):
        expert = moe.table[run.tokens.flatten()].long()
        return torch.arange(len(expert)), expert, torch.ones(len(expert), dtype=run.dtype)


class Base(Router):
    """In evaluation: the expert of largest l, with the weight sigmoid(l).  The balanced assignment of training is not here."""

    def route(self, moe, l, run):
        value, expert = ordered(l)
        moe.observe(value[:, :1].exp(), value[:, 1:2].exp())
        return place_after_place(expert[:, :1], value[:, :1].sigmoid())


class LossFree(Router):
    """The k experts of largest sigmoid(l) + bias; the bias selects, but is in no weight and in no gradient."""
    arguments, state = (1,), "bias"

    def start(self, layer, model_context):
        return torch.zeros(layer.experts)

    def random_state(self, layer, model_context, rng):
        return torch.tensor([rng.gauss(0, 0.2) for _ in range(layer.experts)])

    def route(self, moe, l, run):
        s = l.sigmoid()
        value, expert = ordered((s + moe.bias).detach())
        expert = expert[:, :moe.k]
        moe.observe(value[:, :moe.k], value[:, 1:moe.k + 1])
        moe.load = torch.bincount(expert.flatten(), minlength=moe.experts)
        chosen = s.gather(1, expert)
        return place_after_place(expert, chosen / chosen.sum(1, keepdim=True))

    def after_step(self, moe):
        load = moe.load.to(moe.bias)
        moe.bias += 0.001 * torch.sign(load.mean() - load)


class ExpertThreshold(Router):
    """Every expert whose threshold the token's p exceeds: none, one or many."""
    state = "threshold"

    def start(self, layer, model_context):
        return torch.full((layer.experts,), 1 / layer.experts)

    def random_state(self, layer, model_context, rng):
        return torch.tensor([rng.uniform(0, 1.6) / layer.experts for _ in range(layer.experts)])

    def route(self, moe, l, run):
        p = l.softmax(-1)
        moe.p = p.detach()
        moe.observe(moe.p, moe.threshold.expand_as(moe.p))
        value, expert = ordered(p)
        if moe.layer.capacity:
            moe.observe(value[:, :-1], value[:, 1:])             # the order decides who is dropped
        taken = value > moe.threshold[expert]
        token, rank = taken.nonzero(as_tuple=True)
        place = taken.cumsum(1)[token, rank]                     # 1: the first of the experts that the token has
        priority = torch.argsort(place, stable=True)
        token, rank = token[priority], rank[priority]
        return token, expert[token, rank], value[token, rank]

    def after_step(self, moe):
        slots = moe.slots(len(moe.p), percent=moe.layer.capacity or 100)
        cut = ordered(moe.p.T)[0][:, slots - 1]
        moe.threshold += 0.01 * (cut - moe.threshold)


ROUTERS = {kind.__name__: kind() for kind in (Top1, Top2, TopK, ExpertChoice, Hash, Base, LossFree, ExpertThreshold)}
