#!/usr/bin/env python3
"""Replays the examples of docs/ask_and_tell.md against the program, asks it hostile things, and lets the programs of that document
and others propose genomes to a search.

  check_ask.py --program PATH [NAME...]      NAME: only the tests whose name contains one of these"""
import argparse
import json
import math
import pathlib
import random
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_tests import run_tests  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "ask_and_tell.md"
PLAIN = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<16>>"
MEASURED = ("loss", "at_hurdles", "step_seconds")  # numbers that differ from machine to machine


class Bench:
    """A folder with a text, and the program."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        words = "the captain ship harbour storm sailor garden rose apple watched followed and but because".split()
        draw = random.Random(1)
        self.text = self.folder / "text.txt"
        self.text.write_text(" ".join(draw.choice(words) for _ in range(6000)))

    def server(self, *options):
        oracle = [] if "--oracle" in options else ["--oracle", "flops"]
        return [self.program, "serve-evaluator", "--data", self.text, "--batch", "4", "--context", "16", *oracle, *options]

    def lines(self, given, *options, code=0):
        """The replies to these bytes."""
        done = subprocess.run(self.server(*options), input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == code, (done.returncode, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, *requests, options=()):
        return self.lines("".join(json.dumps(r) + "\n" for r in requests).encode(), *options)

    def search(self, study, command, *options, code=0):
        # Without a limit of step time: proposals are refused for what this test looks at alone.
        arguments = ["search", "--data", self.text, "--study", self.folder / study, "--oracle", "flops", "--step-time", "0", "--trials", "4", "--no-controls", "--budget", "0.02",
                     "--batch", "2", "--context", "16", "--no-final", "--quiet", "--strategy-command", command, *(["--workers", "1"] if "--workers" not in options else []), *options]
        done = subprocess.run([self.program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        assert done.returncode == code, (done.returncode, done.stderr)
        return done

    def record(self, study):
        return subprocess.run([self.program, "best", self.folder / study, "--record"], stdout=subprocess.PIPE, check=True, text=True).stdout

    def script(self, name, text):
        (self.folder / name).write_text(text)
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(self.folder / name))}"


def same(wanted, found, where=""):
    """Whether a reply is that of the document: "..." stands for anything, at the end of a list for the rest, in a string for a part."""
    if isinstance(wanted, str) and "..." in wanted:
        expression = ".*".join(re.escape(part) for part in wanted.split("..."))
        return wanted == "..." or (isinstance(found, str) and re.fullmatch(expression, found) is not None)
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(same(wanted[k], found[k], k) for k in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        if wanted[-1:] == ["..."] and len(found) >= len(wanted):
            wanted, found = wanted[:-1], found[:len(wanted) - 1]
        return len(wanted) == len(found) and all(same(w, f, where) for w, f in zip(wanted, found))
    if where in MEASURED and isinstance(found, float):
        return math.isfinite(found)
    return type(wanted) is type(found) and wanted == found


def test_the_document_says_what_the_program_does(b):
    text = DOCUMENT.read_text()
    options = re.search(r"`genoform serve-evaluator --data TEXT (--sub-layers [^`]*)`", text)[1].split()
    examples = re.findall(r"^> (.*)\n< (.*)$", text, re.M)
    kinds = {kind for request, _ in examples for kind in re.findall(r'^\{"id": \d+,? "(\w+)"', request)}
    assert {"space", "sample", "mutate", "check", "cost", "train", "parameters", "decode", "encode"} <= kinds, kinds
    # With the sizes of the document, not with those of the other tests.
    done = subprocess.run([b.program, "serve-evaluator", "--data", b.text, *options], input="".join(r + "\n" for r, _ in examples), stdout=subprocess.PIPE, text=True, check=True)
    replies = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(replies) == len(examples)
    for (request, reply), found in zip(examples, replies):
        assert same(json.loads(reply), found), f"{request}\nthe document has {reply}\nthe program says {json.dumps(found)}"


def test_a_training_of_steps_is_repeated_to_the_bit_and_a_budget_becomes_steps(b):
    train = {"text": PLAIN, "learning_rate": 0.004, "steps": 12, "seed": 5}
    first, again, other, budget = b.ask({"id": 1, "train": train}, {"id": 1, "train": train}, {"id": 2, "train": {**train, "seed": 6}},
                                        {"id": "three", "train": {"text": PLAIN, "learning_rate": 0.004}}, options=["--budget", "0.05"])
    assert first == again and first["answer"]["steps"] == 12 and 0 < first["answer"]["loss"] < 9, first
    assert other["answer"]["loss"] != first["answer"]["loss"], other
    cost, = b.ask({"id": 1, "cost": {"text": PLAIN}})
    assert budget["id"] == "three" and budget["answer"]["steps"] == max(8, int(0.05 / cost["answer"]["step_seconds"])), (budget, cost)
    measured, = b.ask({"id": 1, "train": {"text": PLAIN, "learning_rate": 0.004, "budget": 0.05}}, options=["--oracle", "measured"])
    assert measured["answer"]["step_seconds"] > 0 and measured["answer"]["steps"] >= 8, measured
    stopped, = b.ask({"id": 1, "train": {**train, "hurdles": [{"at": 0.5, "max_loss": 0.1}, {"at": 1}]}})
    assert "loss" not in stopped["answer"] and [loss > 0.1 for loss in stopped["answer"]["at_hurdles"]] == [True], stopped


def test_what_cannot_be_trained_is_an_error_and_the_next_request_is_answered(b):
    train = lambda text, **more: {"id": 1, "train": {"text": text, "learning_rate": 0.004, "steps": 2, **more}}
    replies = b.ask(train("-"), train("Ffn<>"), train("Decoder<Blok<Ffn<>>>"), train(PLAIN.replace("256", "7")), train(PLAIN.replace("Context<16>", "Context<8>")),
                    train(PLAIN, learning_rate=1e30), train(PLAIN.replace("Width<64>", "Width<100000000>")), train(PLAIN))
    for reply, says in zip(replies, ["1:1", "is no whole model", 'did you mean "Block"', "7", "8", "not finite", "", None]):
        assert ("answer" in reply) == (says is None), reply
        if says is not None:
            assert says in reply["error"]["message"] and "\n" not in reply["error"]["message"], (says, reply)
    assert replies[5]["error"]["kind"] == "not finite", replies[5]


def test_hostile_lines_are_answered_and_nothing_ends(b):
    space = b'{"id": 7, "space": {}}\n'
    deep = b'{"id": 1, "train": ' + b"[" * 400000 + b"]" * 400000 + b"}\n"
    for line, says in [(b"x" * (3 << 20) + b"\n", "more than the 1048576 bytes allowed"), (b'{"id": 1, "space": "\xff"}\n', "byte 20: not UTF-8"), (deep, "nested deeper than 64 levels"),
                       (b"\0\n", "byte 0: not JSON"), (b'{"id": 1, "sampel": {}}\n', 'did you mean "sample"?'), (b'{"id": 1, "check": {"text": "a\\u0000b"}}\n', None),
                       (b'{"id": 1, "check": {"text": "' + b"Decoder<" * 100000 + b'"}}\n', None), (b'{"id": 1, "mutate": {"text": "Ffn<>"}}\n', '"seed" is missing')]:
        first, second = b.lines(line + space)
        assert second["id"] == 7 and second["answer"]["kind"] == "block", (line[:40], second)
        assert ("error" in first and says in first["error"]["message"]) if says else first["answer"]["ok"] is False, (line[:40], first)
        assert len(json.dumps(first)) < 2000, len(json.dumps(first))
    assert b.lines(space.strip())[0]["id"] == 7, "a last line without its end"
    assert b.lines(b"") == []


def test_a_server_starts_only_with_a_text_and_options_that_fit(b):
    def error(says, *arguments):
        done = subprocess.run([b.program, "serve-evaluator", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert done.returncode in (2, 3) and done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr, done

    error("--data is required")
    error("none.txt", "--data", b.folder / "none.txt")
    error("--oracle table needs --table", "--data", b.text, "--oracle", "table")
    error("--table: has no effect with --oracle measured", "--data", b.text, "--table", "x")
    error("--context", "--data", b.text, "--context", "0")
    error("the block space is empty", "--data", b.text, "--sub-layers", "8-2")


def test_a_signal_ends_a_server_that_trains_and_a_reader_that_goes_ends_it_too(b):
    long = json.dumps({"id": 1, "train": {"text": PLAIN, "learning_rate": 0.001, "steps": 100000000}}) + "\n"
    process = subprocess.Popen(b.server(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(long, '{"id": 2, "space": {}}', file=process.stdin, flush=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    process = subprocess.Popen(b.server(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.close()
    print('{"id": 2, "space": {}}', file=process.stdin, flush=True)
    assert process.wait(timeout=10) == 141


def test_a_dead_worker_costs_one_request(b):
    process = subprocess.Popen(b.server(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(json.dumps({"id": 1, "train": {"text": PLAIN, "learning_rate": 0.001, "steps": 100000000}}), file=process.stdin, flush=True)
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 30
    while not children.read_text().split() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(1)
    subprocess.run(["kill", "-9", *children.read_text().split()], check=True)
    reply = json.loads(process.stdout.readline())
    assert reply["id"] == 1 and reply["error"]["kind"] == "resources" and "signal 9" in reply["error"]["message"], reply
    print('{"id": 2, "train": {"text": "%s", "learning_rate": 0.001, "steps": 3}}' % PLAIN, file=process.stdin, flush=True)
    assert "loss" in json.loads(process.stdout.readline())["answer"]
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def test_several_workers_answer_all_requests(b):
    requests = [{"id": n, "train": {"text": PLAIN, "learning_rate": 0.004, "steps": 3, "seed": n}} for n in range(6)]
    alone, shared = b.ask(*requests), b.ask(*requests, options=["--workers", "2"])
    assert [r["id"] for r in alone] == list(range(6)) and sorted(shared, key=lambda r: r["id"]) == alone, (alone, shared)


def programs_of_the_document():
    return dict(re.findall(r"^<!-- strategy: ([\w.]+) -->\n```python\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S))


def test_the_programs_of_the_document_propose_genomes_and_repeat_themselves(b):
    programs = programs_of_the_document()
    assert set(programs) == {"hill_climber.py", "other_width.py"}, programs.keys()
    for name, text in programs.items():
        command = b.script(name, text)
        b.search(f"{name}.sqlite", command)
        b.search(f"{name}.2.sqlite", command, "--workers", "2")
        record = b.record(f"{name}.sqlite")
        assert record == b.record(f"{name}.2.sqlite"), name
        own = [row.split("|") for row in record.splitlines() if re.search(r"\|search\|\|", row)]
        assert len(own) >= 4 and any(int(row[5]) > 0 for row in own), own


def test_a_command_that_cannot_propose_is_known_before_there_is_a_study(b):
    for command, code, says in [("none-such-program", 4, "ended before it wrote line 1, the answer for proposal 1: it ended with exit code 127"), ("echo hello", 3, '"hello": byte 0: not JSON'),
                                ("while read -r x; do echo '{\"text\": \"Decoder<Blok<>>\"}'; done", 3, 'did you mean "Block"'), ("sleep 60", 4, "wrote nothing for 0.2 s")]:
        done = b.search("none.sqlite", command, "--strategy-time", "0.2" if command == "sleep 60" else "20", code=code)
        assert says in done.stderr and "is allowed" in done.stderr + " is allowed" * (code == 4 or "Blok" in command) and done.stderr.count("\n") <= 2, done.stderr
        assert not (b.folder / "none.sqlite").exists()
    assert "leave out --strategy" in b.search("none.sqlite", "x", "--strategy", "random", code=2).stderr


def test_a_command_that_fails_in_a_study_loses_nothing_and_is_mended(b):
    text = programs_of_the_document()["hill_climber.py"]
    command = b.script("mended.py", text)
    b.search("whole.sqlite", command)
    b.script("mended.py", text.replace("    best = ", "    if json.loads(line)['number'] > 20:\n        sys.exit(9)\n    best = "))
    done = b.search("part.sqlite", command, code=4)
    assert "it ended with exit code 9" in done.stderr, done.stderr
    assert len(b.record("part.sqlite").splitlines()) > 19
    resume = [b.program, "search", "--study", b.folder / "part.sqlite", "--resume", "--quiet"]
    other = subprocess.run([*resume, "--strategy-command", "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert other.returncode == 2 and "--strategy-command x: the study in" in other.stderr, other
    b.script("mended.py", text)
    subprocess.run(resume, check=True, stdout=subprocess.PIPE)
    assert b.record("part.sqlite") == b.record("whole.sqlite")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        b = Bench(str(options.program.resolve()), folder)
        return run_tests(globals(), lambda test: test(b), options.names)


if __name__ == "__main__":
    sys.exit(main())
