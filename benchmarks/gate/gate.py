#!/usr/bin/env python3
"""Detects slower code independently of the load of the machine: counts the instructions of three training steps of two small models under valgrind's callgrind,
with the AVX2 kernels (it knows no AVX-512), and compares them with stored counts. Exit 1 where one has grown by more than the tolerance.

  gate.py --program build/release/benchmarks/gate_steps             compare with counts.json
  gate.py --program build/release/benchmarks/gate_steps --store     write counts.json, after a change that is meant

Two counts a model: `own`, of our functions, and `all`, with oneDNN's products and the C library. Instructions are not time: code that does the same with
fewer cache misses or wider vectors may be faster with equal counts, so what is stored says that nothing was added by accident, not how fast it is."""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

STORED = pathlib.Path(__file__).resolve().parent / "counts.json"
MODELS = ["dense", "sparse"]
# oneDNN's products with narrow vectors: valgrind takes half a minute to translate its AVX2 code, and the gate does not watch it.
ENVIRONMENT = {"GENOFORM_ISA": "avx2", "OMP_NUM_THREADS": "1", "DNNL_MAX_CPU_ISA": "SSE41", "ONEDNN_MAX_CPU_ISA": "SSE41"}
SHOWN = 12  # functions stored for each model, so that a growth has a name


def counts_of(profile, program):
    """{function: instructions} of the program's own code, and the sum over all code, from a file of callgrind without compressed names."""
    own, total, object_name, function, inclusive = collections.Counter(), 0, "", "", False
    for line in profile.read_text(errors="replace").splitlines():
        if line.startswith("ob="):
            object_name = line[3:]
        elif line.startswith("fn="):
            function = re.sub(r"'\d+$", "", line[3:])
        elif line.startswith("calls="):
            inclusive = True  # the next line is the cost of what was called, which stands there too
        elif re.match(r"[+*\d-]", line):
            if not inclusive:
                cost = int(line.split()[1])
                total += cost
                if object_name == program:
                    own[function] += cost
            inclusive = False
    return own, total


def measured(program):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "profile"
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}", program]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT})
        if done.returncode != 0:
            sys.exit(f"gate.py: {' '.join(command)}: exit {done.returncode}\n{done.stderr}")
        found = {}
        for i, model in enumerate(MODELS):
            own, total = counts_of(pathlib.Path(f"{out}.{i + 1}"), program)
            if not own:
                sys.exit(f"gate.py: callgrind found no instruction of {program} in the steps of \"{model}\"")
            found[model] = {"own": sum(own.values()), "all": total, "functions": dict(own.most_common())}
        return found


def compiler():
    return "g++ " + subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()


def grown(stored, found):
    """The functions that grew most, as lines."""
    change = {f: n - stored["functions"].get(f, 0) for f, n in found["functions"].items() if f in stored["functions"] or n > min(stored["functions"].values())}
    most = sorted(((by, f) for f, by in change.items() if by > 0), reverse=True)[:5]
    return [f"    {by:+12,d}  {f}" for by, f in most]


def compare(stored, found, tolerance):
    failed = False
    for model in MODELS:
        for what in ("own", "all"):
            before, now = stored["models"][model][what], found[model][what]
            percent = 100 * (now / before - 1)
            verdict = "grown" if percent > tolerance else "less" if percent < -tolerance else "fine"
            print(f"{model:7} {what:4} {before:13,d} -> {now:13,d}  {percent:+6.2f} %  {verdict}")
            if verdict == "grown":
                failed = True
                print("\n".join(grown(stored["models"][model], found[model])))
            if verdict == "less":
                print("    store the new counts with --store, so that the gain cannot be lost unseen")
    if failed:
        print(f"""gate.py: a training step executes more than {tolerance:g} % more instructions than stored in {STORED.name}. The functions above grew most.
If that is not meant, find the change that did it and undo it: `git stash` and a second run tell old from new.
If it is meant (it does more, or is faster with more instructions: show it by `genoform bench --profile`), store the counts with
  benchmarks/gate/gate.py --program PATH/gate_steps --store
and say in the commit why.""")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program gate_steps")
    parser.add_argument("--tolerance", type=float, default=3, help="percent (default: 3)")
    parser.add_argument("--store", action="store_true")
    options = parser.parse_args()
    found = measured(os.path.realpath(options.program))
    if options.store:
        for model in found.values():
            model["functions"] = dict(list(model["functions"].items())[:SHOWN])
        STORED.write_text(json.dumps({"compiler": compiler(), "models": found}, indent=1) + "\n")
        return 0
    stored = json.loads(STORED.read_text())
    if stored["compiler"].split(".")[0] != compiler().split(".")[0]:
        print(f"gate.py: the counts were stored with {stored['compiler']}, this is {compiler()}: another compiler has other counts, so nothing is compared")
        return 0
    return 1 if compare(stored, found, options.tolerance) else 0


if __name__ == "__main__":
    sys.exit(main())
