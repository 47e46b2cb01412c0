#!/usr/bin/env python3
"""What the compiler sees of each header is the same before and after macros that platforms define, and the macros are still there.

    check_macros.py g++ [FLAG...]
"""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"
MACROS = HERE / "platform_macros.hpp"


def headers():
    """All but the pair itself and what other headers include at their end."""
    names = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.hpp"))
    return [name for name in names if not re.search(r"core/(hide|restore)_macros|/compiled/", name)]


def unit(with_macros: bool) -> str:
    others = {line for name in headers() for line in (INCLUDE / name).read_text().splitlines() if re.fullmatch(r"#include <[^>]*>", line)}
    lines = sorted(line for line in others if "<genoform/" not in line)
    if with_macros:
        lines.append(f'#include "{MACROS}"')
    lines += [f"#include <{name}>" for name in headers()]
    if with_macros:
        lines += [f'#ifndef {name}\n#error "a header of the library has taken {name} from the program"\n#endif'
                  for name in re.findall(r"^#define (\w+)", MACROS.read_text(), re.M)]
    return "\n".join(lines) + "\n"


def tokens(command, with_macros: bool):
    """Lines of code of the library's headers, each with its file."""
    done = subprocess.run([*command, "-std=c++20", f"-I{INCLUDE}", "-DGENOFORM_UNOPTIMIZED_KERNELS", "-E", "-x", "c++", "-"],
                          input=unit(with_macros), capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(done.stderr[:4000])
    found, file = [], ""
    for line in done.stdout.splitlines():
        if marker := re.match(r'# \d+ "([^"]*)"', line):
            file = marker[1]
        elif line.strip() and "/genoform/" in file and not line.startswith("#"):
            found.append((file, " ".join(line.split())))
    return found


def main(command) -> int:
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    for (file, plain), (_, seen) in zip(tokens(command, False), tokens(command, True), strict=True):
        if plain != seen:
            print(f"{file}: a macro of the program changes this line; see core/hide_macros.hpp\n  {plain}\n  {seen}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
