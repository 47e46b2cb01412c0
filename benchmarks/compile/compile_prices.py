#!/usr/bin/env python3
"""What it costs to compile the library: seconds and peak memory of translation units, beside the limits that we keep.

  compile_prices.py [--compiler g++] [--runs 3] [--check] [--include DIR]
Each unit is compiled twice: with headers alone, and as a program that links genoform::compiled_search. Limits hold for the headers alone.
Seconds are those of the processor, which other work on the machine changes less than those of the clock; the best of the runs counts.
--check: exit 1 if a limit is exceeded, otherwise only reported. --include: another version's headers, to be compared in the same minute.
GENOFORM_ONEDNN_ROOT in the environment is searched for headers, as by CMake."""
import argparse
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
SEARCH = HERE.parent.parent / "examples" / "07_own_search.cpp"
# file, what it stands for, seconds, MiB; with 2 cores, g++ 12, -O2
UNITS = [
    (HERE / "umbrella.cpp", "umbrella header", 1, None),
    (HERE / "fixed_model.cpp", "one fixed model, cpu", 6, None),
    (HERE / "first_program.cpp", "README's program", None, None),
    (HERE / "registry.cpp", "whole registry, cpu", 60, 2048),
    (SEARCH, "search of one's own", None, None),
]
COMPILED = ["-DGENOFORM_COMPILED", "-DGENOFORM_COMPILED_KERNELS", "-DGENOFORM_COMPILED_SEARCH"]  # what genoform::compiled_search defines


def compile_once(command):
    """Processor seconds and peak MiB of one run of the compiler, its driver and all that it waited for."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"compile_prices.py: failed: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--include", type=pathlib.Path, default=INCLUDE)
    options = parser.parse_args()
    flags = ["-std=c++20", "-O2", "-DNDEBUG", "-fopenmp", "-I", options.include, "-isystem", "/usr/include/eigen3"]
    if os.environ.get("GENOFORM_ONEDNN_ROOT"):
        flags += ["-isystem", os.environ["GENOFORM_ONEDNN_ROOT"] + "/include"]

    def cheapest(file, *definitions):
        runs = [compile_once([options.compiler, *flags, *definitions, "-c", file, "-o", os.devnull]) for _ in range(options.runs)]
        return min(r[0] for r in runs), max(r[1] for r in runs)

    broken = False
    print(f"{'unit':<24}{'seconds':>9}{'limit':>7}{'MiB':>8}{'limit':>7}{'compiled: seconds':>19}{'MiB':>8}")
    for file, title, seconds_limit, memory_limit in UNITS:
        seconds, memory = cheapest(file)
        compiled_seconds, compiled_memory = cheapest(file, *COMPILED)
        over = (seconds_limit is not None and seconds > seconds_limit) or (memory_limit is not None and memory > memory_limit)
        broken |= over
        print(f"{title:<24}{seconds:>9.2f}{seconds_limit or '':>7}{memory:>8.0f}{memory_limit or '':>7}"
              f"{compiled_seconds:>19.2f}{compiled_memory:>8.0f}{'  OVER THE LIMIT' if over else ''}", flush=True)
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
