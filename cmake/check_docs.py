#!/usr/bin/env python3
"""Compile and run the marked code blocks of README.md and docs/*.md.

  check_docs.py --build BUILD_FOLDER [FILE.md...]
A block is marked by a comment on the line before it:
  <!-- check: compile -->  a ```cpp block: it must compile, with genoform::search to link and warnings as errors
  <!-- check: run -->      a ```cpp block: it must compile and end with 0; a ```sh block: bash -e runs it in the root of the
                           project, with the program genoform on the PATH
Blocks of one file do not see each other. A cpp block without a main function gets an empty one."""
import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^<!-- check: (\w+) -->\n```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks_of(path):
    text = path.read_text()
    matches = list(BLOCK.finditer(text))
    if len(matches) != len(re.findall(r"^ *<!-- check:", text, re.M)):
        sys.exit(f"{path}: a mark \"<!-- check: ... -->\" does not stand on the line before a code block")
    for match in matches:
        yield text.count("\n", 0, match.start()) + 1, match[1], match[2], match[3]


def configure(build):
    """Configure a project that builds every block of the folder as a program; returns the exit code of cmake."""
    (build / "CMakeLists.txt").write_text(f"""cmake_minimum_required(VERSION 3.25)
project(docs CXX)
set(GENOFORM_BUILD_TESTS OFF)
set(GENOFORM_BUILD_EXAMPLES OFF)
add_subdirectory({ROOT} genoform)
file(GLOB blocks *.cpp)
foreach(block IN LISTS blocks)
  cmake_path(GET block STEM name)
  add_executable(${{name}} ${{block}})
  target_link_libraries(${{name}} PRIVATE genoform::search genoform_warnings)
endforeach()
""")
    return subprocess.run(["cmake", "-G", "Ninja", "-S", build, "-B", build / "build", "-DCMAKE_BUILD_TYPE=Release",
                           "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON"],
                          stdout=subprocess.DEVNULL).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="build folder that holds the program genoform")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    files = options.files or [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    work = options.build.resolve() / "docs"
    work.mkdir(exist_ok=True)
    for old in work.glob("*.cpp"):
        old.unlink()

    checks, failed = [], 0
    for path in files:
        for line, what, language, code in blocks_of(path):
            if what not in ("compile", "run") or (language, what) not in (("cpp", "compile"), ("cpp", "run"), ("sh", "run")):
                print(f"{path}:{line}: a {language} block cannot be marked \"{what}\"", file=sys.stderr)
                return 2
            name = f"{path.stem}_{line}"
            checks.append((f"{path.name}:{line}", what, language, code, name))
            if language == "cpp":
                main_function = "" if re.search(r"\bint main\(", code) else "\nint main() {}\n"
                (work / f"{name}.cpp").write_text(f'#line {line + 2} "{path}"\n{code}{main_function}')
    if any(language == "cpp" for _, _, language, _, _ in checks) and configure(work) != 0:
        return 1

    environment = dict(os.environ, PATH=f"{options.build.resolve()}:{os.environ['PATH']}")
    for place, what, language, code, name in checks:
        if language == "cpp":
            command = ["cmake", "--build", work / "build", "--target", name]
            ok = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if ok.returncode == 0 and what == "run":
                ok = subprocess.run([work / "build" / name], cwd=work, stdout=subprocess.PIPE, text=True)
        else:
            ok = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True)
        if ok.returncode != 0:
            failed += 1
            print(ok.stdout, file=sys.stderr)
        print(f"{place}: {language}, {what}: {'fine' if ok.returncode == 0 else 'FAILED'}", flush=True)
    print(f"{len(checks)} blocks checked, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
