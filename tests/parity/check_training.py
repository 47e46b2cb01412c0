#!/usr/bin/env python3
"""Compares ten steps of `genoform train` in f32 with the same steps in PyTorch in double precision.  Needs torch and numpy.

  check_training.py --program build/release/genoform [--only NAME]

Both start from the same model folder, written by PyTorch, and see the same windows of the same text.  One line for each
model and optimizer: the largest relative error of a loss or of the gradient's norm, the largest error of a tensor after the
last step (relative to how far it moved, both as root mean squares), and the first and last loss.
Exit code 0 when all are within LOSS and WEIGHT, 1 when one is not, 2 for wrong usage.
"""

import argparse
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

from genoform_torch import cases
from genoform_torch.model import Decoder
from genoform_torch.text import Architecture
from genoform_torch.training import AdamW, Adafactor, cosine, reciprocal_square_root, train

LOSS = 1e-4
WEIGHT = 3e-3
STEPS, BATCH, CONTEXT, SEED = 10, 3, 21, 5
SIZES = "Vocab<256>, Width<36>, Context<24>"

MODELS = {
    "primer-ez": f"Decoder<Stack<Block<Attention<Heads<3>, DConv<3>>, Ffn<SqReLU>>, 2>, {SIZES}>",
    "glam": "Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<5>, GeLU, Hidden<44>, Capacity<100>>, "
            f"Attention<Heads<2>>, Ffn<Glu<GeLU>, Hidden<40>>>, 2>, {SIZES}>",
    "brainformer": "Decoder<Stack<Block<Attention<Heads<3>>, Moe<ExpertChoice, Experts<4>, Glu<GeLU>, Hidden<28>>, Ffn<Glu<ReLU>, "
                   "Hidden<40>>, Moe<ExpertChoice, Experts<4>, Glu<GeLU>, Hidden<28>>, Ffn<Glu<ReLU>, Hidden<40>>, "
                   "Moe<ExpertChoice, Experts<4>, Glu<GeLU>, Hidden<28>>, Attention<Heads<3>>, Ffn<Glu<ReLU>, Hidden<40>>>, 1>, "
                   f"{SIZES}>",
    "full-primer": "Decoder<Stack<Block<Attention<Heads<2>, DConv<3>, SharedQk, Inner<PrimerNorm>>, Ffn<SqReLU, Bias, Inner<PrimerNorm>>>, "
                   f"2>, {SIZES}, Positions<SharedRelBias<12, 20>>, FinalNorm<PrimerNorm>>",
    "parallel": "Decoder<Stack<Block<Parallel<Attention<Heads<2>, RelBias<8, 16>, Window<9>, QkNorm>, Ffn<Glu<Swish>>>>, 2>, "
                f"{SIZES}, Positions<Learned>, Untied, LogitScale<WidthRsqrt>>",
    "state-of-routers": "Decoder<Stack<Block<Attention<Heads<2>>, Moe<LossFree<2>, Experts<5>, Hidden<24>, Shared<1>>, Attention<>, "
                        f"Moe<ExpertThreshold, Experts<4>, Hidden<24>>, Moe<Hash, Experts<3>, Hidden<24>>>, 1>, {SIZES}>",
}

# (PyTorch's optimizer, options of the program, learning rate, schedule with its warm-up)
ADAFACTOR = ["--optimizer", "adafactor"]
OPTIMIZERS = {
    "adamw": (AdamW, [], 3e-3, (cosine, 2)),
    "adamw unclipped": (partial(AdamW, clip=0.0, decay=0.3, beta2=0.99), ["--clip", 0, "--weight-decay", 0.3, "--beta2", 0.99], 2e-3,
                        (reciprocal_square_root, 3)),
    "adafactor of Primer": (partial(Adafactor, factor_from=20), [*ADAFACTOR, "--factor-from", 20], 2e-2, (reciprocal_square_root, 4)),
    "adafactor of GLaM": (partial(Adafactor, factor_from=1, beta2=0.99),
                          [*ADAFACTOR, "--factor-from", 1, "--beta2", 0.99], 2e-2, (reciprocal_square_root, 4)),
    "adafactor absolute": (partial(Adafactor, factor_from=20, relative=False, beta1=0.9, decay=0.1, update_clip=0.8),
                           [*ADAFACTOR, "--factor-from", 20, "--relative", 0, "--beta1", 0.9, "--weight-decay", 0.1,
                            "--update-clip", 0.8], 3e-3, (cosine, 2)),
}


def write_text(folder, rng):
    """train.txt, val.txt, test.txt of made-up words, so that a model has something to learn."""
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 7))) for _ in range(60)]
    text = " ".join(rng.choices(words, weights=[1 / (i + 1) for i in range(60)], k=1500))
    folder.mkdir()
    for name in ("train", "val", "test"):
        (folder / f"{name}.txt").write_text(text)
    return list(text.encode())


def start_of(architecture, tokens, make_optimizer, rate, schedule, rng):
    """(start, end, losses): weights whose run has no close routing decision, before and after it, and its losses."""
    for _ in range(100):
        start = Decoder(architecture)
        cases.fill(start, rng)
        model = Decoder(architecture)
        model.load_state_dict(start.state_dict())
        losses = list(train(model, make_optimizer(model), tokens, STEPS, BATCH, CONTEXT, rate, schedule, SEED))
        if model.margins()[0] > 1e-5:
            return start, model, losses
    raise RuntimeError(f"no weights without close decisions for {architecture.text()}")


def program_run(program, architecture, start, data, options, rate, schedule, scratch):
    """([(main loss, auxiliary loss, norm of the gradient)], model) of the program."""
    start.save(scratch / "start")
    command = [program, "train", architecture.text(), "--start", scratch / "start", "--data", data, "--out", scratch / "out",
               "--steps", STEPS, "--batch", BATCH, "--context", CONTEXT, "--learning-rate", rate, "--data-seed", SEED, "--windows", 0,
               "--schedule", "cosine" if schedule[0] is cosine else "rsqrt", "--warm-up", schedule[1], "--quiet", *options]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()}")
    lines = [json.loads(line) for line in (scratch / "out" / "log.jsonl").read_text().splitlines()]
    numbers = [(line["pool_bits_per_byte"] * math.log(2), line["aux_loss"], line["gradient_norm"]) for line in lines]
    return numbers, Decoder.load(scratch / "out")


def loss_error(expected, found):
    """The largest relative error of a main loss, an auxiliary loss or a norm of the gradient."""
    if len(expected) != len(found):
        raise RuntimeError(f"{len(found)} steps, expected {len(expected)}")
    pairs = [(e, f) for one, other in zip(expected, found) for e, f in zip(one, other)]
    return max(abs(e - f) / abs(e) if e else abs(f) for e, f in pairs)


def weight_error(start, expected, found):
    """(largest error of a tensor against how far it moved, its name), state of routers included."""
    worst = (0.0, "none")
    first, tensors = start.state_dict(), found.state_dict()
    for name, tensor in expected.state_dict().items():
        moved, error = (tensor - first[name]).double().norm().item(), (tensors[name] - tensor).double().norm().item()
        rounding = 2e-7 * tensor.double().norm().item()
        worst = max(worst, (max(0.0, error - rounding) / moved if moved else math.inf if error > rounding else 0.0, name))
    return worst


def check(program, name, optimizer, data, tokens):
    """Prints the line of one run; True when it is within the tolerances."""
    architecture = Architecture.parse(MODELS[name])
    make_optimizer, options, rate, (shape, warm_up) = OPTIMIZERS[optimizer]
    title = f"{name} with {optimizer}"
    schedule = partial(shape, warm_up=warm_up)
    start, end, losses = start_of(architecture, tokens, make_optimizer, rate, schedule, random.Random(title))
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found, model = program_run(program, architecture, start, data, options, rate, (shape, warm_up), Path(scratch))
            loss, (weight, tensor) = loss_error(losses, found), weight_error(start, end, model)
        except (RuntimeError, KeyError, ValueError) as problem:
            print(f"FAIL  {title}\n      {problem}", flush=True)
            return False
    fine = loss <= LOSS and weight <= WEIGHT
    print(f"{'ok  ' if fine else 'FAIL'}  loss {loss:.2e}  weights {weight:.2e} {tensor:34}  {title:40} "
          f"{losses[0][0]:.4f} to {losses[-1][0]:.4f} nats", flush=True)
    return fine


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", required=True, metavar="PATH", help="the genoform program")
    options.add_argument("--only", metavar="NAME", help="models and optimizers whose title has this in it")
    given = options.parse_args()
    if not shutil.which(given.program):
        options.error("--program must name the genoform program")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        tokens = write_text(Path(scratch) / "data", random.Random(1))
        passed = [check(given.program, name, optimizer, Path(scratch) / "data", tokens)
                  for name in MODELS for optimizer in OPTIMIZERS if (given.only or "") in f"{name} with {optimizer}"]
    print(f"{sum(passed)} of {len(passed)} runs follow PyTorch")
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
