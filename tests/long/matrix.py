#!/usr/bin/env python3
"""Runs each command of the program genoform in each of the environments below and checks how it ends and what it leaves.

  matrix.py --program PATH [NAME...]      NAME: only the environments whose name contains one of these

A run must end with an expected exit code and, if that is not 0, with one line that names a file or says what is missing. It must
leave the model folder and the study that it reads as they were, and what it writes must be whole: checkpoints and models load,
studies pass SQLite's own check. An environment that cannot be made here is printed as "not run" with the reason; it is no failure,
but no success either. Prints a table of the exit codes; ends with 1 if a check failed."""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from memory_group import made_memory_group  # noqa: E402

MODEL = "Decoder<Stack<Block<Attention<Heads<2>>, Moe<ExpertChoice, Experts<4>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<64>, Context<16>>"
LARGE = "Decoder<Stack<Block<Attention<Heads<8>>, Ffn<SqReLU, Hidden<4096>>>, 6>, Vocab<256>, Width<1024>, Context<16>>"  # 75M parameters
TINY = "Decoder<Stack<Block<Ffn<SqReLU, Hidden<8>>>, 1>, Vocab<256>, Width<4>, Context<4>>"  # its log outgrows its checkpoint
MIB = 1 << 20
SHOW_PROGRESS = {"train", "search"}  # lines on stderr before the one of an error
COMMANDS = ["train", "eval", "sample", "grad", "inspect", "bench", "search", "best"]
NAMESPACE = "GENOFORM_MATRIX_NAMESPACE"  # is set where nobody else sees what is mounted


class NotRun(Exception):
    """Why an environment cannot be made on this machine."""


class Inputs:
    """What the commands read: a text, tokens, a trained model and a study with its final, all in one folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.folder.mkdir()
        draw = random.Random(1)
        words = "the captain ship harbour storm sailor garden rose apple watched followed and but because".split()
        (self.folder / "text.txt").write_text(" ".join(draw.choice(words) for _ in range(6000)))
        ids = [draw.randrange(256) for _ in range(200)]
        (self.folder / "tokens.bin").write_bytes(struct.pack("<256i", 20240520, 1, len(ids), *[0] * 253) + struct.pack(f"<{len(ids)}H", *ids))
        self.make("train", MODEL, "--data", self.folder / "text.txt", "--steps", 2, "--batch", 4, "--windows", 8, "--out", self.folder / "net")
        self.make("search", "--data", self.folder / "text.txt", "--study", self.folder / "study.sqlite", *Run.search_options, "--final-seeds", 2, "--final-budget", 0.05)
        self.first = self.digest()

    def make(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            sys.exit(f"matrix: the inputs cannot be made: {arguments}: {done.stderr}")

    def digest(self):
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.name.endswith(".lock")]
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Run:
    """The command lines, with the folders that they read and write as bytes."""
    search_options = ["--trials", 2, "--budget", 0.05, "--batch", 2, "--context", 16, "--initial", 2, "--workers", 1, "--oracle", "flops", "--step-time", 0]

    def __init__(self, inputs, outputs, model=MODEL, net=None, steps=3):
        self.steps = steps
        self.inputs, self.outputs, self.model = os.fsencode(inputs), os.fsencode(outputs), model
        self.net = os.fsencode(net) if net else self.inputs + b"/net"

    def command(self, verb):
        text, out = self.inputs + b"/text.txt", self.outputs
        lines = {
            "train": [self.model, "--data", text, "--steps", self.steps, "--batch", 2, "--windows", 4, "--save-every", max(1, self.steps // 3), "--out", out + b"/net"],
            "eval": [self.net, "--data", text, "--windows", 4, "--json"],
            "sample": [self.net, "--tokens", 8],
            "grad": [self.net, "--tokens", self.inputs + b"/tokens.bin", "--batch", 1, "--context", 16, "--out", out + b"/grad.safetensors"],
            "inspect": [self.net, "--svg", out + b"/net.svg"],
            "bench": [self.model, "--batch", 2, "--steps", 2, "--seconds", 0, "--json"],
            "search": ["--data", text, "--study", out + b"/study.sqlite", *self.search_options, "--no-final"],
            "best": [self.inputs + b"/study.sqlite", "--export", out + b"/winner"],
        }
        return [verb, *(x if isinstance(x, bytes) else str(x) for x in lines[verb])]


class Environment:
    """How a command is started: words before it, variables, limits; where it writes; what exit codes are expected of it."""

    def __init__(self, outputs, expected, prefix=(), variables=None, limits=(), says="", **lines):
        self.outputs, self.expected, self.prefix, self.limits, self.says = outputs, expected, list(prefix), limits, says
        self.variables = dict(os.environ, **(variables or {}))
        self.lines = lines

    def start(self, program, run, verb):
        def lower():
            for which, value in self.limits:
                resource.setrlimit(which, (value, value))
        command = [*self.prefix, program, *run.command(verb)]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, env=self.variables, preexec_fn=lower)


def codes(default=0, **others):
    return {verb: others.get(verb, default) for verb in COMMANDS}


def shell(closes):
    """A prefix that starts a command with these redirections."""
    return ["sh", "-c", f'exec "$@" {closes}', "sh"]


def command_works(*command):
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True).returncode == 0


def without_stdin(folder, inputs):
    yield Environment(folder, codes(), shell("<&-"))


def without_stdout(folder, inputs):
    yield Environment(folder, codes(4, grad=0), shell(">&-"), says="stdout")


def without_stderr(folder, inputs):
    yield Environment(folder, codes(), shell("2>&-"))


def without_streams(folder, inputs):
    yield Environment(folder, codes(4, grad=0), shell("<&- >&- 2>&-"), says=None)


@contextlib.contextmanager
def mounted(folder, *options):
    if NAMESPACE not in os.environ:
        raise NotRun("no leave to mount")
    if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode != 0:
        raise NotRun(f"mount {' '.join(options)} is refused")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def read_only_folder(folder, inputs):
    with mounted(folder, "--bind", str(folder)):
        if subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], capture_output=True).returncode != 0:
            raise NotRun("a folder cannot be mounted read-only")
        yield Environment(folder, codes(train=4, grad=3, inspect=3, search=3, best=4), says=str(folder))


def folder_of_another_user(folder, inputs):
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if os.geteuid() != 0 or not command_works(*user, "true"):
        raise NotRun("no leave to become another user")
    for outer in [folder, *folder.parents]:
        if outer != pathlib.Path("/") and not outer.stat().st_mode & 0o001:
            outer.chmod(0o755)
    folder.chmod(0o555)
    yield Environment(folder, codes(train=4, grad=3, inspect=3, search=3, best=4), user, says=str(folder))


def full_disk(folder, inputs):
    with mounted(folder, "-t", "tmpfs", "-o", "size=64k", "tmpfs"):
        (folder / "filler").write_bytes(b"x" * (60 << 10))
        yield Environment(folder, codes(train=4, grad=4, inspect=4, search=4, best=4), says=str(folder))


def disk_full_after_a_checkpoint(folder, inputs):
    """Room for one checkpoint and its successor is not there: the first must be kept."""
    size = (inputs.folder / "net" / "checkpoint.safetensors").stat().st_size
    with mounted(folder, "-t", "tmpfs", "-o", f"size={size * 3 // 2 // 1024}k", "tmpfs"):
        yield Environment(folder, dict(train=4), says=str(folder), resumes=True)


def tiny_file_limit(folder, inputs):
    yield Environment(folder, codes(train=4, grad=4, inspect=4, search=4, best=4), limits=[(resource.RLIMIT_FSIZE, 2048)], says=str(folder))


def file_limit_within_the_log(folder, inputs):
    """The log meets the limit while the steps go on."""
    yield Environment(folder, dict(train=4), limits=[(resource.RLIMIT_FSIZE, 60000)], says="log.jsonl: cannot write", resumes=True, model=TINY, steps=600)


@contextlib.contextmanager
def memory_group(limit):
    """Such a group; yields the file that a process joins it by."""
    group = made_memory_group(limit)
    if group is None:
        raise NotRun("no control group can be made")
    try:
        yield group / "cgroup.procs"
    finally:
        group.rmdir()


def large_net(folder, inputs):
    """A folder with a model of 290 MiB, all zeros and sparse on the disk."""
    net = folder / "large"
    inputs.make("train", LARGE, "--data", inputs.folder / "text.txt", "--steps", 1, "--batch", 1, "--windows", 0, "--out", net)
    (net / "checkpoint.safetensors").unlink()
    return net


LITTLE = codes(train=4, eval=4, sample=4, grad=4, bench=4)


def small_control_group(folder, inputs):
    net = large_net(folder, inputs)
    with memory_group(200 * MIB) as members:
        yield Environment(folder, LITTLE, ["sh", "-c", f'echo $$ > {members}; exec "$@"', "sh"], says="the memory limit of the control group", model=LARGE, net=net)


def small_address_space(folder, inputs):
    net = large_net(folder, inputs)
    yield Environment(folder, LITTLE, limits=[(resource.RLIMIT_AS, 350 * MIB)], says="under ulimit -v", model=LARGE, net=net)


def comma_locale(folder, inputs):
    locales = folder / "locales"
    locales.mkdir()
    if not command_works("localedef", "-i", "de_DE", "-f", "UTF-8", str(locales / "de_DE.UTF-8")):
        raise NotRun("localedef cannot make de_DE.UTF-8")
    yield Environment(folder, codes(), variables=dict(LOCPATH=str(locales), LC_ALL="de_DE.UTF-8"))


def one_processor(folder, inputs):
    processor = min(os.sched_getaffinity(0))
    prefix = ["taskset", "-c", str(processor)]
    if not command_works(*prefix, "true"):
        raise NotRun("no taskset")
    yield Environment(folder, codes(), prefix)


def paths_that_are_no_utf8(folder, inputs):
    outputs = os.fsencode(folder) + b"/d\xe9j\xe0"
    os.mkdir(outputs)
    shutil.copytree(os.fsencode(inputs.folder), outputs + b"/in")
    yield Environment(outputs, codes(), inputs=outputs + b"/in")


def empty_home(folder, inputs):
    yield Environment(folder, codes(), variables=dict(HOME=""))


ENVIRONMENTS = [without_stdin, without_stdout, without_stderr, without_streams, read_only_folder, folder_of_another_user, full_disk, disk_full_after_a_checkpoint, tiny_file_limit,
                file_limit_within_the_log, small_control_group, small_address_space, comma_locale, one_processor, paths_that_are_no_utf8, empty_home]


def is_sound(study):
    try:
        with contextlib.closing(sqlite3.connect(study)) as database:
            return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        return False


def is_json(line):
    try:
        json.loads(line)
        return True
    except ValueError:
        return False


class Checks:
    """What is wrong with one run."""

    def __init__(self, program, inputs):
        self.program, self.inputs, self.wrong = program, inputs, []

    def need(self, holds, sentence):
        if not holds:
            self.wrong.append(sentence)

    def ending(self, environment, verb, done):
        expected = environment.expected[verb]
        message = done.stderr.decode(errors="backslashreplace")
        self.need(done.returncode == expected, f"ended with {done.returncode}, not {expected}: {message[-300:]}")
        if done.returncode != 0 and environment.says is not None:
            last = message.splitlines()[-1] if message else ""
            self.need(environment.says in last, f'the last line does not say "{environment.says}": {last}')
            self.need(verb in SHOW_PROGRESS or message.count("\n") == 1, f"not one line: {message}")
        if done.returncode == 0 and verb in ("eval", "bench") and done.stdout:
            json.loads(done.stdout)

    def is_healthy(self, *arguments):
        done = subprocess.run([self.program, *arguments], capture_output=True, timeout=300)
        self.need(done.returncode == 0, f"afterwards {arguments[0]} ends with {done.returncode}: {done.stderr.decode(errors='backslashreplace')}")

    def leftovers(self, run, verb, resumes):
        """What was written is whole, and what was read is unchanged."""
        out, text = os.fsdecode(run.outputs), run.inputs + b"/text.txt"
        self.need(self.inputs.digest() == self.inputs.first, "a file that was only read has changed")
        if verb == "search" and os.path.exists(out + "/study.sqlite") and os.path.getsize(out + "/study.sqlite") > 0:
            self.need(is_sound(out + "/study.sqlite"), "the study is damaged")
        if os.path.exists(out + "/net/log.jsonl"):
            lines = pathlib.Path(out + "/net/log.jsonl").read_bytes().splitlines(keepends=True)
            self.need(all(is_json(line) for line in lines if line.endswith(b"\n")), f"log.jsonl holds foreign text: {lines[:3]}")
        if os.path.exists(out + "/net/model.safetensors"):
            self.is_healthy("eval", out + "/net", "--data", text, "--windows", "4")
        there = os.path.exists(out + "/net/checkpoint.safetensors")
        self.need(there or not resumes, "the first checkpoint is gone")
        if there and verb == "train":
            with tempfile.TemporaryDirectory() as folder:
                shutil.copytree(out + "/net", folder + "/net")
                again = [folder.encode() + b"/net" if word == run.outputs + b"/net" else word for word in run.command("train")]
                self.is_healthy(*again, "--resume")


def try_command(program, inputs, environment, verb):
    """The exit code, and what is wrong."""
    lines = dict(environment.lines)
    resumes = lines.pop("resumes", False)
    run = Run(lines.pop("inputs", inputs.folder), environment.outputs, **lines)
    before = set(os.listdir(run.outputs))
    done = environment.start(program, run, verb)
    checks = Checks(program, inputs)
    checks.ending(environment, verb, done)
    checks.leftovers(run, verb, resumes)
    for name in set(os.listdir(run.outputs)) - before:
        path = os.path.join(run.outputs, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    return done.returncode, checks.wrong


def try_environment(program, inputs, make, folder):
    """{command: (exit code, what is wrong)}."""
    folder.mkdir()
    with contextlib.contextmanager(make)(folder, inputs) as environment:
        return {verb: try_command(program, inputs, environment, verb) for verb in COMMANDS if verb in environment.expected}


def print_table(rows):
    width = max(len(name) for name in rows)
    print("\n" + " " * width, *(f"{verb:>8}" for verb in COMMANDS))
    for name, outcome in rows.items():
        if isinstance(outcome, NotRun):
            print(f"{name:{width}}  NOT RUN: {outcome}")
        else:
            entries = [f"{outcome[verb][0]}{'!' if outcome[verb][1] else ''}" if verb in outcome else "-" for verb in COMMANDS]
            print(f"{name:{width}}", *(f"{entry:>8}" for entry in entries))
    print('exit codes; "!": a check failed, "-": nothing to see there')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if NAMESPACE not in os.environ and command_works("unshare", "--mount", "true"):
        os.environ[NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    program = os.path.abspath(options.program)
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        inputs = Inputs(program, work / "inputs")
        for make in ENVIRONMENTS:
            name = make.__name__.replace("_", " ")
            if options.names and not any(part in name for part in options.names):
                continue
            try:
                rows[name] = try_environment(program, inputs, make, work / make.__name__)
            except NotRun as reason:
                rows[name] = reason
            print(f"{name}: {'not run: ' + str(rows[name]) if isinstance(rows[name], NotRun) else 'done'}", flush=True)
    print_table(rows)
    wrong = [(name, verb, line) for name, outcome in rows.items() if not isinstance(outcome, NotRun) for verb, (_, lines) in outcome.items() for line in lines]
    for name, verb, line in wrong:
        print(f"FAILED  {name}, {verb}: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
