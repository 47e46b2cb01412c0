"""A second forward pass for the tests: loops over tokens, heads and channels, numpy scalars, no code of the PyTorch module.

naive_forward(architecture, w, tokens, targets) -> (logits, loss, auxiliary loss); w: {tensor of a model folder: array}.
expected_tensors(architecture) -> {tensor: shape}, written from the table of the file format.
"""

import math
from fractions import Fraction

import numpy as np


def naive_norm(kind, w, prefix, x):
    if kind == "NoNorm":
        return x
    mean = 0.0 if kind == "RmsNorm" else sum(x) / len(x)
    scale = 1 / math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-6)
    bias = np.zeros(len(x)) if kind == "RmsNorm" else w[prefix + ".bias"]
    return np.array([w[prefix + ".weight"][d] * (x[d] - mean) * scale + bias[d] for d in range(len(x))])


# --- Feed-forward -------------------------------------------------------------------------------------------------------------

def plain_and_gated(layer):
    """("Swish", True) of `Glu<Swish>`."""
    node = layer.activation
    return (node.args[0].name, True) if node.args else (node.name, False)


def naive_activation(name, v):
    if name == "ReLU":
        return v if v > 0 else 0.0
    if name == "SqReLU":
        return v * v if v > 0 else 0.0
    if name == "Swish":
        return v / (1 + math.exp(-v))
    if name == "GeLU":
        z = math.sqrt(2 / math.pi) * (v + 0.044715 * v * v * v)
        return v / (1 + math.exp(min(-2 * z, 700)))                   # (1 + tanh z) / 2 = sigmoid(2 z)
    return v


def naive_mlp(layer, x, up, gate, down, up_bias=0.0, gate_bias=0.0, down_bias=0.0):
    u = up @ x + up_bias
    plain, gated = plain_and_gated(layer)
    if gated:
        g = gate @ x + gate_bias
        h = [naive_activation(plain, g[f]) * u[f] for f in range(len(u))]
    else:
        h = [naive_activation(plain, v) for v in u]
    return down @ np.array(h) + down_bias


def naive_ffn(layer, w, prefix, xs, whole):
    def part(name, what):
        return w.get(f"{prefix}.ffn.{name}.{what}", 0.0)

    return [[naive_mlp(layer, x, part("up", "weight"), part("gate", "weight"), part("down", "weight"),
                       part("up", "bias"), part("gate", "bias"), part("down", "bias")) for x in xb] for xb in xs]


# --- Attention ----------------------------------------------------------------------------------------------------------------

def naive_bucket(n, b, m):
    """The bucket of distance n with exact fractions: each bucket's first distance is a power of m/h, compared without a root."""
    h = b // 2
    if n < h:
        return n
    reached = [j for j in range(b - h + 1) if Fraction(n, h) ** (b - h) >= Fraction(m, h) ** j]
    return min(b - 1, h + max(reached))


def naive_attention(layer, w, prefix, xs, whole):
    K, at, out = layer.head_dim, f"{prefix}.attention.", []

    def projected(name, xb):
        rows = [w[f"{at}{name}.weight"] @ x for x in xb]
        kernel = w.get(f"{at}{name}.dconv")
        if kernel is None:
            return rows
        return [np.array([sum(kernel[c][i] * rows[t - i][c] for i in range(kernel.shape[1]) if t - i >= 0)
                          for c in range(len(rows[0]))]) for t in range(len(rows))]

    def vector(rows, t, head, seen):
        """Head `head` of a row; of a query or key (`seen`) as the score takes it."""
        v = np.array([rows[t][head * K + i] for i in range(K)])
        if seen and layer.qk_norm:
            v = v / math.sqrt(sum(a * a for a in v) / K + 1e-6)
        if seen and layer.position.name == "Rope":                   # as a product of complex numbers
            rotated = [complex(v[i], v[i + K // 2]) * np.exp(1j * t * 10000 ** (-2 * i / K)) for i in range(K // 2)]
            v = np.array([z.real for z in rotated] + [z.imag for z in rotated])
        return v

    for xb in xs:
        k, v = projected("k", xb), projected("v", xb)
        q = [w[at + "qs.weight"] @ r for r in k] if layer.shared_qk else projected("q", xb)
        yb = []
        for t in range(len(xb)):
            joined = []
            for h in range(layer.heads):
                g = h // (layer.heads // layer.kv_heads)
                first = max(0, t - layer.window + 1) if layer.window else 0
                weights = {}
                for s in range(first, t + 1):
                    score = vector(q, t, h, True) @ vector(k, s, g, True) / math.sqrt(K)
                    if layer.position.name == "RelBias":
                        score += w[at + "bias"][h][naive_bucket(t - s, *layer.position.args)]
                    if whole.positions.name == "SharedRelBias":
                        score += w["positions.weight"][h][naive_bucket(t - s, *whole.positions.args)]
                    weights[s] = math.exp(score)
                joined.extend(sum(e * vector(v, s, g, False) for s, e in weights.items()) / sum(weights.values()))
            yb.append(w[at + "o.weight"] @ np.array(joined))
        out.append(yb)
    return out


# --- Mixture of experts -------------------------------------------------------------------------------------------------------

def best(scores, k):
    """Indices of the k largest; of equals the lower one."""
    return sorted(range(len(scores)), key=lambda e: (-scores[e], e))[:k]


def naive_choices(layer, w, moe, p, l, tokens):
    """For each token its [(expert, weight)], the first choice first; not for ExpertChoice."""
    E, router = layer.experts, layer.router.name
    k = {"Top2": 2}.get(router, (layer.router.args or (1,))[0])
    choices = []
    for n in range(len(tokens)):
        if router == "Hash":
            chosen = [(int(w[moe + ".table"][tokens[n]]), 1.0)]
        elif router == "Base":
            e = best(l[n], 1)[0]
            chosen = [(e, 1 / (1 + math.exp(-l[n][e])))]
        elif router == "LossFree":
            s = [1 / (1 + math.exp(-v)) for v in l[n]]
            picks = best([s[e] + w[moe + ".bias"][e] for e in range(E)], k)
            chosen = [(e, s[e] / sum(s[i] for i in picks)) for e in picks]
        elif router == "ExpertThreshold":
            chosen = [(e, p[n][e]) for e in best(p[n], E) if p[n][e] > w[moe + ".threshold"][e]]
        elif router == "Top1":
            chosen = [(e, p[n][e]) for e in best(p[n], 1)]
        else:
            picks = best(p[n], k)
            chosen = [(e, p[n][e] / (sum(p[n][i] for i in picks) + 1e-9)) for e in picks]
        choices.append(chosen)
    return choices


def naive_moe(layer, w, prefix, xs, whole):
    moe, E, router = prefix + ".moe", layer.experts, layer.router.name
    pool = [x for xb in xs for x in xb]
    N, D = len(pool), len(pool[0])
    l = None if router == "Hash" else [w[moe + ".router.weight"] @ x for x in pool]
    p = l and [np.array([math.exp(v) for v in row]) / sum(math.exp(v) for v in row) for row in l]
    k = {"Top2": 2}.get(router, (layer.router.args or (1,))[0])
    C = N if layer.capacity == 0 else min(N, math.ceil(Fraction(k * N * layer.capacity, 100 * E)))

    def run(e, x, shared=""):
        return naive_mlp(layer, x, w[f"{moe}{shared}.up.weight"][e],
                         w[f"{moe}{shared}.gate.weight"][e] if plain_and_gated(layer)[1] else None,
                         w[f"{moe}{shared}.down.weight"][e])

    y = [np.zeros(D) for _ in range(N)]
    if router == "ExpertChoice":
        for e in range(E):
            for n in sorted(range(N), key=lambda n: (-p[n][e], n))[:C]:
                y[n] = y[n] + p[n][e] * run(e, pool[n])
    else:
        choices, load = naive_choices(layer, w, moe, p, l, whole.tokens), [0] * E
        for place in range(E):
            for n in range(N):
                if place < len(choices[n]) and load[choices[n][place][0]] < C:
                    e, weight = choices[n][place]
                    load[e] += 1
                    y[n] = y[n] + weight * run(e, pool[n])
        if router in ("Top1", "Top2", "TopK"):
            first = [sum(chosen[0][0] == e for chosen in choices) / N for e in range(E)]
            whole.auxiliary += 0.01 * E * sum(first[e] * sum(p[n][e] for n in range(N)) / N for e in range(E))
    for s in range(layer.shared):
        y = [y[n] + run(s, pool[n], ".shared") for n in range(N)]
    T = len(xs[0])
    return [y[b * T:(b + 1) * T] for b in range(len(xs))]


# --- The model ----------------------------------------------------------------------------------------------------------------

class Whole:
    """What a layer sees of the model, and the auxiliary loss it adds to."""

    def __init__(self, architecture, tokens):
        self.positions = architecture.positions
        self.tokens = [t for row in tokens for t in row]
        self.auxiliary = 0.0


KINDS = {"Attention": naive_attention, "Ffn": naive_ffn, "Moe": naive_moe}


def naive_input(a, w, t, token):
    x = w["embedding.weight"][token]
    if a.positions.name == "Learned":
        x = x + w["positions.weight"][t]
    if a.positions.name == "Sinusoid":
        half = a.width // 2
        rotated = [np.exp(1j * t * 10000 ** (-i / half)) for i in range(half)]
        x = x + np.array([z.imag for z in rotated] + [z.real for z in rotated])
    return x


def naive_forward(architecture, w, tokens, targets):
    whole = Whole(architecture, tokens)
    xs = [[naive_input(architecture, w, t, token) for t, token in enumerate(row)] for row in tokens]
    for i, block in enumerate(architecture.blocks()):
        for j, layer in enumerate(block):
            prefix, norms = f"blocks.{i}.{j}", layer.norms

            def norm(place, x):
                return naive_norm(getattr(norms, place).name, w, f"{prefix}.{place}", x)

            pre = [[norm("pre", x) for x in xb] for xb in xs]
            if type(layer).__name__ == "Parallel":
                outputs = [KINDS[type(part).__name__](part, w, f"{prefix}.{n}", pre, whole) for n, part in enumerate(layer.parts)]
                f = [[sum(output[b][t] for output in outputs) for t in range(len(pre[b]))] for b in range(len(pre))]
            else:
                f = KINDS[type(layer).__name__](layer, w, prefix, pre, whole)
            xs = [[norm("post", x + norm("inner", y)) for x, y in zip(xb, fb)] for xb, fb in zip(xs, f)]
    output = w["head.weight" if architecture.untied else "embedding.weight"]
    scale = architecture.width ** -0.5 if architecture.logit_scale.name == "WidthRsqrt" else 1.0
    logits = [[scale * (output @ naive_norm(architecture.final_norm.name, w, "norm", x)) for x in xb] for xb in xs]
    nats = [math.log(sum(math.exp(v) for v in l)) - l[t] for lb, tb in zip(logits, targets) for l, t in zip(lb, tb)]
    return np.array(logits), sum(nats) / len(nats), whole.auxiliary


# --- Tensors of a folder ------------------------------------------------------------------------------------------------------

def norm_tensors(name, kind, width):
    shapes = {}
    if kind != "NoNorm":
        shapes[name + ".weight"] = (width,)
    if kind in ("LayerNorm", "PrimerNorm"):
        shapes[name + ".bias"] = (width,)
    return shapes


def layer_tensors(layer, at, a):
    D, kind, shapes = a.width, type(layer).__name__, {}
    if kind == "Parallel":
        for p, part in enumerate(layer.parts):
            shapes.update(layer_tensors(part, f"{at}{p}.", a))
        return shapes
    if kind == "Attention":
        Q, G = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
        rows = {"k": G, "v": G} if layer.shared_qk else {"q": Q, "k": G, "v": G}
        for name in rows:
            shapes[f"{at}attention.{name}.weight"] = (rows[name], D)
            if layer.dconv:
                shapes[f"{at}attention.{name}.dconv"] = (rows[name], layer.dconv)
        shapes[at + "attention.o.weight"] = (D, Q)
        if layer.shared_qk:
            shapes[at + "attention.qs.weight"] = (Q, Q)
        if layer.position.name == "RelBias":
            shapes[at + "attention.bias"] = (layer.heads, layer.position.args[0])
        return shapes
    F, groups = layer.hidden, [(at + "ffn.", ())]
    if kind == "Moe":
        groups = [(at + "moe.", (layer.experts,))] + ([(at + "moe.shared.", (layer.shared,))] if layer.shared else [])
        if layer.router.name != "Hash":
            shapes[at + "moe.router.weight"] = (layer.experts, D)
        state = {"Hash": ("table", a.vocab), "LossFree": ("bias", layer.experts), "ExpertThreshold": ("threshold", layer.experts)}
        if layer.router.name in state:
            name, size = state[layer.router.name]
            shapes[at + "moe." + name] = (size,)
    for group, E in groups:
        for name, shape in (("up", (F, D)), ("gate", (F, D)), ("down", (D, F))):
            if name != "gate" or plain_and_gated(layer)[1]:
                shapes[f"{group}{name}.weight"] = E + shape
                if kind == "Ffn" and layer.bias:
                    shapes[f"{group}{name}.bias"] = shape[:1]
    return shapes


def expected_tensors(a):
    shapes = {"embedding.weight": (a.vocab, a.width)}
    if a.positions.name == "Learned":
        shapes["positions.weight"] = (a.context, a.width)
    if a.positions.name == "SharedRelBias":
        shapes["positions.weight"] = (a.heads()[0], a.positions.args[0])
    for i, block in enumerate(a.blocks()):
        for j, layer in enumerate(block):
            at = f"blocks.{i}.{j}."
            for place in ("pre", "post", "inner"):
                shapes.update(norm_tensors(at + place, getattr(layer.norms, place).name, a.width))
            shapes.update(layer_tensors(layer, at, a))
    shapes.update(norm_tensors("norm", a.final_norm.name, a.width))
    if a.untied:
        shapes["head.weight"] = (a.vocab, a.width)
    return shapes
