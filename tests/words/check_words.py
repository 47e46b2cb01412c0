#!/usr/bin/env python3
"""Refuse words that docs/glossary.md replaces by a term of the field, and citations of files outside of the repository.

The patterns are those of the last table of the glossary. Prints FILE:LINE: and the word for each use; ends with 1 when there is one."""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
FOLDERS = ("include", "docs", "examples", "tests", "benchmarks", "cmake")
FILES = ("README.md", "CHANGELOG.md", "CMakeLists.txt", "dev")
ENDINGS = (".hpp", ".cpp", ".inc", ".md", ".py", ".txt", ".in", ".cmake")

# (file, word, reason): uses that stay.
ALLOWED = [
    ("docs/glossary.md", "*", "lists the words"),
    ("tests/words/*", "*", "is this test"),
    ("*", "least_squares", "a method of the field"),
    ("*", "write_back", "a term of the field: to copy a changed image to its source"),
    ("*.py", "most_common", "a method of Python's Counter"),
    ("*", "push_back", "a name of the standard library"),
    ("*", "emplace_back", "a name of the standard library"),
    ("*", "pop_back", "a name of the standard library"),
]


def regular_expression(pattern):
    """`cell` -> cell or cells as a whole word; `*_back` -> any identifier with this ending."""
    if "/" in pattern:  # a path: docs/reference.md and the like are files of the repository
        return re.compile(r"(?<![\w/.-])(?:\.\./)?" + re.escape(pattern).replace(r"\*", r"[\w./-]+"))
    words = re.escape(pattern).replace(r"\*", r"\w*").replace(r"\ ", r"(?:[ -]|\n *(?://+|#)? *)")
    plural = "" if pattern.endswith("*") or not pattern[-1].isalpha() else "s?"
    return re.compile(rf"\b{words}{plural}\b", re.NOFLAG if pattern != pattern.lower() else re.IGNORECASE)


def patterns_of_glossary():
    """[(regular expression, what to say)] of the last table."""
    table = GLOSSARY.read_text().rsplit("| pattern | say |", 1)[1]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.M)
    found = [(regular_expression(pattern), say) for patterns, say in rows for pattern in re.findall(r"`([^`]+)`", patterns)]
    if len(found) < 20:
        sys.exit(f"{GLOSSARY}: the table of words that are not used has not been understood")
    return found


def sources():
    for name in FILES:
        yield ROOT / name
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in ENDINGS and "stored" not in path.parts:
                yield path


def allowed(name, word):
    return any(fnmatch.fnmatch(name, file) and fnmatch.fnmatch(word, exception) for file, exception, _ in ALLOWED)


def main():
    patterns, found = patterns_of_glossary(), []
    for path in sources():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        for expression, say in patterns:
            found += [(name, text.count("\n", 0, match.start()) + 1, match[0], say)
                      for match in expression.finditer(text) if not allowed(name, match[0])]
    for name, line, word, say in sorted(found):
        print(f'{name}:{line}: "{word}"; say: {say}')
    print(f"{len(found)} words that docs/glossary.md does not use")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
