#!/usr/bin/env python3
"""Tests of the PyTorch module against things that share no code with it.  Needs torch and numpy; takes about a minute.

  python tests/parity/test_genoform_torch.py
"""

import math
import random
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import check
from genoform_torch import activations, cases, files, tolerance
from genoform_torch.grad import cut, gradients
from genoform_torch.model import Decoder, raw_of, tensor_of
from genoform_torch.language import TextError
from genoform_torch.parallel import Parallel
from genoform_torch.positions import bucket
from genoform_torch.text import Architecture


torch.set_num_threads(1)          # the tensors are tiny


def built(text, seed=1):
    model = Decoder(Architecture.parse(text))
    cases.fill(model, random.Random(seed))
    return model


def random_models(count):
    return [cases.random_model(random.Random(f"test/{index}")) for index in range(count)]


# --- A second forward pass: loops over tokens, heads and channels, numpy scalars, sharing nothing with the module -------------

def naive_norm(kind, w, prefix, x):
    if kind == "NoNorm":
        return x
    mean = 0.0 if kind == "RmsNorm" else sum(x) / len(x)
    scale = 1 / math.sqrt(sum((v - mean) ** 2 for v in x) / len(x) + 1e-6)
    bias = w[prefix + ".bias"] if kind == "LayerNorm" else np.zeros(len(x))
    return np.array([w[prefix + ".weight"][d] * (x[d] - mean) * scale + bias[d] for d in range(len(x))])


def naive_activation(name, v):
    if name == "ReLU":
        return v if v > 0 else 0.0
    if name == "SqReLU":
        return v * v if v > 0 else 0.0
    if name == "Swish":
        return v / (1 + math.exp(-v))
    if name == "GeLU":
        return v / (1 + math.exp(-2 * math.sqrt(2 / math.pi) * (v + 0.044715 * v * v * v)))   # (1 + tanh z) / 2 = sigmoid(2 z)
    return v


def naive_mlp(layer, x, up, gate, down, up_bias=0.0, gate_bias=0.0, down_bias=0.0):
    u = up @ x + up_bias
    if layer.activation.gated:
        g = gate @ x + gate_bias
        h = [naive_activation(layer.activation.function, g[f]) * u[f] for f in range(len(u))]
    else:
        h = [naive_activation(layer.activation.function, v) for v in u]
    return down @ np.array(h) + down_bias


def naive_ffn(layer, w, prefix, xs):
    def part(name, what):
        return w.get(f"{prefix}.ffn.{name}.{what}", 0.0)

    return [[naive_mlp(layer, x, part("up", "weight"), part("gate", "weight"), part("down", "weight"),
                       part("up", "bias"), part("gate", "bias"), part("down", "bias")) for x in xb] for xb in xs], 0.0


def naive_attention(layer, w, prefix, xs):
    K, out = layer.head_dim, []
    for xb in xs:
        projected = {}
        for name in "qkv":
            rows = [w[f"{prefix}.attention.{name}.weight"] @ x for x in xb]
            kernel = w.get(f"{prefix}.attention.{name}.dconv")
            if kernel is not None:
                rows = [np.array([sum(kernel[c][i] * rows[t - i][c] for i in range(kernel.shape[1]) if t - i >= 0)
                                  for c in range(len(rows[0]))]) for t in range(len(rows))]
            projected[name] = rows

        def vector(name, t, head):
            v = [projected[name][t][head * K + i] for i in range(K)]
            if name != "v" and layer.rope:                           # as a product of complex numbers
                turned = [complex(v[i], v[i + K // 2]) * np.exp(1j * t * 10000 ** (-2 * i / K)) for i in range(K // 2)]
                v = [z.real for z in turned] + [z.imag for z in turned]
            return np.array(v)

        yb = []
        for t in range(len(xb)):
            joined = []
            for h in range(layer.heads):
                g = h // (layer.heads // layer.kv_heads)
                weights = np.array([math.exp(vector("q", t, h) @ vector("k", s, g) / math.sqrt(K)) for s in range(t + 1)])
                mixed = sum(weights[s] * vector("v", s, g) for s in range(t + 1)) / weights.sum()
                joined.extend(mixed)
            yb.append(w[f"{prefix}.attention.o.weight"] @ np.array(joined))
        out.append(yb)
    return out, 0.0


def naive_moe(layer, w, prefix, xs):
    moe, E = prefix + ".moe", layer.experts
    pool = [x for xb in xs for x in xb]
    N, D = len(pool), len(pool[0])
    p = []
    for x in pool:
        e = [math.exp(v) for v in w[moe + ".router.weight"] @ x]
        p.append([v / sum(e) for v in e])
    C = N if layer.capacity == 0 else min(N, math.ceil(layer.choices * N * layer.capacity / (100 * E)))

    def run(e, x, shared=""):
        return naive_mlp(layer, x, w[f"{moe}{shared}.up.weight"][e],
                         w[f"{moe}{shared}.gate.weight"][e] if layer.activation.gated else None, w[f"{moe}{shared}.down.weight"][e])

    y, auxiliary = [np.zeros(D) for _ in range(N)], 0.0
    if layer.router == "ExpertChoice":
        for e in range(E):
            for n in sorted(range(N), key=lambda n: (-p[n][e], n))[:C]:
                y[n] = y[n] + p[n][e] * run(e, pool[n])
    else:
        k = {"Top1": 1, "Top2": 2}.get(layer.router, layer.choices)
        picks = [sorted(range(E), key=lambda e: (-p[n][e], e))[:k] for n in range(N)]
        load = [0] * E
        for place in range(k):
            for n in range(N):
                e = picks[n][place]
                if load[e] == C:
                    continue
                load[e] += 1
                weight = p[n][e] if layer.router == "Top1" else p[n][e] / (sum(p[n][i] for i in picks[n]) + 1e-9)
                y[n] = y[n] + weight * run(e, pool[n])
        auxiliary = 0.01 * E * sum(sum(picks[n][0] == e for n in range(N)) / N * sum(p[n][e] for n in range(N)) / N for e in range(E))
    for s in range(layer.shared):
        y = [y[n] + run(s, pool[n], ".shared") for n in range(N)]
    T = len(xs[0])
    return [y[b * T:(b + 1) * T] for b in range(len(xs))], auxiliary


def naive_forward(architecture, w, tokens, targets):
    """(logits, loss, aux_loss) by loops."""
    kinds = {"Attention": naive_attention, "Ffn": naive_ffn, "Moe": naive_moe}
    xs = [[w["embedding.weight"][t] for t in row] for row in tokens]
    auxiliary = 0.0
    for i, block in enumerate(architecture.blocks()):
        for j, layer in enumerate(block):
            prefix, norms = f"blocks.{i}.{j}", layer.norms

            def norm(place, x):
                return naive_norm(getattr(norms, place), w, f"{prefix}.{place}", x)

            f, extra = kinds[type(layer).__name__](layer, w, prefix, [[norm("pre", x) for x in xb] for xb in xs])
            auxiliary += extra
            xs = [[norm("post", x + norm("inner", y)) for x, y in zip(xb, fb)] for xb, fb in zip(xs, f)]
    logits = [[w["embedding.weight"] @ naive_norm(architecture.final_norm, w, "norm", x) for x in xb] for xb in xs]
    nats = [math.log(sum(math.exp(v) for v in l)) - l[t] for lb, tb in zip(logits, targets) for l, t in zip(lb, tb)]
    return np.array(logits), sum(nats) / len(nats), auxiliary


def expected_shapes(a):
    """{tensor: shape} of a model folder, written from the table of the file format."""
    D, shapes = a.width, {"embedding.weight": (a.vocab, a.width)}

    def norm(name, kind):
        if kind != "NoNorm":
            shapes[name + ".weight"] = (D,)
        if kind == "LayerNorm":
            shapes[name + ".bias"] = (D,)

    for i, block in enumerate(a.blocks()):
        for j, layer in enumerate(block):
            at, kind = f"blocks.{i}.{j}.", type(layer).__name__
            for place in ("pre", "post", "inner"):
                norm(at + place, getattr(layer.norms, place))
            if kind == "Attention":
                Q, G = layer.heads * layer.head_dim, layer.kv_heads * layer.head_dim
                for name, rows in (("q", Q), ("k", G), ("v", G)):
                    shapes[f"{at}attention.{name}.weight"] = (rows, D)
                    if layer.dconv:
                        shapes[f"{at}attention.{name}.dconv"] = (rows, layer.dconv)
                shapes[at + "attention.o.weight"] = (D, Q)
                continue
            F, E = layer.hidden, ()
            groups = [(at + "ffn.", ())]
            if kind == "Moe":
                shapes[at + "moe.router.weight"] = (layer.experts, D)
                groups = [(at + "moe.", (layer.experts,))] + ([(at + "moe.shared.", (layer.shared,))] if layer.shared else [])
            for group, E in groups:
                for name in ("up", "gate") if layer.activation.gated else ("up",):
                    shapes[f"{group}{name}.weight"] = E + (F, D)
                    if kind == "Ffn" and layer.bias:
                        shapes[f"{group}{name}.bias"] = (F,)
                shapes[group + "down.weight"] = E + (D, F)
                if kind == "Ffn" and layer.bias:
                    shapes[group + "down.bias"] = (D,)
    norm("norm", a.final_norm)
    return shapes


# --- Tests --------------------------------------------------------------------------------------------------------------------

class Text(unittest.TestCase):
    def test_a_printed_model_is_read_as_itself(self):
        for architecture in random_models(300):
            self.assertEqual(Architecture.parse(architecture.text()), architecture)

    def test_aliases_order_and_spelled_out_defaults_print_as_the_canonical_text(self):
        loose = ("Decoder<Body<Block<Attn,Attention<DConv<3>,Heads<2>,KvHeads<2>,HeadDim<64>, Rope>,"
                 "Ffn<Hidden<344>,SwiGlu,Pre<RmsNorm>>, Moe<Capacity<0>, SqReLU, Experts<8>, Top2, Post<LayerNorm>, Pre<NoNorm>>>>,"
                 "FinalNorm<RmsNorm>, Context<64>, Vocab<256>, Width<128>>")
        self.assertEqual(Architecture.parse(loose).text(),
                         "Decoder<Stack<Block<Attention<>, Attention<DConv<3>>, Ffn<Glu<Swish>>, "
                         "Moe<Top2, Post<LayerNorm>>>, 1>, Vocab<256>, Width<128>, Context<64>>")

    def test_wrong_texts_are_refused(self):
        for body in ("Attn<>", "Attention<Heads<3>>", "Attention<Heads<2>, Heads<2>>", "Attention<Rope, NoPos>",
                     "Attention<KvHeads<2>, Heads<3>, HeadDim<4>>", "Attention<HeadDim<5>>", "Attention<Window<4>>",
                     "Ffn<ReLU, GeLU>", "Ffn<Glu<SwiGlu>>", "Moe<Experts<4>>", "Moe<Top2, Experts<1>>",
                     "Moe<ExpertChoice, Capacity<0>>", "Ffn<SqReLU", "Ffn<SqReLU>>"):
            with self.assertRaises(TextError, msg=body):
                Architecture.parse(f"Decoder<Block<{body}>, Vocab<8>, Width<128>, Context<4>>")


class Names(unittest.TestCase):
    def test_parameters_have_the_names_and_shapes_of_the_file_format(self):
        for architecture in random_models(100):
            found = {name: tuple(p.shape) for name, p in Decoder(architecture).named_parameters()}
            self.assertEqual(found, expected_shapes(architecture))
            self.assertEqual(set(Decoder(architecture).state_dict()), set(found))

    def test_the_published_size_of_primer_is_met(self):
        """35.3M: 6 blocks of width 512, hidden 2048, 32,128 words, one matrix for both ends."""
        for attention, extra in (("Attention<>", 0), ("Attention<DConv<3>>", 6 * 3 * 3 * 512)):
            text = f"Decoder<Stack<Block<{attention}, Ffn<SqReLU>>, 6>, Vocab<32128>, Width<512>, Context<64>>"
            with torch.device("meta"):
                count = sum(p.numel() for p in Decoder(Architecture.parse(text)).parameters())
            norms = 13 * 512
            self.assertEqual(count, 32128 * 512 + 6 * 12 * 512 * 512 + norms + extra)
            self.assertAlmostEqual(count / 1e6, 35.3, delta=0.1)


class Mathematics(unittest.TestCase):
    def test_the_forward_pass_equals_loops_over_tokens_heads_and_channels(self):
        for index in range(12):
            (model, tokens, _, results), batch, context = cases.random_case(random.Random(f"test/{index}"), shared=True, longest=6)
            w = {name: p.detach().numpy() for name, p in model.named_parameters()}
            inputs = [tokens[b * context:(b + 1) * context] for b in range(batch)]
            targets = [tokens[b * context + 1:(b + 1) * context + 1] for b in range(batch)]
            logits, loss, auxiliary = naive_forward(model.architecture, w, inputs, targets)
            with self.subTest(index=index, model=model.architecture.text()):
                np.testing.assert_allclose(results["logits"].numpy(), logits, rtol=0, atol=1e-10 * np.abs(logits).max())
                self.assertAlmostEqual(results["loss"].item() / loss, 1, delta=1e-11)
                self.assertAlmostEqual(results["aux_loss"].item(), auxiliary, delta=1e-13)

    def test_gradients_are_the_differences_of_the_loss(self):
        for name, (text, batch, context, _) in cases.STORED.items():
            architecture, rng = Architecture.parse(text), random.Random(name)
            model, tokens, _, results = cases.make_case(architecture, batch, context, rng)
            inputs, targets = cut(tokens, batch, context)

            def total():
                with torch.no_grad():
                    _, loss, auxiliary = model.losses(inputs, targets)
                    return (loss + auxiliary).item()

            step = 1e-6
            for tensor, parameter in model.named_parameters():
                direction = torch.tensor([rng.gauss(0, 1) for _ in range(parameter.numel())], dtype=torch.double).view_as(parameter)
                direction /= direction.norm()
                ends = []
                for sign in (1, -1):
                    parameter.data += sign * step * direction
                    ends.append(total())
                    parameter.data -= sign * step * direction
                slope = (results["grad." + tensor] * direction).sum().item()
                self.assertAlmostEqual((ends[0] - ends[1]) / (2 * step), slope, delta=3e-8 + 1e-6 * abs(slope), msg=f"{name} {tensor}")

    def test_gradcheck_holds_on_a_tiny_model_of_each_router(self):
        for moe in ("Moe<Top1, Experts<3>, Hidden<3>>", "Moe<Top2, Experts<3>, Hidden<3>, Capacity<60>>",
                    "Moe<TopK<3>, Experts<4>, SwiGlu, Hidden<3>, Shared<1>>", "Moe<ExpertChoice, Experts<2>, Hidden<3>>"):
            text = f"Decoder<Block<Attention<HeadDim<4>, DConv<2>>, {moe}, Ffn<GeLU, Hidden<3>, Bias, Inner<LayerNorm>>>, Vocab<5>, Width<4>, Context<4>>"
            architecture = Architecture.parse(text)
            model, tokens, _, _ = cases.make_case(architecture, 2, 3, random.Random(moe))
            inputs, targets = cut(tokens, 2, 3)
            names, values = zip(*((n, p.detach().clone().requires_grad_()) for n, p in model.named_parameters()))

            def total(*parameters):
                logits = torch.func.functional_call(model, dict(zip(names, parameters)), (inputs,))
                auxiliary = sum(layer[1].moe.auxiliary for layer in model.blocks)
                return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()) + auxiliary

            self.assertTrue(torch.autograd.gradcheck(total, values))

    def test_a_model_without_a_routing_pool_is_causal(self):
        """Logits before a changed token keep their bits; those from it on change."""
        text = ("Decoder<Block<Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<6>>, Ffn<ReLU, Hidden<5>>>, "
                "Vocab<9>, Width<8>, Context<12>>")
        model = built(text)
        tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3]])
        for position in range(12):
            changed = tokens.clone()
            changed[0, position] = (tokens[0, position] + 4) % 9
            difference = (model(tokens) - model(changed)).abs().amax(-1)[0]
            self.assertLess(difference[:position].max().item() if position else 0.0, 1e-14)
            self.assertGreater(difference[position:].min().item(), 1e-9)

    def test_a_model_with_expert_choice_is_not_causal(self):
        model = built("Decoder<Block<Moe<ExpertChoice, Experts<2>, Hidden<6>>>, Vocab<9>, Width<8>, Context<8>>")
        tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8]])
        seen = [(model(tokens) - model(torch.tensor([[1, 2, 3, 4, 5, 6, 7, last]]))).abs()[0, :7].max().item() for last in range(9)]
        self.assertGreater(max(seen), 1e-6)

    def test_one_expert_equals_an_ffn(self):
        moe = built("Decoder<Block<Moe<Top1, Experts<1>, Hidden<6>>>, Vocab<9>, Width<8>, Context<8>>")
        ffn = built("Decoder<Block<Ffn<SqReLU, Hidden<6>>>, Vocab<9>, Width<8>, Context<8>>")
        tensors = {name: t for name, t in moe.state_dict().items() if "router" not in name}
        ffn.load_state_dict({name.replace("moe", "ffn"): t[0] if "moe" in name else t for name, t in tensors.items()})
        tokens = torch.tensor([[1, 2, 3, 4]])
        self.assertLess((moe(tokens) - ffn(tokens)).abs().max().item(), 1e-13)


class Files(unittest.TestCase):
    def test_a_saved_model_gives_the_same_results(self):
        for index in range(4):
            rng = random.Random(f"file/{index}")
            (model, tokens, brief, results), batch, context = cases.random_case(rng, shared=True, bf16=True, longest=5)
            with tempfile.TemporaryDirectory() as folder:
                model.save(folder, brief)
                again = gradients(Decoder.load(folder), *cut(tokens, batch, context))
            for name, tensor in results.items():
                self.assertTrue(torch.equal(tensor, again[name]), name)

    def test_safetensors_lie_as_the_format_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x"
            files.write_safetensors(path, {"a": raw_of(torch.tensor([[1.0, 2.0], [3.0, 4.0]])), "b": raw_of(torch.tensor([0.5]), "BF16")})
            data = path.read_bytes()
            length = int.from_bytes(data[:8], "little")
            self.assertEqual(data[8:8 + length].decode().rstrip(), '{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
                             '"b":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]}}')
            self.assertEqual(data[8 + length:], np.array([1, 2, 3, 4], "<f4").tobytes() + b"\x00\x3f")
            self.assertEqual(tensor_of(files.read_safetensors(path)["b"]).tolist(), [0.5])

    def test_token_files_are_read_as_they_were_written(self):
        with tempfile.TemporaryDirectory() as folder:
            for wide, size in ((False, 2), (True, 4)):
                path = Path(folder) / "t.bin"
                files.write_tokens(path, [1, 2, 60000], wide)
                self.assertEqual(path.stat().st_size, 1024 + 3 * size)
                self.assertEqual(files.read_tokens(path), [1, 2, 60000])


class Checker(unittest.TestCase):
    """check.py itself, with this module (in f32 files) in the place of the program."""

    def program(self, folder, damage=""):
        path = Path(folder) / "program"
        path.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(check.HERE)!r})\n"
                        "from genoform_torch.grad import *\n"
                        "_, _, folder, _, tokens, _, batch, _, context, _, out = sys.argv\n"
                        "results = gradients(Decoder.load(folder), *cut(files.read_tokens(tokens), int(batch), int(context)))\n"
                        f"{damage}\n"
                        "files.write_safetensors(out, {name: raw_of(tensor) for name, tensor in results.items()})\n")
        path.chmod(0o755)
        return str(path.resolve())

    def ratio(self, damage):
        case = check.HERE / "stored" / "top2-capacity"
        with tempfile.TemporaryDirectory() as folder:
            expected = check.read_results(case / "expected.safetensors")
            actual = check.run(self.program(folder, damage), case / "model", case / "tokens.bin", *expected["logits"][0][:2])
            return tolerance.worst_ratio(expected, actual)

    def test_stored_results_are_those_of_the_module(self):
        self.assertLess(self.ratio("")[0], 0.01)

    def test_small_errors_are_found_in_their_tensor(self):
        for name, damage in (("loss", "results['loss'] *= 1 + 1.2e-5"), ("aux_loss", "results['aux_loss'] *= 1 - 1.2e-5"),
                             ("logits", "results['logits'][0, 1, 2] += 2.1e-4 * results['logits'].abs().max()"),
                             ("grad.blocks.0.1.moe.router.weight", "g = results['grad.blocks.0.1.moe.router.weight']\ng[3] *= 1.1")):
            ratio, found = self.ratio(damage)
            self.assertGreater(ratio, 1)
            self.assertEqual(found, name)

    def test_missing_misshapen_and_infinite_results_are_named(self):
        for damage, words in (("del results['grad.embedding.weight']", "missing results: .*embedding"),
                              ("results['logits'] = results['logits'].flatten()", "logits has shape"),
                              ("results['loss'][0] = float('nan')", "loss is not finite"),
                              ("sys.exit('no memory')", "exit code 1: no memory")):
            with self.assertRaisesRegex(tolerance.Mismatch, words):
                self.ratio(damage)


if __name__ == "__main__":
    unittest.main()
