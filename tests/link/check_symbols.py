#!/usr/bin/env python3
"""check_symbols.py NM FIXED OTHER: no parser, registry or unused kind in FIXED; all of them in OTHER, so that the search can find them."""
import subprocess
import sys

UNWANTED = ["genoform::inner::genome::Genome", "genoform::inner::genome::grammar::", "genoform::inner::registry::", "genoform::inner::layers::MoeLayer"]


def symbols(nm, program):
    return subprocess.run([nm, "--demangle", program], check=True, capture_output=True, text=True).stdout


def main():
    nm, fixed, other = sys.argv[1:]
    found = [word for word in UNWANTED if word in symbols(nm, fixed)]
    blind = [word for word in UNWANTED if word not in symbols(nm, other)]
    for word in found:
        print(f"{fixed}: holds {word}, which a program of one fixed model must not")
    for word in blind:
        print(f"{other}: does not hold {word}; this check looks for the wrong name")
    return 1 if found or blind else 0


if __name__ == "__main__":
    sys.exit(main())
