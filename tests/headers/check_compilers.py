#!/usr/bin/env python3
"""Compilers and flags that the library refuses, each with the sentence that the compiler has to show, and those that it takes.

    check_compilers.py g++ clang++
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Each is all that a program may include to compute.
COMPUTING = ("genoform.hpp", "backend/cpu/kernels.hpp", "backend/reference/dense.hpp", "train/finite.hpp")
ARITHMETIC = "genoform needs IEEE arithmetic: compile without -ffast-math"
REFUSED = [(flag, header, ARITHMETIC) for flag in ("-ffast-math", "-ffinite-math-only", "-Ofast") for header in COMPUTING] + [
    ("-fno-exceptions", header, "genoform throws exceptions: compile without -fno-exceptions") for header in ("fwd.hpp", "genoform.hpp")] + [
    ("-std=c++17", "genoform.hpp", "genoform is written in C++20"),
    # What libc++ defines, so that it need not be there.
    ("-D_LIBCPP_VERSION=14000", "genoform.hpp", "genoform needs the standard library of g++ 12 or newer (libstdc++)")]
# clang 14 has no macro for these.
REFUSED_BY_GCC = [(flag, COMPUTING[0], ARITHMETIC) for flag in ("-funsafe-math-optimizations", "-freciprocal-math")]


def complaint(command: str, flag: str, header: str, sentence: str) -> str:
    """What is wrong; an empty sentence: it must compile."""
    done = subprocess.run([command, "-std=c++20", flag, f"-I{ROOT / 'include'}", "-fsyntax-only", "-DGENOFORM_UNOPTIMIZED_KERNELS",
                           "-x", "c++", "-"], input=f"#include <genoform/{header}>\n", capture_output=True, text=True, timeout=100)
    if not sentence:
        return "" if done.returncode == 0 else f"does not compile\n{done.stderr}"
    if done.returncode == 0:
        return "compiles"
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return "" if errors and sentence in errors[0] else f"its first error is not {sentence!r}\n{done.stderr[:2000]}"


def main(commands: list[str]) -> int:
    if not commands:
        print(__doc__, file=sys.stderr)
        return 2
    failures = 0
    for command in commands:
        is_clang = "clang" in subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        for flag, header, sentence in REFUSED + ([] if is_clang else REFUSED_BY_GCC) + [("-O2", COMPUTING[0], "")]:
            wrong = complaint(command, flag, header, sentence)
            if wrong:
                failures += 1
                print(f"{command} {flag}, {header}: {wrong}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
