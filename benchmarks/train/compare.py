#!/usr/bin/env python3
"""Time a training step of genoform and of PyTorch on the same work, alternately, on one core.

  compare.py --program build/release/genoform --python build/venv-torch/bin/python [--rounds 3] [--preload LIBRARIES]

Prints the best step of each and the percentage of the FMA peak that was measured around our steps. `tuned` runs PyTorch with the libraries of
--preload (a faster malloc; on AMD processors one that makes MKL take its AVX-512 path) and torch.compile."""
import argparse
import json
import os
import pathlib
import subprocess

PEER = pathlib.Path(__file__).resolve().parent.parent / "peers" / "torch_step.py"
TEXT = "Decoder<Stack<Block<Attention<Heads<{heads}>, DConv<3>>, Ffn<SqReLU>>, {layers}>, Vocab<256>, Width<{width}>, Context<{context}>>"
SIZES = [dict(layers=4, width=64, heads=4, context=64, batch=12), dict(layers=4, width=128, heads=4, context=64, batch=12),
         dict(layers=4, width=256, heads=4, context=128, batch=16)]


def measured(command, core, **environment):
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def contenders(options, size):
    ours = [options.program, "bench", TEXT.format(**size), "--batch", str(size["batch"]), "--context", str(size["context"]),
            "--threads", "1", "--steps", str(options.steps), "--json"]
    peer = [options.python, str(PEER), "--dconv", "3", "--steps", str(options.steps)]
    for name, value in size.items():
        peer += [f"--{name}", str(value)]
    yield "genoform", ours, {"OMP_NUM_THREADS": "1"}
    if not options.python:
        return
    yield "PyTorch, stock", peer, {}
    for attention in ("sdpa", "explicit"):
        yield f"PyTorch, tuned, compiled, {attention}", [*peer, "--attention", attention, "--compile"], {"LD_PRELOAD": options.preload}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program genoform")
    parser.add_argument("--python", help="a Python with torch; without it genoform alone is timed")
    parser.add_argument("--preload", default="", help="libraries for the tuned PyTorch, as in LD_PRELOAD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--width", type=int, help="only this width")
    options = parser.parse_args()
    print("| configuration | what | best ms | tokens/s | GFLOP/s | percent of peak |\n| --- | --- | --- | --- | --- | --- |")
    for size in SIZES:
        if options.width and size["width"] != options.width:
            continue
        best, peak = {}, 0.0
        for _ in range(options.rounds):
            for name, command, environment in contenders(options, size):
                result = measured(command, options.core, **environment)
                peak = max(peak, result.get("peak_gflops", 0.0))
                if name not in best or result["best_ms"] < best[name]["best_ms"]:
                    best[name] = result
        for name, r in best.items():
            print(f"| L{size['layers']} d{size['width']} T{size['context']} B{size['batch']} | {name} | {r['best_ms']:.2f} | "
                  f"{r['tokens_per_second']:.0f} | {r['gflops']:.1f} | {100 * r['gflops'] / peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
