#!/usr/bin/env python3
"""Tests of the training part of the PyTorch module, and of check_training.py.  Needs torch and numpy; takes some seconds.

  python tests/parity/test_training.py
"""

import random
import unittest
from functools import partial

import torch

import check_training
from genoform_torch import cases
from genoform_torch.model import Decoder
from genoform_torch.text import Architecture
from genoform_torch.training import AdamW, Adafactor, cosine, decays, random_bits, reciprocal_square_root, stream_of, train, windows

torch.set_num_threads(1)
TEXT = ("Decoder<Block<Attention<Heads<2>, DConv<2>, RelBias<4, 6>>, Moe<Top2, Experts<3>, Hidden<6>>, Ffn<ReLU, Hidden<5>, Bias>>, "
        "Vocab<11>, Width<8>, Context<7>, Positions<SharedRelBias<4, 6>>>")
TOKENS = random.Random(0).choices(range(11), k=300)


def model_of(text=TEXT):
    model = Decoder(Architecture.parse(text))
    cases.fill(model, random.Random(3))
    return model


def after(make_optimizer, steps=6, rate=1e-2, schedule=lambda step, steps: 1.0):
    """(start, model, losses) of a run."""
    start, model = model_of(), model_of()
    return start, model, list(train(model, make_optimizer(model), TOKENS, steps, 2, 7, rate, schedule))


class Data(unittest.TestCase):
    def test_random_bits_are_those_published_for_philox(self):
        """Known answers of Random123: counter and key of zeros, and of ones."""
        self.assertEqual(random_bits(0, 0, 0), 0xE169C58D6627E8D5)
        ones = 2 ** 64 - 1
        self.assertEqual(random_bits(ones, ones, ones), 0x41C83B0E408F276D)

    def test_windows_lie_in_the_text_and_targets_are_one_later(self):
        inputs, targets = windows(list(range(50)), 40, 6, seed=3, step=2)
        self.assertEqual(inputs.shape, (40, 6))
        self.assertTrue(torch.equal(inputs + 1, targets))
        self.assertGreater(len(set(inputs[:, 0].tolist())), 15)
        self.assertLessEqual(targets.max().item(), 49)

    def test_streams_are_fnv_1a(self):
        self.assertEqual(stream_of(""), 0xCBF29CE484222325)
        self.assertEqual(stream_of("a"), 0xAF63DC4C8601EC8C)


class Schedules(unittest.TestCase):
    def test_the_cosine_warms_up_and_ends_near_its_floor(self):
        factors = [cosine(step, 100, warm_up=5) for step in range(100)]
        self.assertAlmostEqual(factors[0], 0.2, delta=1e-3)
        self.assertAlmostEqual(max(factors), 1, delta=0.01)
        self.assertAlmostEqual(factors[50], 0.55, delta=1e-12)
        self.assertAlmostEqual(factors[99], 0.1, delta=1e-3)

    def test_the_reciprocal_square_root_is_constant_first(self):
        self.assertEqual([reciprocal_square_root(step, 0, 4) for step in (0, 4, 16, 64)], [1, 1, 0.5, 0.25])


class Optimizers(unittest.TestCase):
    def test_matrices_decay_and_nothing_else(self):
        model = model_of()
        still = {name for name, _ in model.named_parameters() if not decays(model, name)}
        at = "blocks.0."
        self.assertEqual(still, {"norm.weight", "positions.weight", at + "0.attention.bias", at + "2.ffn.up.bias", at + "2.ffn.down.bias"}
                         | {f"{at}{j}.pre.weight" for j in range(3)} | {f"{at}0.attention.{name}.dconv" for name in "qkv"})

    def test_adafactor_is_that_of_pytorch_where_both_agree_on_the_rate(self):
        """PyTorch factors every matrix, takes min(rate, 1/sqrt(step)), and has no fixed beta2."""
        start, ours, losses = after(partial(Adafactor, factor_from=1))
        theirs = model_of()

        class Theirs:
            def __init__(self, model):
                self.inner = torch.optim.Adafactor(model.parameters(), lr=1e-2, eps=(1e-30, 1e-3), d=1.0, weight_decay=0.0)

            def update(self, step, rate):
                self.inner.step()

        again = list(train(theirs, Theirs(theirs), TOKENS, 6, 2, 7, 1e-2, lambda step, steps: 1.0))
        self.assertLess(check_training.loss_error(losses, again), 1e-10)
        self.assertLess(check_training.weight_error(start, ours, theirs)[0], 1e-6)

    def test_the_first_step_of_adafactor_has_the_size_that_the_paper_says(self):
        """At first v = g^2 + epsilon, so u is 1, -1 or, without a gradient, 0, and its rms the root of the share of the others."""
        for clip in (1.0, 0.5, 0.0):
            start, model, _ = after(partial(Adafactor, update_clip=clip), steps=1)
            w, before = model.state_dict()["blocks.0.2.ffn.up.weight"], start.state_dict()["blocks.0.2.ffn.up.weight"]
            moved = (w - before).abs() / (1e-2 * before.square().mean().sqrt())
            touched = moved > 1e-6
            size = min(1.0, clip / touched.double().mean().sqrt().item()) if clip else 1.0
            self.assertGreater(touched.sum(), 20)
            torch.testing.assert_close(moved[touched], torch.full_like(moved[touched], size), rtol=1e-9, atol=0)

    def test_a_fixed_beta2_is_corrected_as_in_adam(self):
        """Without factors and clipping, with the absolute step: Adam without momentum and epsilon."""
        start, ours, _ = after(partial(Adafactor, beta2=0.9, update_clip=0.0, relative=False))
        _, adam, _ = after(partial(AdamW, beta1=0.0, beta2=0.9, epsilon=1e-15, decay=0.0, clip=0.0))
        self.assertLess(check_training.weight_error(start, ours, adam)[0], 1e-5)


class Checker(unittest.TestCase):
    """What check_training.py would say of programs with small mistakes."""

    def errors(self, right, wrong, **other):
        start, expected, losses = after(right)
        _, found, others = after(wrong, **other)
        return check_training.loss_error(losses, others), check_training.weight_error(start, expected, found)[0]

    def test_the_same_run_has_no_error(self):
        self.assertEqual(self.errors(AdamW, AdamW), (0, 0))

    def test_small_mistakes_of_an_optimizer_are_seen(self):
        for right, wrong in ((AdamW, partial(AdamW, clip=0.0)), (AdamW, partial(AdamW, decay=0.0)), (AdamW, partial(AdamW, beta2=0.96)),
                             (AdamW, partial(AdamW, beta1=0.89)), (Adafactor, partial(Adafactor, beta2=0.99)),
                             (Adafactor, partial(Adafactor, factor_from=6)), (Adafactor, partial(Adafactor, update_clip=0.9)),
                             (Adafactor, partial(Adafactor, relative=False)), (Adafactor, partial(Adafactor, decay=0.1))):
            loss, weight = self.errors(right, wrong)
            self.assertTrue(loss > check_training.LOSS or weight > check_training.WEIGHT, f"{wrong}: {loss} {weight}")

    def test_another_learning_rate_is_seen(self):
        self.assertGreater(self.errors(AdamW, AdamW, rate=1.01e-2)[1], check_training.WEIGHT)


if __name__ == "__main__":
    unittest.main()
