#!/usr/bin/env python3
"""Compares `genoform grad` with the PyTorch module in genoform_torch.

  check.py --program build/release/genoform --stored          stored models: needs python3 and nothing else
  check.py --program build/release/genoform --live --count 160 --seed 1     random models: needs torch and numpy
  check.py --store tests/parity/stored                        writes the stored models again: needs torch and numpy

One line for each model: its worst ratio of error to tolerance, the tensor it was seen in, and the model.
Exit code 0 when all ratios are at most 1, 1 when one is not, 2 for wrong usage.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from genoform_torch import files
from genoform_torch.tolerance import Mismatch, worst_ratio

HERE = Path(__file__).resolve().parent
MANY = 150                        # so many random models must have every word of the language among them


def run(program, folder, tokens, batch, context):
    """{tensor: (shape, numbers)} of `genoform grad`."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.safetensors"
        command = [program, "grad", folder, "--tokens", tokens, "--batch", batch, "--context", context, "--out", out]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            raise Mismatch(f"exit code {done.returncode}: {done.stderr.strip()}")
        return read_results(out)


def read_results(path):
    return {name: (raw.shape, files.floats(raw)) for name, raw in files.read_safetensors(path).items()}


def report(title, compare):
    """Prints the line of one model; True when it is within the tolerances."""
    try:
        ratio, name = compare()
    except Mismatch as problem:
        print(f"FAIL  {title}\n      {problem}", flush=True)
        return False
    print(f"{'ok  ' if ratio <= 1 else 'FAIL'}  {ratio:8.4f}  {name:36}  {title}", flush=True)
    return ratio <= 1


def summary(passed):
    print(f"{sum(passed)} of {len(passed)} models within the tolerances")
    return 0 if passed and all(passed) else 1


def check_stored(program, store):
    def compare(case):
        expected = read_results(case / "expected.safetensors")
        batch, context, _ = expected["logits"][0]
        return worst_ratio(expected, run(program, case / "model", case / "tokens.bin", batch, context))

    cases = sorted(path.parent for path in store.glob("*/expected.safetensors"))
    return summary([report(case.name, lambda: compare(case)) for case in cases])


def check_live(program, count, seed):
    from genoform_torch import cases

    def compare(case, batch, context, index):
        model, tokens, brief, results = case
        with tempfile.TemporaryDirectory() as scratch:
            folder, token_file = Path(scratch) / "model", Path(scratch) / "tokens.bin"
            model.save(folder, brief)
            files.write_tokens(token_file, tokens, wide=index % 4 == 3)
            actual = run(program, folder, token_file, batch, context)
        return worst_ratio(cases.plain(results), actual)

    passed, seen = [], Counter()
    for index in range(count):
        rng = random.Random(f"{seed}/{index}")
        case, batch, context = cases.random_case(rng, bf16=index % 8 == 7)
        seen.update(cases.words_of(case[0].architecture))
        title = f"{index:3}  batch {batch}  context {context:2}  {case[0].architecture.text()}"
        passed.append(report(title, lambda: compare(case, batch, context, index)))
    covered = coverage(seen, cases.all_words(), count)
    return max(summary(passed), 0 if covered else 1)


def coverage(seen, words, count):
    """Prints how many models had each word of the language; False when there were many models and one word in none of them."""
    print(f"words of the language, and how many of the {count} models had them:")
    print("  " + ", ".join(f"{word} {seen[word]}" for word in sorted(words)))
    missing = sorted(word for word in words if not seen[word])
    if missing:
        print(f"{'FAIL  ' if count >= MANY else ''}in no model: {', '.join(missing)}")
    return count < MANY or not missing


def write_store(store):
    from genoform_torch import cases, model, text

    for name, (model_text, batch, context, wide) in cases.STORED.items():
        architecture = text.Architecture.parse(model_text)
        assert architecture.text() == model_text, f"{name} is not canonical: {architecture.text()}"
        case, tokens, _, results = cases.make_case(architecture, batch, context, random.Random(name))
        case.save(store / name / "model")
        files.write_tokens(store / name / "tokens.bin", tokens, wide)
        files.write_safetensors(store / name / "expected.safetensors",
                                {key: model.raw_of(tensor) for key, tensor in results.items()})
        print(f"wrote {store / name}")
    return 0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = options.add_mutually_exclusive_group(required=True)
    mode.add_argument("--stored", nargs="?", const=HERE / "stored", type=Path, metavar="DIR", help="compare with stored models")
    mode.add_argument("--live", action="store_true", help="compare with random models")
    mode.add_argument("--store", type=Path, metavar="DIR", help="write the stored models")
    options.add_argument("--program", metavar="PATH", help="the genoform program")
    options.add_argument("--count", type=int, default=160, help="random models")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    if given.store:
        return write_store(given.store)
    if not given.program or not shutil.which(given.program):
        options.error("--program must name the genoform program")
    if given.stored:
        return check_stored(given.program, given.stored)
    return check_live(given.program, given.count, given.seed)


if __name__ == "__main__":
    sys.exit(main())
