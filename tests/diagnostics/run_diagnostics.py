#!/usr/bin/env python3
"""Compiles wrong programs with each compiler given and looks for our sentence and for the names of what is wrong.

    run_diagnostics.py g++ clang++

All programs share one precompiled header, so that the whole list takes seconds. Each program must fail with our sentence as its one
static assertion, and at most one further error (a compiler's remark that the refused type has no value).
"""

import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.dont_write_bytecode = True
from wrong_programs import WRONG_PROGRAMS, WrongProgram  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS_EACH = 60
# The sentence stands near the top of what a compiler prints, and that is not long.
SENTENCE_WITHIN, LINES_AT_MOST = 16, 60


class Compiler:
    def __init__(self, command: str, folder: pathlib.Path):
        self.command = command
        self.folder = folder
        self.numbers = itertools.count()
        self.is_clang = "clang" in subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        self.flags = ["-std=c++20", f"-I{ROOT / 'include'}", f"-I{ROOT}"]
        header = folder / "all.hpp"
        header.write_text("#include <genoform/genoform.hpp>\n")
        compiled = folder / ("all.hpp.pch" if self.is_clang else "all.hpp.gch")
        subprocess.run([command, *self.flags, "-x", "c++-header", str(header), "-o", str(compiled)], check=True, timeout=SECONDS_EACH)
        self.include = ["-include-pch", str(compiled)] if self.is_clang else ["-include", str(header)]

    def compile(self, code: str) -> tuple[bool, str]:
        source = self.folder / f"program{next(self.numbers)}.cpp"
        source.write_text(f"using namespace genoform;\nusing namespace genoform::extend;\n{code}\n")
        done = subprocess.run([self.command, *self.flags, *self.include, "-fsyntax-only", "-fdiagnostics-color=never", str(source)],
                              capture_output=True, text=True, timeout=SECONDS_EACH)
        return done.returncode == 0, done.stderr.replace("> >", ">>")


def complaints(compiler: Compiler, wrong: WrongProgram) -> list[str]:
    compiled, output = compiler.compile(wrong.code)
    if compiled:
        return ["it compiles"]
    errors = [line for line in output.splitlines() if re.search(r"\berror:", line)]
    ours = [line for line in errors if wrong.sentence in line]
    names = wrong.names if compiler.is_clang else wrong.names + wrong.names_of_gcc
    found = [] if len(ours) == 1 else [f"{len(ours)} errors with the sentence, not 1"]
    found += [f"the name {name!r} is not shown" for name in names if name not in output]
    found += [f"{len(errors)} errors"] if len(errors) > 2 else []
    lines = output.splitlines()
    at = next((number for number, line in enumerate(lines, 1) if wrong.sentence in line), 0)
    if at > SENTENCE_WITHIN or len(lines) > LINES_AT_MOST:
        found.append(f"the sentence stands at line {at} of {len(lines)}")
    return [f"{what}\n{output}" for what in found[:1]]


def main(commands: list[str]) -> int:
    if not commands:
        print(__doc__, file=sys.stderr)
        return 2
    failures = 0
    for command in commands:
        with tempfile.TemporaryDirectory() as folder:
            compiler = Compiler(command, pathlib.Path(folder))
            right, output = compiler.compile("Decoder<Stack<Block<Attn, Moe<Top2>, Ffn<SqReLU>>, 4>, Width<128>> net;")
            if not right:
                print(f"{command}: a right program does not compile\n{output}")
                return 1
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for wrong, found in zip(WRONG_PROGRAMS, pool.map(lambda wrong: complaints(compiler, wrong), WRONG_PROGRAMS)):
                    for complaint in found:
                        failures += 1
                        print(f"{command}: {wrong.title}: {complaint}")
        print(f"{command}: {len(WRONG_PROGRAMS)} wrong programs")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
