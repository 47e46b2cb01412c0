#!/usr/bin/env python3
"""Runs examples/optuna/search.py, with a Python that has Optuna, for a few tiny trainings.

  check_optuna.py --program PATH"""
import argparse
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "optuna" / "search.py"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    program = parser.parse_args().program.resolve()
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text.txt"
        text.write_text(" ".join(random.Random(1).choice("the captain ship harbour storm sailor garden rose apple".split()) for _ in range(6000)))

        def best(sampler, trials, seed):
            command = [sys.executable, EXAMPLE, "--program", program, "--data", text, "--sampler", sampler, "--trials", trials, "--steps", 5, "--seed", seed,
                       "--sub-layers", "1-2", "--batch", 2, "--context", 16]
            done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            finished = done.stderr.count(" finished with value")
            assert finished == trials, f"{sampler}: {finished} trials, not {trials}: {done.stderr}"
            return [json.loads(line) for line in done.stdout.splitlines()]

        tpe = best("tpe", 14, 3)  # the first ten are random
        assert len(tpe) == 1 and 0 < tpe[0]["values"][0] < 9 and tpe[0]["text"].startswith("Decoder<"), tpe
        assert best("tpe", 14, 3) == tpe, "the same seed has another result"
        assert best("tpe", 14, 4) != tpe, "another seed has the same result"
        front = best("nsga2", 20, 3)  # the second generation begins after 16
        assert all(math.isfinite(v) and v > 0 for trial in front for v in trial["values"]) and len(front) >= 1, front
        for a in front:
            for other in front:
                assert not (other["values"][0] < a["values"][0] and other["values"][1] < a["values"][1]), (a, other)
        assert best("nsga2", 20, 3) == front, "the same seed has another result"
    print("Optuna: TPE and NSGA-II ran, and repeat their results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
