#!/usr/bin/env python3
"""The table of all operations in docs/operations.md, from the structs of include/genoform/ops/ and the comments above them.

  operations_table.py          print the document
  operations_table.py --write  replace the document
  operations_table.py --check  exit 1 if the document differs"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPERATIONS = ROOT / "include" / "genoform" / "ops"
DOCUMENT = ROOT / "docs" / "operations.md"
HEAD = """# Operations

Layers and optimizers emit these structs of `genoform::op`, and back ends run them. N: tokens, B: sequences, T: positions of a sequence, D: width, H: heads, G: key heads, K: channels of a head, F: hidden width, V: vocabulary, E: experts; a tensor is `[rows, columns]`. A tensor that is
absent is `{}`. This page is generated from the comments in `include/genoform/ops/` by `cmake/operations_table.py --write`.
"""
# header without .hpp: title of its section
SECTIONS = {
    "dense": "Dense layers", "attention": "Attention and rotation", "positions": "Positions and heads", "router": "Routers", "routing": "Experts and slots",
    "linear_attention": "Linear attention", "gated_attention": "Gated attention", "mixing": "Mixing of positions", "optimizer": "AdamW", "adafactor": "Adafactor",
}
STRUCT = re.compile(r"((?:^///[^\n]*\n)+)struct (\w+) \{\n  static constexpr std::string_view name = \"(\w+)\";\n(.*?)^\};", re.M | re.S)


def fields_of(body):
    """The data members up to the first function, without types and defaults."""
    names = []
    for line in body.splitlines():
        line = line.split("//")[0].strip()
        if "(" in line:
            break
        member = re.match(r"(?:const )?[\w:]+ (.+);$", line)
        if member and not line.startswith(("static", "using")):
            names += [re.match(r"\w+", field.strip())[0] for field in member[1].split(",")]
    return names


def document():
    text = HEAD
    known = {path.stem for path in OPERATIONS.glob("*.hpp") if STRUCT.search(path.read_text())} - {"joins"}
    for header in [*SECTIONS, *sorted(known - set(SECTIONS))]:
        text += f"\n## {SECTIONS.get(header, header)}\n\n`ops/{header}.hpp`\n\n| operation | fields | computes |\n| --- | --- | --- |\n"
        for comment, struct, _, body in STRUCT.findall((OPERATIONS / f"{header}.hpp").read_text()):
            words = " ".join(line[3:].strip() for line in comment.splitlines()).replace("|", "\\|")
            text += f"| `{struct}` | {', '.join(f'`{field}`' for field in fields_of(body))} | {words} |\n"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = document()
    if options.write:
        DOCUMENT.write_text(text)
    elif options.check:
        if not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            print(f"{DOCUMENT}: differs from the headers; run cmake/operations_table.py --write", file=sys.stderr)
            return 1
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
