#!/usr/bin/env python3
"""Runs benchmarks/train/table.py as a user does, with a program and a Python that measure nothing, and checks what it keeps when it is stopped."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_tests import run_tests  # noqa: E402

TABLE = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "train" / "table.py"
# Stands for genoform and for a Python with torch. Each command has other times in every round, the same in every run; the call that `stop` names ends the table.
PROGRAM = '''#!%s -SE
import json, os, signal, sys, zlib
def read(name):
    path = os.path.join(os.path.dirname(__file__), name)
    return open(path).read() if os.path.exists(path) else ""
if sys.argv[1] == "doctor":
    print(json.dumps(dict(processor=read("processor"), in_use="portable", onednn="3.2")))
    sys.exit()
command, before = str(zlib.crc32(repr(sys.argv[1:]).encode())), read("calls").split()
if len(before) == int(read("stop")):
    os.kill(os.getppid(), signal.SIGKILL)
    sys.exit(1)
with open(os.path.join(os.path.dirname(__file__), "calls"), "a") as calls:
    calls.write(command + "\\n")
number = zlib.crc32(f"{command} {before.count(command)}".encode()) %% 10 ** 6
result = dict(best_ms=1 + number %% 97, tokens_per_second=number, gflops=50 + number %% 7, peak_resident_bytes=10 ** 8 + number)
if sys.argv[1] == "bench":
    result.update(peak_gflops=100 + number %% 13, dram_triad_gbps=5 + number %% 11, total_bytes=number, workspace_bytes=number, backend_scratch_bytes=number)
    result.update(profile_step_ms=2.0, profile=[dict(operation="linear", ms=1.0, flops=number, bytes=number)])
else:
    result.update(torch="9.9", state_bytes=10 ** 6, library_bytes=10 ** 7)
print(json.dumps(result))
''' % sys.executable


class Bench:
    """A folder with a program; `stop`: the number of the call that ends the table."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.results = self.folder / "results.jsonl"
        self.again()

    def again(self, program=PROGRAM, processor="a processor", stop=-1):
        """From here on with this program; its calls are counted from 0."""
        (self.folder / "program").write_text(program)
        (self.folder / "program").chmod(0o755)
        (self.folder / "processor").write_text(processor)
        (self.folder / "stop").write_text(str(stop))
        (self.folder / "calls").unlink(missing_ok=True)

    def calls(self):
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def table(self, *more, code=0):
        program = str(self.folder / "program")
        done = subprocess.run([sys.executable, TABLE, "--program", program, "--python", program, "--configurations", "d64", "--variants", "none", "--dtypes", "f32",
                               "--rounds", "2", "--core", str(min(os.sched_getaffinity(0))), "--profiles", *more], capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"ended with {done.returncode}: {done.stderr}"
        return done

    def kept(self, *more, **options):
        return self.table("--results", self.results, *more, **options)


def test_a_stopped_table_goes_on_where_it_was(b):
    all_kinds = ("--configurations", "d64,d128", "--variants", "gelu")
    whole = b.table(*all_kinds)
    calls = b.calls()
    assert len(calls) == 2 * (4 + 4 + 6) + 2, "two rounds of two configurations and of two variants by their contenders, and two profiles"
    for stop in (0, 12, len(calls) - 1):
        b.results.unlink(missing_ok=True)
        b.again(stop=stop)
        stopped = b.kept(*all_kinds, code=-9)
        assert stopped.stdout == "" and len(b.results.read_text().splitlines() if stop else []) == stop
        assert ("| L4 d64 h4 T64 B12 | f32 |" in stopped.stderr) == (stop > 8), "a row is said when it is complete"
        (b.folder / "stop").write_text("-1")
        assert b.kept(*all_kinds).stdout == whole.stdout, f"another table after call {stop}"
        assert b.calls() == calls, f"measured again after call {stop}"


def test_all_that_is_known_is_taken_from_the_file(b):
    first = b.kept()
    b.again(stop=0)
    assert b.kept().stdout == first.stdout and b.calls() == []
    record = json.loads(b.results.read_text().splitlines()[0])
    assert record["what"] == dict(configuration="d64", dtype="f32", contender="genoform", round=1), record
    assert {"command", "environment", "program", "date", "processor", "result"} <= set(record) and "--steps" in record["command"]
    b.again()
    b.kept("--rounds", "3")
    assert len(b.calls()) == 4, "the third round only"


def test_days_of_the_measurements_stand_in_the_table(b):
    b.kept()
    today = json.loads(b.results.read_text().splitlines()[0])["date"]
    b.results.write_text(b.results.read_text().replace(today[:4], "2020", 1))
    text = b.kept().stdout
    assert re.search(r"Measured on \d+ \w+ 2020 to \d+ \w+ 20(?!20)\d\d by", text), text


def test_a_torn_last_line_is_measured_again(b):
    b.kept()
    whole = b.results.read_bytes()
    b.results.write_bytes(whole[:-20])
    b.again()
    done = b.kept()
    assert "has no end and is ignored" in done.stderr and len(b.calls()) == 1
    lines = b.results.read_bytes().splitlines()
    assert len(lines) == len(whole.splitlines()) and all(map(json.loads, lines))


def test_what_is_of_another_command_program_or_processor_is_measured_again(b):
    b.kept()
    count = len(b.calls())
    built_again = PROGRAM + "# built again\n"
    for what, change in [("program", dict(program=built_again)), ("processor", dict(program=built_again, processor="another"))]:
        b.again(**change)
        done = b.kept()
        assert len(b.calls()) == count and done.stderr.count(f"has measurements of another {what}: these are made again\n") == 1, done.stderr
        b.again(stop=0, **change)
        b.kept()
    b.again(**change)
    assert "of another command: " in b.kept("--steps", "5").stderr and len(b.calls()) == count


def test_a_file_of_something_else_is_left_alone(b):
    for text in ("a report\n", "a report", '{"what": 1}\n', "[]\n"):
        b.results.write_text(text)
        assert ":1: not a measurement" in b.kept(code=1).stderr, text
        assert b.results.read_text() == text and b.calls() == []


def main():
    def call(test):
        with tempfile.TemporaryDirectory() as folder:
            test(Bench(folder))

    return run_tests(globals(), call)


if __name__ == "__main__":
    sys.exit(main())
