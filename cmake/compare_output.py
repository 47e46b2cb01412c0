#!/usr/bin/env python3
"""Compare what a program prints with a stored text: words must be equal, numbers may differ by a relative tolerance (and by 1e-6).

  compare_output.py EXPECTED PROGRAM [ARGUMENT...]
The first line of EXPECTED may be "# tolerance: 0.05"; without it 0.02. White space within a line does not count.
With GENOFORM_UPDATE_OUTPUT=1 in the environment EXPECTED is replaced by the output of the program."""
import os
import pathlib
import re
import subprocess
import sys

NUMBER = re.compile(r"[-+]?(?:\d+(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def split_numbers(line):
    """The words of a line with every number replaced by a mark, and the numbers."""
    numbers = [float(n.replace(",", "")) for n in NUMBER.findall(line)]
    return " ".join(NUMBER.sub("<n>", line).split()), numbers


def difference(expected, actual, tolerance):
    words, wanted = split_numbers(expected)
    other, got = split_numbers(actual)
    if words != other:
        return "the words differ"
    for want, have in zip(wanted, got):
        if abs(want - have) > tolerance * max(abs(want), abs(have)) + 1e-6:
            return f"{have:g} is not within {tolerance:g} of {want:g}"
    return None


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    path = pathlib.Path(sys.argv[1])
    run = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        print(f"{sys.argv[2]} ended with {run.returncode}", file=sys.stderr)
        return 1
    head = []
    expected = path.read_text().splitlines() if path.exists() else None
    tolerance = 0.02
    if expected and expected[0].startswith("# tolerance:"):
        tolerance = float(expected[0].split(":")[1])
        head, expected = expected[:1], expected[1:]
    if os.environ.get("GENOFORM_UPDATE_OUTPUT") == "1":
        path.write_text("\n".join(head + run.stdout.splitlines()) + "\n")
        print(f"{path} written")
        return 0
    if expected is None:
        print(f"{path} is missing; GENOFORM_UPDATE_OUTPUT=1 writes it", file=sys.stderr)
        return 1
    actual = run.stdout.splitlines()
    for number, (want, have) in enumerate(zip(expected, actual), 1):
        problem = difference(want, have, tolerance)
        if problem:
            print(f"line {number}: {problem}\n  expected: {want}\n  printed:  {have}", file=sys.stderr)
            return 1
    if len(expected) != len(actual):
        print(f"{len(expected)} lines expected, {len(actual)} printed", file=sys.stderr)
        return 1
    print(f"{len(actual)} lines agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
