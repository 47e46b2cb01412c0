#!/usr/bin/env python3
"""Time training steps of genoform and of PyTorch on the same work, in turn, on one core: models from width 64 to GPT-2 124M, and what convolutions,
activations and sparse layers cost. Prints Markdown; --write puts it into a file between two marker comments.

  table.py --program build/release/genoform                                              genoform alone
  table.py --program build/release/genoform --python build/venv-torch/bin/python         beside PyTorch
  table.py ... --configurations d64,d128 --variants none --rounds 1                      a part, quickly
  table.py ... --profiles --write docs/performance.md --results build/table.jsonl        everything, which takes hours

With --results every measurement is added to a file when it is made: one contender in one round, as a line of JSON. A run that was stopped goes on where it was when
it is started again; what the file has of another command, program or processor is measured again, and said. Rows go to stderr as they become complete.

Best steps count, over all rounds; percentages are of the multiply-add peak of the type, the largest that was measured around the steps of the row. PyTorch is
timed as a wheel gives it (stock: eager, fused attention) and tuned: torch.compile and the libraries of --preload (tcmalloc when it is installed; on AMD
processors one that makes MKL take its AVX-512 path), with fused and with explicit attention, of which the faster is its figure."""
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
# name: sizes, and the percent of the peak that is to be reached
CONFIGURATIONS = {
    "d64": (dict(layers=4, width=64, heads=4, context=64, batch=12), dict(f32=70, bf16=50)),
    "d128": (dict(layers=4, width=128, heads=4, context=64, batch=12), dict(f32=80, bf16=68)),
    "d256": (dict(layers=4, width=256, heads=4, context=128, batch=16), dict(f32=86, bf16=78)),
    "d512": (dict(layers=2, width=512, heads=8, context=256, batch=8), dict(f32=89, bf16=82)),
    "d384": (dict(layers=6, width=384, heads=6, context=256, batch=64), dict(f32=87, bf16=80)),
    "gpt2": (dict(layers=12, width=768, heads=12, context=64, batch=4, vocab=50257), dict(f32=79, bf16=66)),
}
# name: what it is called, two blocks of it, and PyTorch's options
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
        """The result of what is to be measured: the configuration, the type, the contender and the round."""
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
        """{name: best result} and the largest peak, of (name, command, environment), all of them in turn in every round."""
        best, peak = {}, 0.0
        for turn in range(self.options.rounds):
            for name, command, environment in contenders:
                result = self.run(dict(configuration=configuration, dtype=dtype, contender=name, round=turn + 1), command, environment)
                say(f"round {turn + 1}: {name}: {result['best_ms']:.2f} ms")
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
    """The rows of the table, memory beside PyTorch's, and a profile of each row below what it is to reach."""
    rows, memory, missed = [], [], ""
    for name in options.configurations:
        size, wanted = CONFIGURATIONS[name]
        for dtype in options.dtypes:
            say(f"{name} {dtype}")
            best, peak = runner.best_of(name, dtype, [("genoform", *runner.ours(size, dtype, DENSE[1])), *runner.peers(size, dtype, [])])
            ours = best["genoform"]
            reached = 100 * ours["gflops"] / peak
            row = [title(size), dtype, f"{ours['best_ms']:.4g}", f"{ours['tokens_per_second']:,.0f}", f"{reached:.1f} %", f"{wanted[dtype]} %"]
            if options.python:
                row += [f"{best[kind]['best_ms']:.4g} ({100 * best[kind]['gflops'] / peak:.0f} %)" for kind in ("sdpa", "explicit", "stock")]
                row += [f"{tuned(best) / ours['best_ms']:.2f}"]
                memory.append(memory_row(size, dtype, best))
            rows.append(row)
            say(line(row))
            if options.profiles and reached < wanted[dtype]:
                what = dict(configuration=name, dtype=dtype, contender="genoform, profile", round=1)
                missed += profile(f"{title(size)} {dtype}", runner.run(what, *runner.ours(size, dtype, DENSE[1], "--profile")))
    head = ["configuration", "type", "best ms", "tokens/s", "of peak", "to reach"]
    if options.python:
        head += ["PyTorch, fused attention", "explicit", "stock", "times faster than the best"]
    text = table(head, rows)
    if memory:
        text += f"\n{MEMORY_TEXT}\n\n" + table(MEMORY_HEAD, memory)
    return text + missed


def memory_row(size, dtype, best):
    """A row under MEMORY_HEAD. PyTorch's activations are its peak less the state, as its users see it, and less the library as well."""
    ours, rival = best["genoform"], min((best[kind] for kind in ("sdpa", "explicit")), key=lambda result: result["peak_resident_bytes"])
    mib = lambda size: f"{size / 2 ** 20:.1f}"
    used = ours["workspace_bytes"] + ours["backend_scratch_bytes"]
    theirs = rival["peak_resident_bytes"] - rival["state_bytes"]
    return [title(size), dtype, mib(ours["total_bytes"]), mib(ours["peak_resident_bytes"]), mib(rival["peak_resident_bytes"]),
            f"{100 * ours['peak_resident_bytes'] / rival['peak_resident_bytes']:.0f} %", mib(used), mib(theirs), f"{100 * used / theirs:.0f} %",
            mib(theirs - rival["library_bytes"]), f"{100 * used / (theirs - rival['library_bytes']):.0f} %"]


MEMORY_HEAD = ["configuration", "type", "planned, MiB", "process", "PyTorch's process", "ratio", "activations and scratch",
               "PyTorch's: peak less state", "ratio", "less the library too", "ratio"]
MEMORY_TEXT = """Memory in MiB: of genoform what was planned before the run (weights, gradients, moments, activations, scratch) and the most that the process
had in memory; of PyTorch, tuned, the smaller of both attentions, the most of the timed steps, without what compiling took."""


def profile(name, result):
    """Where the time of a step goes: the operations that take most of it."""
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
        size = CONFIGURATIONS[name][0]
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
    """When, where and with what."""
    facts = runner.facts
    cpu = dict(re.findall(r"^(cpu family|model)\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    peaks = ", ".join(f"{peak:.0f} GFLOP/s in {dtype}" for dtype, peak in runner.peaks.items())
    versions = f"g++ {compiler}, oneDNN {facts['onednn']}" + (f", PyTorch {runner.torch}" if runner.torch else "")
    return (f"Measured on {runner.measurements.days()} by `benchmarks/train/table.py`: {facts['processor']} (family {cpu.get('cpu family', '?')}, model\n"
            f"{cpu.get('model', '?')}), {facts['in_use']}, {os.cpu_count()} processors of which one is used; its peak {peaks}, its memory {runner.triad:.1f} GB/s (triad);\n"
            f"{versions}. Best of at least {options.rounds} times {options.steps} steps; vocabulary 256 where no other is given, with clipping and AdamW.\n")


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
    parser.add_argument("--steps", type=int, default=4, help="at least so many a round")
    parser.add_argument("--seconds", type=float, default=3, help="and for so long")
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--profiles", action="store_true", help="where a row is below what it is to reach, say where the time goes")
    parser.add_argument("--results", type=pathlib.Path, metavar="FILE", help="take from this file what was measured, and add to it what is measured")
    parser.add_argument("--write", type=pathlib.Path, help="put the tables into this file too")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    if options.skip_peer:
        options.python = None
    return options


def main():
    options = arguments()
    runner = Runner(options)
    text = main_table(runner, options)
    if options.variants and any(name in VARIED for name in options.configurations):
        text += "\n" + variant_table(runner, options)
    text = machine(runner, options) + "\n" + text
    print(text, end="")
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
