#!/usr/bin/env python3
"""Time what a second core gives: one model on two threads, thread-invariant or not, and two models at once on one core each, beside one model on one core.
The runs alternate; the peak of two cores relative to that of one shows whether both cores were free. Prints Markdown.

  threads.py --program build/release/genoform
  threads.py ... --configurations d64,d128 --dtypes bf16 --rounds 5

For the threads of one model the best steps of all rounds count. For two models at once the median steps count, relative to those of the same two cores when one
is idle: the median of the rounds, since the best steps may have had the memory bandwidth to themselves."""
import argparse
import json
import os
import statistics
import subprocess

from measurements import say
from table import CONFIGURATIONS, DENSE, listed, model, table, title


class Bench:
    """genoform bench of one model."""

    def __init__(self, options, size, dtype):
        self.options = options
        self.command = [options.program, "bench", model(size, DENSE[1]), "--batch", str(size["batch"]), "--dtype", dtype, "--steps", str(options.steps),
                        "--seconds", str(options.seconds), "--json"]

    def start(self, cores, *more):
        """Starts it on these cores, one thread on each."""
        command = ["taskset", "-c", ",".join(map(str, cores)), *self.command, "--threads", str(len(cores)), *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_PROC_BIND": "true"})

    @staticmethod
    def result(process):
        out, _ = process.communicate()
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(process.args)}: exit {process.returncode}")
        return json.loads(out.strip().splitlines()[-1])

    def run(self, cores, *more):
        return self.result(self.start(cores, *more))

    def together(self, cores):
        """One model on each core, all at once."""
        return [self.result(process) for process in [self.start([core]) for core in cores]]


def row(options, name, dtype):
    size = CONFIGURATIONS[name]
    bench, best, peak, gains, peak_gains = Bench(options, size, dtype), {}, {}, [], []
    for number in range(options.rounds):
        say(f"{name} {dtype}: round {number + 1}")
        alone = [bench.run([core]) for core in options.cores]
        for what, result in [("one", min(alone, key=lambda r: r["best_ms"])), ("one invariant", bench.run(options.cores[:1], "--thread-invariant")),
                             ("two", bench.run(options.cores)), ("two invariant", bench.run(options.cores, "--thread-invariant"))]:
            best[what] = min(result["best_ms"], best.get(what, result["best_ms"]))
            threads = result["threads"]
            peak[threads] = max(result["peak_gflops"], peak.get(threads, 0.0))
        both = bench.together(options.cores)
        rate = lambda results, of: sum(of(r) for r in results)
        gains.append(len(alone) * rate(both, lambda r: 1 / r["median_ms"]) / rate(alone, lambda r: 1 / r["median_ms"]))
        peak_gains.append(len(alone) * rate(both, lambda r: r["peak_gflops"]) / rate(alone, lambda r: r["peak_gflops"]))
    price = lambda threads: f"{100 * (best[f'{threads} invariant'] / best[threads] - 1):+.1f} %"
    return [title(size), dtype, f"{best['one']:.4g}", f"{best['two']:.4g}", f"{best['one'] / best['two']:.2f}",
            f"{peak[len(options.cores)] / peak[1]:.2f}", price("one"), price("two"), f"{statistics.median(gains):.2f}", f"{statistics.median(peak_gains):.2f}"]


def arguments():
    known = ["d64", "d128", "d256", "d512"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the program genoform")
    parser.add_argument("--configurations", type=listed(CONFIGURATIONS), default=known, help=f"some of {','.join(CONFIGURATIONS)} (default: {','.join(known)})")
    parser.add_argument("--dtypes", type=listed(["f32", "bf16"]), default=["f32", "bf16"], help="f32, bf16 or f32,bf16 (default)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4, help="minimum number of steps of a round")
    parser.add_argument("--seconds", type=float, default=1, help="minimum time of a round")
    parser.add_argument("--cores", type=int, nargs=2, default=[0, 1], metavar="CORE", help="the two cores (default: 0 1)")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    return options


def main():
    options = arguments()
    rows = [row(options, name, dtype) for name in options.configurations for dtype in options.dtypes]
    head = ["configuration", "type", "one thread, ms", "two, ms", "gain", "gain of the peak", "invariant, one thread", "two", "two models at once", "gain of the peak"]
    print(table(head, rows), end="")


if __name__ == "__main__":
    main()
