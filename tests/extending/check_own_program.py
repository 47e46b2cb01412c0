#!/usr/bin/env python3
"""Runs a program genoform that a user built with a router and an optimizer of his own: what it knows, trains, saves and resumes.

    check_own_program.py PROGRAM
"""

import json
import pathlib
import subprocess
import sys
import tempfile

MODEL = "Decoder<Stack<Block<Attention<Heads<2>>, Moe<Fair<2>, Experts<4>, Hidden<16>>>, 2>, Vocab<256>, Width<16>, Context<16>>"
OWN = ["--optimizer", "momentum", "--momentum", "0.8"]


def run(*arguments, code=0):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def state_bytes(program, *options):
    return json.loads(run(program, "inspect", MODEL, "--memory", "--json", *options))["optimizer_bytes"]


def main(program):
    assert "momentum: stochastic gradient descent" in run(program, "train", "--help")
    assert run(program, "print", MODEL).strip() == MODEL
    assert "Fair" in run(program, "print", "Block<Moe<Fairr<2>>>", code=3)
    assert "--momentum is a setting of momentum, not of adamw" in run(program, "train", MODEL, "--dry-run", "--momentum", "0.8", code=2)
    parameters = json.loads(run(program, "inspect", MODEL, "--json"))["parameters"]
    assert 4 * parameters <= state_bytes(program, *OWN) < 5 * parameters < state_bytes(program)
    needed = [json.loads(run(program, "train", MODEL, "--dry-run", *options))["bytes"] for options in (OWN, [])]
    assert needed[0] < needed[1]
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "text.txt").write_text("the quick brown fox jumps over the lazy dog and runs away again. " * 300)
        training = [program, "train", MODEL, "--data", folder / "text.txt", "--steps", 6, "--batch", 4, "--windows", 0, "--save-every", 3,
                    "--threads", 1, *OWN]
        run(*training, "--out", folder / "whole")
        run(*training, "--out", folder / "whole", "--resume")
        assert "momentum" in run(*training[:-2], "--momentum", "0.7", "--out", folder / "whole", "--resume", code=3)
        assert "Moe<Fair<2>" in run(program, "inspect", folder / "whole")
    print("a router and an optimizer of one's own: the program knows, counts, trains, saves and resumes them")


if __name__ == "__main__":
    main(sys.argv[1])
