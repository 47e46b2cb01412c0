#!/usr/bin/env python3
"""Compare the names that the headers put into genoform:: with those that docs/reference.md lists.

The list stands in the table under "## Names": every `word` of it. Prints each name that only one of the two has, and each
declaration that stands in genoform:: itself instead of a namespace of its folder; ends with 1 when there is one."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "include" / "genoform"
REFERENCE = ROOT / "docs" / "reference.md"
MOST = 140  # words of the language included


def blocks(text, namespace):
    return re.findall(rf"^namespace {namespace} \{{\n(.*?)^\}}  // namespace {namespace}$", text, re.M | re.S)


def names_of_headers():
    """{name: header} and the lines that are neither a using-declaration nor a constant."""
    names, others = {}, []
    for path in sorted(HEADERS.rglob("*.hpp")):
        name, text = path.relative_to(HEADERS.parent).as_posix(), path.read_text()
        for block in blocks(text, "genoform"):
            if name.endswith("core/namespaces.hpp"):
                continue
            for line in block.splitlines():
                if found := re.match(r"using (?:\w+::)+(\w+);|inline constexpr .*\b(\w+) = ", line):
                    names[found[1] or found[2]] = name
                elif line and not line.startswith("///"):
                    others.append(f"{name}: {line}")
        for namespace in re.findall(r"^namespace genoform::(\w+)", text, re.M):
            names.setdefault(namespace + "::", name)
    return names, others


def names_of_reference():
    section = re.search(r"^## Names\n(.*?)^## ", REFERENCE.read_text(), re.M | re.S)
    if not section:
        sys.exit(f'{REFERENCE}: no section "## Names"')
    return set(re.findall(r"`(\w+(?:::)?)`", section[1]))


def main():
    names, wrong = names_of_headers()
    listed = names_of_reference()
    wrong = [f"{line}: stands in genoform:: itself; a header declares in genoform::inner::FOLDER and ends with `using`" for line in wrong]
    wrong += [f"{names[name]}: {name} is not in docs/reference.md" for name in sorted(names.keys() - listed)]
    wrong += [f"docs/reference.md: no header has {name}" for name in sorted(listed - names.keys())]
    count = sum(not name.endswith("::") for name in names)
    if count > MOST:
        wrong.append(f"{count} names in genoform::, at most {MOST} are wanted")
    print(*wrong, f"{count} names in genoform::", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
