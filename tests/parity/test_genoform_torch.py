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
from genoform_torch import cases, files, tolerance
from genoform_torch.grad import cut, gradients
from genoform_torch.model import Decoder, raw_of, tensor_of
from genoform_torch.language import TextError
from genoform_torch.norms import LayerNorm, PrimerNorm
from genoform_torch.positions import bucket, sinusoid
from genoform_torch.text import Architecture
from naive import KINDS, expected_tensors, naive_bucket, naive_forward


torch.set_num_threads(1)          # the tensors are tiny


def built(text, seed=1):
    model = Decoder(Architecture.parse(text))
    cases.fill(model, random.Random(seed))
    return model


def random_models(count):
    return [cases.random_model(random.Random(f"test/{index}")) for index in range(count)]


def known_to_naive(architecture):
    """Whether naive.py has all kinds of a model."""
    return all(type(part).__name__ in KINDS for part in architecture.parts())


def in_a_model(layers, options=""):
    return built(f"Decoder<Block<{layers}>, Vocab<9>, Width<8>, Context<12>{options}>")


def same(model, other, tokens=((1, 2, 3, 4, 5, 6, 7), (8, 0, 2, 2, 1, 5, 3))):
    """Largest difference of the logits of two models."""
    return (model(torch.tensor(tokens)) - other(torch.tensor(tokens))).abs().max().item()


def copy(source, target, rename=lambda name, tensor: (name, tensor)):
    target.load_state_dict(dict(rename(name, tensor) for name, tensor in source.state_dict().items()))
    return target


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
                     "Attention<KvHeads<2>, Heads<3>, HeadDim<4>>", "Attention<HeadDim<5>>", "Attention<Window<0>>",
                     "Attention<SharedQk, Heads<4>, KvHeads<2>>", "Attention<RelBias<8>>", "Attention<RelBias<1, 9>>",
                     "Attention<RelBias<8, 4>>", "Attention", "Attention<RelBias<8, 9>, NoPos>",
                     "Parallel<Ffn<ReLU, Pre<RmsNorm>>>", "Parallel<Parallel<Ffn<ReLU>>>", "Parallel<>", "Parallel<Pre<RmsNorm>>",
                     "Moe<LossFree<5>, Experts<4>>", "Moe<LossFree>", "Moe<Hash<2>>", "Moe<Base, Hash>",
                     "Ffn<ReLU, GeLU>", "Ffn<Glu<SwiGlu>>", "Moe<Experts<4>>", "Moe<Top2, Experts<1>>",
                     "Moe<ExpertChoice, Capacity<0>>", "Ffn<SqReLU", "Ffn<SqReLU>>"):
            with self.assertRaises(TextError, msg=body):
                Architecture.parse(f"Decoder<Block<{body}>, Vocab<8>, Width<128>, Context<4>>")
        for options in ("Width<7>, Positions<Sinusoid>", "Width<8>, Positions<SharedRelBias<4, 2>>", "Width<8>, Untied, Untied",
                        "Width<8>, LogitScale<One>", "Width<8>, Positions<Rope>"):
            with self.assertRaises(TextError, msg=options):
                Architecture.parse(f"Decoder<Block<Attention<HeadDim<4>>>, Vocab<8>, Context<4>, {options}>")
        with self.assertRaises(TextError):
            Architecture.parse("Decoder<Block<Attention<Heads<2>>, Attention<Heads<4>>>, Vocab<8>, Width<8>, Context<4>, "
                               "Positions<SharedRelBias<4, 9>>>")

    def test_positions_of_the_model_take_the_rotation_out_of_its_attention(self):
        for positions, kept, left_out in (("", "NoPos", "Rope"), (", Positions<Learned>", "Rope", "NoPos")):
            for word in (kept, left_out):
                text = Architecture.parse(f"Decoder<Block<Attention<{word}>>, Vocab<8>, Width<8>, Context<4>{positions}>").text()
                self.assertEqual(word in text, word == kept)

    def test_norms_of_a_parallel_stand_anywhere_and_are_printed_last(self):
        loose = "Decoder<Block<Parallel<Post<LayerNorm>, Attn, Pre<NoNorm>, SwiGlu, Ffn<Bias>>>, Vocab<8>, Width<8>, Context<4>>"
        self.assertEqual(Architecture.parse(loose.replace("SwiGlu, ", "")).text(),
                         "Decoder<Stack<Block<Parallel<Attention<>, Ffn<SqReLU, Bias>, Post<LayerNorm>>>, 1>, "
                         "Vocab<8>, Width<8>, Context<4>>")
        with self.assertRaises(TextError):
            Architecture.parse(loose)


    def test_random_models_have_every_word_of_the_language(self):
        words = set().union(*(cases.words_of(architecture) for architecture in random_models(check.MANY)))
        self.assertEqual(cases.all_words() - words, set())
        self.assertEqual(words - cases.all_words(), set())

    def test_stored_models_have_every_word_of_the_language(self):
        texts = [Architecture.parse(text) for text, _, _, _ in cases.STORED.values()]
        words = set().union(*map(cases.words_of, texts))
        self.assertEqual({word for word in cases.all_words() - words}, set())


class Names(unittest.TestCase):
    def test_tensors_have_the_names_and_shapes_of_the_file_format(self):
        for architecture in random_models(100):
            model = Decoder(architecture)
            if known_to_naive(architecture):
                self.assertEqual({name: tuple(p.shape) for name, p in model.state_dict().items()}, expected_tensors(architecture))
            state = set(model.state_dict()) - set(dict(model.named_parameters()))
            self.assertEqual({name.rsplit(".", 1)[1] for name in state} - {"table", "bias", "threshold", "features"}, set())

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
        for index in range(40):
            (model, tokens, _, results), batch, context = cases.random_case(random.Random(f"test/{index}"), longest=7)
            if not known_to_naive(model.architecture):
                continue
            w = {name: p.detach().numpy() for name, p in model.state_dict().items()}
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
                derivative = (results["grad." + tensor] * direction).sum().item()
                self.assertAlmostEqual((ends[0] - ends[1]) / (2 * step), derivative, delta=3e-8 + 1e-6 * abs(derivative), msg=f"{name} {tensor}")

    def test_gradcheck_holds_on_a_tiny_model_of_each_router(self):
        for moe in ("Moe<Top1, Experts<3>, Hidden<3>>", "Moe<Top2, Experts<3>, Hidden<3>, Capacity<60>>",
                    "Moe<TopK<3>, Experts<4>, SwiGlu, Hidden<3>, Shared<1>>", "Moe<ExpertChoice, Experts<2>, Hidden<3>>",
                    "Moe<Hash, Experts<3>, Hidden<3>>", "Moe<Base, Experts<3>, Hidden<3>, Capacity<70>>",
                    "Moe<LossFree<2>, Experts<3>, Hidden<3>>", "Moe<ExpertThreshold, Experts<3>, Hidden<3>, Capacity<90>>"):
            text = (f"Decoder<Block<Attention<HeadDim<4>, DConv<2>, SharedQk, QkNorm>, {moe}, "
                    "Parallel<Ffn<GeLU, Hidden<3>, Bias>, Attention<Heads<1>, RelBias<3, 2>, Window<2>>, Inner<PrimerNorm>>>, "
                    "Vocab<5>, Width<4>, Context<4>, Positions<SharedRelBias<2, 3>>, Untied, LogitScale<WidthRsqrt>>")
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
        for layers, options in (
                ("Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<6>>, Ffn<ReLU, Hidden<5>>", ""),
                ("Attention<SharedQk, DConv<2>, QkNorm, RelBias<4, 6>>, Moe<LossFree<2>, Experts<4>, Hidden<6>>", ", Positions<Learned>"),
                ("Attention<Rope>, Moe<ExpertThreshold, Experts<4>, Hidden<6>>, Moe<Base, Experts<3>, Hidden<5>>",
                 ", Positions<SharedRelBias<4, 6>>"),
                ("Parallel<Attention<>, Moe<Hash, Experts<3>, Hidden<5>>>, Ffn<SwiGlu, Hidden<7>>", ", Positions<Sinusoid>, Untied")):
            model = in_a_model(layers, options)
            tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3]])
            for position in range(12):
                changed = tokens.clone()
                changed[0, position] = (tokens[0, position] + 4) % 9
                difference = (model(tokens) - model(changed)).abs().amax(-1)[0]
                self.assertLess(difference[:position].max().item() if position else 0.0, 1e-13)
                self.assertGreater(difference[position:].min().item(), 1e-9)

    def test_a_model_with_expert_choice_is_not_causal(self):
        model = in_a_model("Moe<ExpertChoice, Experts<2>, Hidden<6>>")
        tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8]])
        seen = [(model(tokens) - model(torch.tensor([[1, 2, 3, 4, 5, 6, 7, last]]))).abs()[0, :7].max().item() for last in range(9)]
        self.assertGreater(max(seen), 1e-6)


class AttentionOptions(unittest.TestCase):
    def test_buckets_are_the_floor_of_exact_values(self):
        for buckets in range(2, 14):
            for distance in (buckets // 2 + 1, buckets // 2 + 2, buckets, 2 * buckets, 37):
                if distance > buckets // 2:
                    for n in range(distance + 5):
                        self.assertEqual(bucket(n, buckets, distance), naive_bucket(n, buckets, distance), (n, buckets, distance))
        self.assertEqual([bucket(n, 4, 8) for n in (0, 1, 2, 3, 4, 7, 8, 9)], [0, 1, 2, 2, 3, 3, 3, 3])      # 4 = 2 * (8/2)^(1/2)
        self.assertEqual([bucket(n, 8, 64) for n in (3, 4, 7, 8, 15, 16, 31, 32, 63, 64)], [3, 4, 4, 5, 5, 6, 6, 7, 7, 7])

    def test_buckets_of_t5_agree_with_its_formula(self):
        """T5's 32 buckets, 128 positions; none of these distances lies on a border."""
        for n in range(16, 300):
            self.assertEqual(bucket(n, 32, 128), min(31, 16 + int(math.log(n / 16) / math.log(128 / 16) * 16 + 1e-9)), n)

    def test_shared_qk_has_one_projection_and_a_square_matrix(self):
        model = in_a_model("Attention<Heads<3>, HeadDim<6>, SharedQk, DConv<3>>")
        shapes = {name[21:]: tuple(t.shape) for name, t in model.state_dict().items() if "attention" in name}
        self.assertEqual(shapes, {"qs.weight": (18, 18), "k.weight": (18, 8), "k.dconv": (18, 3), "v.weight": (18, 8),
                                  "v.dconv": (18, 3), "o.weight": (8, 18)})

    def test_shared_qk_equals_separate_projections_of_the_product(self):
        """Without a convolution, q = (Wqs Wk) x."""
        model = in_a_model("Attention<Heads<2>, SharedQk>")
        qs, k = (model.state_dict()[f"blocks.0.0.attention.{name}.weight"] for name in ("qs", "k"))
        separate = copy(model, in_a_model("Attention<Heads<2>>"),
                        lambda name, t: (name.replace("qs", "q"), qs @ k if "qs" in name else t))
        self.assertLess(same(model, separate), 1e-12)

    def test_a_window_of_the_whole_context_changes_nothing_and_one_of_one_sees_itself(self):
        wide = in_a_model("Attention<Heads<2>>")
        self.assertEqual(same(wide, copy(wide, in_a_model("Attention<Heads<2>, Window<12>>"))), 0)
        self.assertGreater(same(wide, copy(wide, in_a_model("Attention<Heads<2>, Window<6>>"))), 1e-6)
        narrow = copy(wide, in_a_model("Attention<Heads<2>, Window<1>>"))
        v, o = (narrow.state_dict()[f"blocks.0.0.attention.{name}.weight"] for name in "vo")
        linear = in_a_model("Ffn<Identity, Hidden<8>>")
        linear = copy(narrow, linear, lambda name, t: (name.replace("attention.v", "ffn.up").replace("attention.o", "ffn.down"), t)
                      if not name.endswith(("q.weight", "k.weight")) else ("norm.weight", narrow.state_dict()["norm.weight"]))
        self.assertLess(same(narrow, linear), 1e-12)
        self.assertEqual(v.shape, o.shape)

    def test_a_shared_bias_equals_the_same_bias_in_each_layer_and_adds_to_it(self):
        shared = in_a_model("Attention<Heads<2>>, Attention<Heads<2>>", ", Positions<SharedRelBias<5, 7>>")
        table = shared.state_dict()["positions.weight"]
        own = in_a_model("Attention<Heads<2>, RelBias<5, 7>>, Attention<Heads<2>, RelBias<5, 7>>")
        own.load_state_dict({**{name: t for name, t in shared.state_dict().items() if name != "positions.weight"},
                             **{f"blocks.0.{j}.attention.bias": table for j in (0, 1)}})
        self.assertEqual(same(shared, own), 0)
        both = in_a_model("Attention<Heads<2>, RelBias<5, 7>>, Attention<Heads<2>, RelBias<5, 7>>", ", Positions<SharedRelBias<5, 7>>")
        both.load_state_dict({**{name: t / 2 if name.endswith("bias") else t for name, t in own.state_dict().items()},
                              "positions.weight": table / 2})
        self.assertLess(same(shared, both), 1e-13)

    def test_qk_norm_forgets_the_length_of_queries_and_keys(self):
        model = in_a_model("Attention<Heads<2>, QkNorm>")
        longer = copy(model, in_a_model("Attention<Heads<2>, QkNorm>"),
                      lambda name, t: (name, t * 1000 if name.endswith(("q.weight", "k.weight")) else t))
        self.assertLess(same(model, longer), 1e-3)
        self.assertGreater(same(model, copy(longer, in_a_model("Attention<Heads<2>>"))), 1e-2)


class WholeModel(unittest.TestCase):
    def test_a_primer_norm_is_a_layer_norm_in_exact_arithmetic_and_never_below_zero(self):
        layer, primer = LayerNorm(16).double(), PrimerNorm(16).double()
        layer.weight.data.uniform_()
        layer.bias.data.uniform_()
        primer.load_state_dict(layer.state_dict())
        x = torch.randn(50, 16, dtype=torch.double) * 3 + 1
        torch.testing.assert_close(primer(x), layer(x), rtol=0, atol=1e-13)
        self.assertTrue(primer.float()(torch.full((4, 16), 1e4) + torch.rand(4, 16) * 1e-2).isfinite().all())

    def test_a_sinusoid_is_written_as_in_the_first_transformer_halves_apart(self):
        table = sinusoid(5, 6, torch.double)
        for t in range(5):
            for i in range(3):
                angle = t / 10000 ** (i / 3)
                self.assertAlmostEqual(table[t, i].item(), math.sin(angle), delta=1e-15)
                self.assertAlmostEqual(table[t, 3 + i].item(), math.cos(angle), delta=1e-15)

    def test_an_untied_head_equal_to_the_embedding_is_a_tied_one(self):
        tied = in_a_model("Attention<>")
        untied = in_a_model("Attention<>", ", Untied")
        untied.load_state_dict({**tied.state_dict(), "head.weight": tied.state_dict()["embedding.weight"]})
        self.assertEqual(same(tied, untied), 0)

    def test_the_scale_of_the_logits_is_the_root_of_the_width(self):
        plain = in_a_model("Attention<>")
        scaled = copy(plain, in_a_model("Attention<>", ", LogitScale<WidthRsqrt>"))
        tokens = torch.tensor([[1, 2, 3]])
        torch.testing.assert_close(scaled(tokens) * 8 ** 0.5, plain(tokens), rtol=1e-14, atol=0)

    def test_a_parallel_of_one_part_is_that_part(self):
        for part in ("Attention<Heads<2>>", "Ffn<ReLU, Hidden<5>>", "Moe<Top2, Experts<3>, Hidden<4>>"):
            alone = in_a_model(part)
            parallel = copy(alone, in_a_model(f"Parallel<{part}>"), lambda name, t: (
                name if name.startswith(("embedding", "norm")) or ".pre." in name else name.replace("blocks.0.0.", "blocks.0.0.0."), t))
            self.assertEqual(same(alone, parallel), 0)

    def test_a_parallel_adds_the_outputs_of_its_parts(self):
        """Two feed-forward layers side by side are one with both hidden layers."""
        wide = in_a_model("Ffn<SqReLU, Hidden<7>>")
        parallel = in_a_model("Parallel<Ffn<SqReLU, Hidden<3>>, Ffn<SqReLU, Hidden<4>>>")
        tensors = {name: t for name, t in wide.state_dict().items() if "ffn" not in name}
        up, down = (wide.state_dict()[f"blocks.0.0.ffn.{name}.weight"] for name in ("up", "down"))
        for p, part in enumerate((slice(0, 3), slice(3, 7))):
            tensors[f"blocks.0.0.{p}.ffn.up.weight"], tensors[f"blocks.0.0.{p}.ffn.down.weight"] = up[part], down[:, part]
        parallel.load_state_dict(tensors)
        self.assertLess(same(wide, parallel), 1e-13)


class Routers(unittest.TestCase):
    def test_one_expert_equals_an_ffn(self):
        for router in ("Top1", "TopK<1>", "ExpertChoice", "Hash", "LossFree<1>", "ExpertThreshold"):
            moe = in_a_model(f"Moe<{router}, Experts<1>, Hidden<6>>")
            ffn = in_a_model("Ffn<SqReLU, Hidden<6>>")
            state = ("router.weight", "moe.table", "moe.bias", "moe.threshold")
            tensors = {name: t for name, t in moe.state_dict().items() if not name.endswith(state)}
            if router == "ExpertThreshold":
                moe.sparse_layers()[0].threshold.fill_(0.5)
            ffn.load_state_dict({name.replace("moe", "ffn"): t[0] if "moe" in name else t for name, t in tensors.items()})
            self.assertLess(same(moe, ffn), 1e-8 if router == "TopK<1>" else 1e-13, router)

    def test_a_capacity_for_all_tokens_is_no_capacity(self):
        for router in ("Top1", "Top2", "TopK<3>", "Hash", "Base", "LossFree<2>", "ExpertThreshold"):
            free = in_a_model(f"Moe<{router}, Experts<4>, Hidden<6>>")
            self.assertLess(same(free, copy(free, in_a_model(f"Moe<{router}, Experts<4>, Hidden<6>, Capacity<400>>"))), 1e-13, router)
            self.assertGreater(same(free, copy(free, in_a_model(f"Moe<{router}, Experts<4>, Hidden<6>, Capacity<25>>"))), 1e-6, router)

    def test_the_bias_of_loss_free_balancing_selects_but_is_in_no_weight_and_no_gradient(self):
        model = in_a_model("Moe<LossFree<2>, Experts<4>, Hidden<6>>")
        moe = model.sparse_layers()[0]
        self.assertNotIn("blocks.0.0.moe.bias", dict(model.named_parameters()))
        results = gradients(model, torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 3, 4, 5]]))
        moe.bias += 3.0                                                        # the same for all: no other choice, no other weight
        again = gradients(model, torch.tensor([[1, 2, 3, 4]]), torch.tensor([[2, 3, 4, 5]]))
        for name, tensor in results.items():
            self.assertTrue(torch.equal(tensor, again[name]), name)
        self.assertEqual(results["aux_loss"].item(), 0)
        moe.bias[:] = torch.tensor([9.0, 9.0, 0.0, 0.0])                       # all tokens to the first two
        model(torch.tensor([[1, 2, 3, 4]]))
        self.assertEqual(moe.load.tolist(), [4, 4, 0, 0])
        model.after_step()
        np.testing.assert_allclose(moe.bias.numpy(), [8.999, 8.999, 0.001, 0.001], rtol=0, atol=1e-12)

    def test_a_threshold_moves_towards_the_cut_of_its_expert(self):
        model = in_a_model("Moe<ExpertThreshold, Experts<2>, Hidden<6>>")
        moe = model.sparse_layers()[0]
        moe.threshold[:] = torch.tensor([0.0, 2.0])                            # all tokens, no token
        model(torch.tensor([[1, 2, 3, 4, 5, 6]]))
        self.assertGreater(moe.p.min().item(), 0)
        third = moe.p.sort(0, descending=True).values[2]                       # C = 6 / 2
        model.after_step()
        np.testing.assert_allclose(moe.threshold.numpy(), [0.01 * third[0], 1.98 + 0.01 * third[1]], rtol=1e-12)

    def test_a_token_without_an_expert_gets_its_shared_experts_alone(self):
        moe = in_a_model("Moe<ExpertThreshold, Experts<2>, Hidden<6>, Shared<1>>")
        moe.sparse_layers()[0].threshold.fill_(1.0)
        ffn = in_a_model("Ffn<SqReLU, Hidden<6>>")
        ffn.load_state_dict({name.replace("moe.shared", "ffn"): t[0] if "shared" in name else t for name, t in moe.state_dict().items()
                             if "moe" not in name or "shared" in name})
        self.assertLess(same(moe, ffn), 1e-13)

    def test_a_hash_depends_on_the_token_alone(self):
        model = in_a_model("Moe<Hash, Experts<3>, Hidden<6>>")
        model.sparse_layers()[0].table[:] = torch.arange(9) % 3
        logits = model(torch.tensor([[4, 1, 4, 2, 4]]))
        self.assertLess((logits[0, 0] - logits[0, 2]).abs().max().item(), 1e-14)
        model.sparse_layers()[0].table[4] = 2                                  # only token 4 changes its expert
        changed = (model(torch.tensor([[4, 1, 4, 2, 4]])) - logits).abs().amax(-1)[0]
        self.assertEqual((changed > 1e-6).tolist(), [True, False, True, False, True])

    def test_the_balance_loss_is_one_hundredth_when_uniform(self):
        model = in_a_model("Moe<Top1, Experts<4>, Hidden<6>>")
        model.state_dict()["blocks.0.0.moe.router.weight"].zero_()
        model(torch.tensor([[1, 2, 3]]))
        self.assertAlmostEqual(model.sparse_layers()[0].auxiliary.item(), 0.01, delta=1e-15)


class Files(unittest.TestCase):
    def test_a_saved_model_gives_the_same_results(self):
        for index in range(4):
            rng = random.Random(f"file/{index}")
            (model, tokens, brief, results), batch, context = cases.random_case(rng, bf16=True, longest=5)
            with tempfile.TemporaryDirectory() as folder:
                model.save(folder, brief)
                again = gradients(Decoder.load(folder), *cut(tokens, batch, context))
            for name, tensor in results.items():
                self.assertTrue(torch.equal(tensor, again[name]), name)

    def test_the_state_of_routers_is_saved_with_its_type(self):
        model = in_a_model("Moe<Hash, Experts<3>, Hidden<4>>, Moe<LossFree<1>, Experts<2>, Hidden<4>>, Moe<ExpertChoice, Hidden<2>>")
        with tempfile.TemporaryDirectory() as folder:
            model.save(folder)
            text, tensors = files.read_folder(folder)
            self.assertEqual({name: (raw.dtype, raw.shape) for name, raw in tensors.items() if name.endswith(("table", "moe.bias"))},
                             {"blocks.0.0.moe.table": ("I32", (9,)), "blocks.0.1.moe.bias": ("F32", (2,))})
            self.assertEqual(same(model, Decoder.load(folder)), 0)
            # What training leaves beside an ExpertChoice is read, kept and written again.
            tensors["blocks.0.2.moe.threshold"] = raw_of(torch.full((8,), 0.25))
            files.write_folder(folder, text, tensors)
            again = Decoder.load(folder)
            self.assertEqual(same(model, again), 0)
            again.save(folder)
            self.assertIn("blocks.0.2.moe.threshold", files.read_folder(folder)[1])

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
