#!/usr/bin/env python3
"""Time training steps of genoform and of PyTorch on the same work, alternately, on one core: models from width 64 to GPT-2 124M, and variants of two of
them with convolutions, another activation and sparse layers. Prints Markdown; --write puts the table of the models into a file between two marker comments.

  table.py --program build/release/genoform                                              genoform alone
  table.py --program build/release/genoform --python build/venv-torch/bin/python         beside PyTorch
  table.py ... --configurations d64,d128 --variants none --rounds 1                      a few minutes
  table.py ... --profiles --write docs/performance.md --results build/table.jsonl        everything, which takes hours

With --results each measurement (a contender in a round) is appended to a file as a line of JSON. A run that was stopped continues from this file;
measurements of another command, program or processor are repeated, with a message. Rows go to stderr as they become complete.

The figure of a contender is its best step of all rounds. Percentages are relative to the multiply-add peak of the type, the highest one measured beside the
steps of the row. PyTorch is timed as the wheel is installed (stock: eager, fused attention) and tuned: torch.compile and the libraries of --preload (tcmalloc
if it is installed; on AMD processors a library that makes MKL use its AVX-512 code), with fused and with explicit attention, of which the faster counts."""
import argparse
import glob
import json
import os
import pathlib
import re
import subprocess

from measurements import Measurements, say

PEER = pathlib.Path(__file__).resolve().parent.parent / "peers" / "torch_step.py"
BEGIN, END = "<!-- table.py: begin -->", "<!-- table.py: end -->"
CONFIGURATIONS = {
    "d64": dict(layers=4, width=64, heads=4, context=64, batch=12),
    "d128": dict(layers=4, width=128, heads=4, context=64, batch=12),
    "d256": dict(layers=4, width=256, heads=4, context=128, batch=16),
    "d512": dict(layers=2, width=512, heads=8, context=256, batch=8),
    "d384": dict(layers=6, width=384, heads=6, context=256, batch=64),
    "gpt2": dict(layers=12, width=768, heads=12, context=64, batch=4, vocab=50257),
}
# name: title, two blocks, and the options of torch_step.py
DENSE = ("dense", "{plain}, {ffn}, {plain}, {ffn}", [])
VARIANTS = {
    "dconv": ("DConv<3>", "{conv}, {ffn}, {conv}, {ffn}", ["--dconv", "3"]),
    "gelu": ("GELU", "{plain}, {gelu}, {plain}, {gelu}", ["--activation", "gelu"]),
    "expert-choice": ("ExpertChoice of 8 in every other FFN", "{plain}, Moe<ExpertChoice, Experts<8>>, {plain}, {ffn}", ["--moe", "8", "--router", "expert-choice"]),
    "top2": ("Top2 of 8 in every other FFN", "{plain}, Moe<Top2, Experts<8>>, {plain}, {ffn}", ["--moe", "8"]),
}
VARIED = ["d128", "d256"]


def title(size):
    vocabulary = f" V{size['vocab']}" if "vocab" in size else ""
    return f"L{size['layers']} d{size['width']} h{size['heads']} T{size['context']} B{size['batch']}{vocabulary}"


def model(size, blocks):
    heads = f"Heads<{size['heads']}>"
    words = dict(plain=f"Attention<{heads}>", conv=f"Attention<{heads}, DConv<3>>", ffn="Ffn<SqReLU>", gelu="Ffn<GeLU>")
    return (f"Decoder<Stack<Block<{blocks.format(**words)}>, {size['layers'] // 2}>, Vocab<{size.get('vocab', 256)}>, "
            f"Width<{size['width']}>, Context<{size['context']}>>")


class Runner:
    """Runs contenders one after the other and keeps the best result of each."""

    def __init__(self, options):
        self.options = options
        self.facts = json.loads(subprocess.run([options.program, "doctor", "--json"], capture_output=True, text=True, check=True).stdout)
        self.measurements = Measurements(options.results, {name: self.facts[name] for name in ("processor", "in_use", "onednn")})
        self.peaks, self.triad, self.torch = {}, 0.0, None

    def run(self, what, command, environment):
        """The result of one measurement: `what` has the configuration, the type, the contender and the round."""
        command = ["taskset", "-c", str(self.options.core), *command]

        def measure():
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
            return json.loads(done.stdout.strip().splitlines()[-1])

        return self.measurements.of(what, command, environment, measure)

    def ours(self, size, dtype, blocks, *more):
        o = self.options
        command = [o.program, "bench", model(size, blocks), "--batch", str(size["batch"]), "--threads", "1",
                   "--steps", str(o.steps), "--seconds", str(o.seconds), "--json", *more]
        return command + (["--dtype", dtype] if dtype != "f32" else []), {"OMP_NUM_THREADS": "1"}

    def peers(self, size, dtype, arguments):
        o = self.options
        if not o.python:
            return
        command = [o.python, str(PEER), "--dtype", dtype, "--steps", str(o.steps), "--seconds", str(o.seconds), *arguments]
        for name, value in size.items():
            command += [f"--{name}", str(value)]
        yield "stock", command, {}
        for attention in ("sdpa", "explicit"):
            yield attention, [*command, "--attention", attention, "--compile"], {"LD_PRELOAD": o.preload}

    def best_of(self, configuration, dtype, contenders):
        """{name: best result} and the highest peak of contenders (name, command, environment), which alternate in every round."""
        best, peak = {}, 0.0
        for number in range(self.options.rounds):
            for name, command, environment in contenders:
                result = self.run(dict(configuration=configuration, dtype=dtype, contender=name, round=number + 1), command, environment)
                say(f"round {number + 1}: {name}: {result['best_ms']:.2f} ms")
                peak = max(peak, result.get("peak_gflops", 0.0))
                self.triad = max(self.triad, result.get("dram_triad_gbps", 0.0))
                self.torch = result.get("torch", self.torch)
                if name not in best or result["best_ms"] < best[name]["best_ms"]:
                    best[name] = result
        self.peaks[dtype] = max(peak, self.peaks.get(dtype, 0.0))
        return best, peak


def tuned(best, prefix=""):
    return min((best[prefix + kind]["best_ms"] for kind in ("sdpa", "explicit")), default=None)


def main_table(runner, options):
    """The table of the models; with --profiles the operations of each of them after it, which --write leaves out."""
    rows, profiles = [], ""
    for name in options.configurations:
        size = CONFIGURATIONS[name]
        for dtype in options.dtypes:
            say(f"{name} {dtype}")
            best, peak = runner.best_of(name, dtype, [("genoform", *runner.ours(size, dtype, DENSE[1])), *runner.peers(size, dtype, [])])
            ours = best["genoform"]
            row = [title(size), dtype, f"{ours['best_ms']:.4g}", f"{ours['tokens_per_second']:,.0f}", f"{100 * ours['gflops'] / peak:.0f} %",
                   mebibytes(ours)]
            if options.python:
                rival = min((best[kind]["peak_resident_bytes"], kind) for kind in ("sdpa", "explicit"))[1]
                row += [f"{tuned(best):.4g}", f"{best['stock']['best_ms']:.4g}", f"{tuned(best) / ours['best_ms']:.2f}", mebibytes(best[rival])]
            rows.append(row)
            say(line(row))
            if options.profiles:
                what = dict(configuration=name, dtype=dtype, contender="genoform, profile", round=1)
                profiles += profile(f"{title(size)} {dtype}", runner.run(what, *runner.ours(size, dtype, DENSE[1], "--profile")))
    head = ["configuration", "type", "step, ms", "tokens/s", "of peak", "memory, MiB"]
    if options.python:
        head += ["PyTorch tuned, ms", "stock, ms", "times faster than tuned", "PyTorch's memory, MiB"]
    return table(head, rows), profiles


def mebibytes(result):
    return f"{result['peak_resident_bytes'] / 2 ** 20:,.0f}"


def profile(name, result):
    """The eight operations that take most of the time of a step."""
    sums = {}
    for row in result["profile"]:
        ms, flops, size = sums.get(row["operation"], (0.0, 0.0, 0.0))
        sums[row["operation"]] = ms + row["ms"], flops + row.get("flops", 0), size + row["bytes"]
    rows = [[operation, f"{ms:.3g}", f"{100 * ms / result['profile_step_ms']:.1f} %",
             f"{flops / ms * 1e-4 / result['peak_gflops']:.0f} %" if flops else "", f"{size / ms * 1e-6:.1f}"]
            for operation, (ms, flops, size) in sorted(sums.items(), key=lambda item: -item[1][0])[:8]]
    return f"\n{name}, a step of {result['profile_step_ms']:.4g} ms by operation:\n\n" + table(["operation", "ms", "of the step", "of peak", "GB/s"], rows)


def variant_table(runner, options):
    rows = []
    variants = [DENSE, *(VARIANTS[v] for v in options.variants)]
    for name in [c for c in options.configurations if c in VARIED]:
        size = CONFIGURATIONS[name]
        for dtype in options.dtypes:
            say(f"{name} {dtype}: variants")
            contenders = []
            for what, blocks, arguments in variants:
                contenders.append((what, *runner.ours(size, dtype, blocks)))
                contenders += [(f"{what}, {kind}", *rest) for kind, *rest in runner.peers(size, dtype, arguments) if kind != "stock"]
            best, _ = runner.best_of(name, dtype, contenders)
            for what, *_ in variants:
                change = lambda ms, base: "" if what == DENSE[0] else f"{100 * (ms / base - 1):+.1f} %"
                ours, overhead = best[what], best[what].get("routing_overhead_percent")
                row = [title(size), dtype, what, f"{ours['best_ms']:.4g}", change(ours["best_ms"], best[DENSE[0]]["best_ms"]),
                       "" if overhead is None else f"{overhead:.1f} %"]
                if options.python:
                    rival = tuned(best, f"{what}, ")
                    row += [f"{rival:.4g}", change(rival, tuned(best, f"{DENSE[0]}, "))]
                rows.append(row)
                say(line(row))
    head = ["configuration", "type", "variant", "best ms", "to dense", "routing overhead"] + (["PyTorch, best ms", "to dense"] if options.python else [])
    return table(head, rows)


def line(row):
    return f"| {' | '.join(row)} |"


def table(head, rows):
    return "\n".join(map(line, [head, ["---"] * len(head), *rows])) + "\n"


def machine(runner, options):
    """The days, the machine and the versions of the measurements."""
    facts = runner.facts
    cpu = dict(re.findall(r"^(cpu family|model)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    peaks = ", ".join(f"{peak:.0f} GFLOP/s in {dtype}" for dtype, peak in runner.peaks.items())
    versions = f"g++ {compiler}, oneDNN {facts['onednn']}" + (f", PyTorch {runner.torch}" if runner.torch else "")
    return (f"Measured on {runner.measurements.days()} by `benchmarks/train/table.py`: {facts['processor']} (family {cpu.get('cpu family', '?')}, model\n"
            f"{cpu.get('model', '?')}), {facts['in_use']}, {os.cpu_count()} processors of which one is used; peak {peaks}, memory {runner.triad:.1f} GB/s (triad);\n"
            f"{versions}. Best of at least {options.rounds} times {options.steps} steps with clipping and AdamW; vocabulary 256 unless given.\n")


def write(path, text):
    before = path.read_text() if path.exists() else f"{BEGIN}\n{END}\n"
    if BEGIN not in before or END not in before.split(BEGIN, 1)[1]:
        raise SystemExit(f"{path}: no line {BEGIN} with {END} after it")
    head, rest = before.split(BEGIN, 1)
    path.write_text(f"{head}{BEGIN}\n{text}{END}{rest.split(END, 1)[1]}")


def listed(known, none=False):
    def read(text):
        names = [] if none and text == "none" else text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among {', '.join(known)}")
        return names
    return read


def arguments():
    malloc = sorted(glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program genoform")
    parser.add_argument("--python", help="a Python with torch; without it genoform alone is timed")
    parser.add_argument("--skip-peer", action="store_true", help="genoform alone, whatever --python says")
    parser.add_argument("--preload", default=malloc[0] if malloc else "", help="libraries for the tuned PyTorch, as in LD_PRELOAD (default: %(default)s)")
    parser.add_argument("--configurations", type=listed(CONFIGURATIONS), default=list(CONFIGURATIONS), help=f"some of {','.join(CONFIGURATIONS)}")
    parser.add_argument("--variants", type=listed(VARIANTS, none=True), default=list(VARIANTS), help=f"none, or some of {','.join(VARIANTS)}; of {' and '.join(VARIED)}")
    parser.add_argument("--dtypes", type=listed(["f32", "bf16"]), default=["f32", "bf16"], help="f32, bf16 or f32,bf16 (default)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="minimum number of steps of a round")
    parser.add_argument("--seconds", type=float, default=3, help="minimum time of a round")
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--profiles", action="store_true", help="print the operations that take most of the time of each model")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="read earlier measurements from this file, and append new ones")
    parser.add_argument("--write", type=pathlib.Path, help="put the table of the models into this file too")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    if options.skip_peer:
        options.python = None
    return options


def main():
    options = arguments()
    runner = Runner(options)
    models, text = main_table(runner, options)
    if options.variants and any(name in VARIED for name in options.configurations):
        text += "\n" + variant_table(runner, options)
    models = machine(runner, options) + "\n" + models
    print(models + text, end="")
    if options.write:
        write(options.write, models)


if __name__ == "__main__":
    main()
