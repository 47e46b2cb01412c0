#!/usr/bin/env python3
"""Runs the program genoform as a user does and checks exit codes, messages, files and signals (docs/formats/model.md, section 5).

  check_program.py --program PATH [NAME...]      NAME: only the tests whose name contains one of these"""
import argparse
import base64
import contextlib
import csv
import gzip
import html
import html.parser
import io
import json
import math
import os
import pathlib
import random
import re
import resource
import shlex
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from memory_group import made_memory_group  # noqa: E402
from run_tests import run_tests  # noqa: E402

MODEL = "Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>, Moe<ExpertChoice, Experts<4>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<32>, Context<16>>"
VERBS = ["zoo", "train", "eval", "sample", "print", "inspect", "grad", "bench", "doctor", "search", "best", "ablate", "confirm", "report", "serve-evaluator", "space", "dna"]


class Bench:
    """One folder to work in, with a text, a token file and a trained model."""

    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        words = "the captain ship harbour storm sailor garden rose apple watched followed and but because".split()
        draw = random.Random(1)
        (self.folder / "text.txt").write_text(" ".join(draw.choice(words) for _ in range(6000)))
        self.write_tokens("tokens.bin", [draw.randrange(256) for _ in range(200)])
        self.net = self.folder / "net"
        self.training = self.training_of(12)
        self.run(0, *self.training, "--out", self.net)

    def training_of(self, steps):
        return ["train", MODEL, "--data", self.folder / "text.txt", "--steps", steps, "--batch", "4", "--windows", "16", "--threads", "1"]

    def write_tokens(self, name, ids):
        header = [20240520, 1, len(ids)] + [0] * 253
        (self.folder / name).write_bytes(struct.pack("<256i", *header) + struct.pack(f"<{len(ids)}H", *ids))

    def run(self, code, *arguments, **options):
        """Runs the program, which must end with `code`; an error must be one line on stderr and nothing on stdout."""
        command = [self.program, *(a if isinstance(a, bytes) else str(a) for a in arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, **options)
        assert done.returncode == code, f"{arguments}: ended with {done.returncode}, not {code}: {done.stderr}"
        if code in (2, 3):
            assert done.stdout == "", f"{arguments}: printed {done.stdout!r} in spite of the error"
            assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n"), f"{arguments}: not one line: {done.stderr!r}"
        return done

    def error(self, code, *arguments, says):
        message = self.run(code, *arguments).stderr
        assert says in message, f"{arguments}: {message!r} does not say {says!r}"


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = (entry["dtype"], entry["shape"], data[8 + size + begin:8 + size + end])
    return tensors


def floats(tensor):
    return struct.unpack(f"<{len(tensor[2]) // 4}f", tensor[2])


def test_every_command_explains_itself_with_examples(b):
    assert "genoform" in b.run(0, "--version").stdout
    top = b.run(0, "--help").stdout
    for verb in VERBS:
        assert verb in top, verb
        help_text = b.run(0, verb, "--help")
        assert "Examples:" in help_text.stdout and f"genoform {verb}" in help_text.stdout and help_text.stderr == "", verb


def test_wrong_usage_ends_with_2_and_one_line(b):
    b.error(2, says="command")
    b.error(2, "trian", says='did you mean "train"?')
    b.error(2, "print", says="genoform print: ")
    b.error(2, "print", MODEL, "--colour", says="--colour")
    b.error(2, "train", MODEL, "--data", "x", "--out", "y", "--batch", "0", says="--batch")
    b.error(2, "train", MODEL, "--data", "x", "--out", "y", "--steps", "many", says="--steps")
    b.error(2, "train", MODEL, says="--out")
    b.error(2, "grad", b.net, "--tokens", b.folder / "tokens.bin", "--batch", "1", "--context", "17", "--out", b.folder / "o", says="Context<16>")


def test_a_number_is_refused_in_one_short_line_unless_it_is_finite_and_fits(b):
    train = ["train", MODEL, "--data", "x", "--out", "y"]
    for option, value, says in [
            ("--weight-decay", "nan", "is not a finite number"), ("--clip", "inf", "is not a finite number"), ("--learning-rate", "1,5", "is not a number above 0"),
            ("--learning-rate", "1e-60", "is not a number above 0"), ("--learning-rate", "nan", "is not a number above 0"), ("--router-z-loss", "nan", "a number of at least 0"),
            ("--router-jitter", "1", "a number from 0 to 0.999"), ("--seed", "18446744073709551616", "an integer from 0 to 18446744073709551615"), ("--seed", "-1", "an integer from 0"),
            ("--steps", "2147483648", "an integer from 1 to 2147483647"), ("--steps", "1.5", "an integer from 1"), ("--steps", " 5", "an integer from 1"),
            ("--windows", "1048577", "an integer from 0 to 1048576"), ("--warm-up", "1e3", "an integer from 0")]:
        message = b.run(2, *train, option, value).stderr
        assert says in message and f'{option}: "{value}"' in message and len(message) < 200, message
    search = ["search", "--data", "x", "--study", b.folder / "none.sqlite"]
    for option, value in [("--budget", "nan"), ("--budget", "inf"), ("--max-time", "nan"), ("--learning-rate", "nan"), ("--step-time", "nan"), ("--final-budget", "nan"),
                          ("--sub-layers", "2-99999999999"), ("--sub-layers", "0")]:
        assert len(b.run(2, *search, option, value).stderr) < 200, option
    b.error(2, *train, "--optimizer", "adafactor", "--factor-from", "1.5", says="factor-from of the optimizer adafactor is 1.5; an integer is needed")
    b.error(2, "sample", b.net, "--temperature", "nan", says="a number of at least 0")
    assert not (b.folder / "none.sqlite").exists()


def test_paths_are_bytes_and_json_is_utf8(b):
    folder = os.fsencode(b.folder) + b"/d\xe9j\xe0"
    os.mkdir(folder)
    for name in [b"train.txt", b"val.txt", b"test.txt"]:
        with open(folder + b"/" + name, "wb") as text:
            text.write(b"the captain followed a ship " * 50)
    run = lambda code, *arguments: b.run(code, *arguments, errors="surrogateescape")
    train = [folder if a == b.folder / "text.txt" else a for a in b.training_of(2)]
    result = json.loads(run(0, *train, "--out", folder + b"/net", "--json").stdout.encode("utf-8"))
    assert result["out"].endswith("d\\xe9j\\xe0/net"), result
    study = ["search", "--study", folder + b"/study.sqlite", "--trials", 2, "--budget", 0.1, "--batch", 2, "--context", 16, "--initial", 2, "--no-final", "--quiet",
             "--workers", 1, "--oracle", "flops", "--json"]
    first = json.loads(run(0, *study, "--data", folder).stdout)
    assert json.loads(run(0, "search", "--study", folder + b"/study.sqlite", "--resume", "--no-final", "--quiet", "--workers", 1, "--trials", 2, "--json").stdout)["winner"] == first["winner"]


def test_what_is_no_plain_text_is_named(b):
    packed = b.folder / "text.txt.gz"
    packed.write_bytes(gzip.compress((b.folder / "text.txt").read_bytes()))
    b.error(3, *[packed if a == b.folder / "text.txt" else a for a in b.training], "--out", b.folder / "packed", says="text.txt.gz: compressed by gzip")
    b.error(3, "eval", b.net, "--data", packed, says="compressed by gzip")
    b.error(3, "print", "\ufeffBlock<Attn>", says='1:1: "\\u{feff}": ')


def test_special_files_and_links_stay_what_they_are(b):
    link, real, pipe = b.folder / "link.svg", b.folder / "real.svg", b.folder / "pipe"
    real.write_text("old")
    link.symlink_to(real)
    b.run(0, "inspect", "Block<Attn>", "--svg", link)
    assert link.is_symlink() and real.read_text().startswith("<svg")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    b.run(0, "inspect", "Block<Attn>", "--svg", pipe)
    assert pipe.is_fifo() and os.read(reader, 100).startswith(b"<svg")
    os.close(reader)


def test_print_gives_the_canonical_text_or_a_place(b):
    assert b.run(0, "print", " Block<Attn,Ffn< Hidden<512>, SqReLU> >").stdout == "Block<Attention<>, Ffn<SqReLU, Hidden<512>>>\n"
    assert b.run(0, "print", "-", input="Block<\n  Attn>").stdout == "Block<Attention<>>\n"
    assert json.loads(b.run(0, "print", MODEL, "--json").stdout) == {"model": MODEL}
    b.error(3, "print", "Block<Attn, Fn<SqReLU>>", says="1:13: ")
    b.error(3, "print", "Block<\n  Attention<Windw<4>>>", says="2:13: ")
    b.error(3, "print", "", says="1:1: ")


def test_train_writes_a_model_folder_and_logs(b):
    config = json.loads((b.net / "config.json").read_text())
    assert config["format"] == "genoform-1" and config["model"] == MODEL
    weights = read_safetensors(b.net / "model.safetensors")
    assert weights["embedding.weight"][1] == [256, 32] and weights["blocks.1.1.moe.up.weight"][1] == [4, 128, 32]
    log = [json.loads(line) for line in (b.net / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == list(range(1, 13))
    assert "validation_bits_per_byte" in log[-1] and "validation_bits_per_byte" not in log[0]
    assert len((b.net / "log.csv").read_text().splitlines()) == 13
    result = json.loads(b.run(0, *b.training, "--out", b.folder / "json", "--json", "--quiet").stdout)
    assert abs(result["validation_bits_per_byte"] - log[-1]["validation_bits_per_byte"]) < 1e-4 and result["steps"] == 12
    b.error(2, *b.training, "--out", b.net, says="--resume")
    b.error(3, *b.training, "--out", b.folder / "nothing_there", "--resume", says="checkpoint.safetensors")


def test_sizes_may_be_given_on_the_command_line(b):
    open_text = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 1>>"
    out = b.folder / "sized"
    b.run(0, "train", open_text, "--width", 32, "--model-context", 8, "--data", b.folder / "text.txt", "--steps", 1, "--windows", 4, "--out", out)
    model = json.loads((out / "config.json").read_text())["model"]
    assert model.endswith("Vocab<256>, Width<32>, Context<8>>"), model
    b.run(0, "eval", out, "--data", b.folder / "text.txt", "--windows", 4)
    b.error(3, "train", open_text, "--data", b.folder / "text.txt", "--out", b.folder / "unsized", says="Width")


def test_frozen_tensors_stay_as_they_start(b):
    few, more = b.folder / "frozen_few", b.folder / "frozen_more"
    frozen = ["--freeze", "embedding.*", "--freeze", "blocks.0.*"]
    b.run(0, *b.training_of(2), *frozen, "--out", few)
    b.run(0, *b.training_of(5), *frozen, "--out", more)
    a, c = read_safetensors(few / "model.safetensors"), read_safetensors(more / "model.safetensors")
    for name in a:
        if not name.endswith(".threshold"):
            assert (a[name] == c[name]) == (name.startswith("blocks.0.") or name == "embedding.weight"), name
    b.error(2, *b.training, "--freeze", "block.0.*", "--out", b.folder / "frozen_wrong", says='"block.0.*" matches no trained tensor')


def test_progress_goes_to_stderr_without_colour_codes(b):
    done = b.run(0, *b.training, "--out", b.folder / "progress")
    assert "step 12/12" in done.stderr and "\033" not in done.stderr and "\r" not in done.stderr
    assert done.stdout.count("\n") == 1 and "bits per byte, causal" in done.stdout
    assert b.run(0, *b.training, "--out", b.folder / "quiet", "--quiet").stderr == ""


def interrupted(b, out, number, code, more=()):
    """Starts a long run, sends a signal (None: closes the pipe of its progress) when it is under way, and returns the number of
    steps in the log."""
    arguments = [*b.training_of(400), "--out", out, *more]
    process = subprocess.Popen([b.program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = out / "log.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (log.exists() and len(log.read_text().splitlines()) >= 5):
        time.sleep(0.01)
    if number is None:
        process.stderr.close()
        process.stdout.read()
        process.wait(timeout=60)
    else:
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code, f"ended with {process.returncode}, not {code}"
    return len(log.read_text().splitlines())


def test_a_signal_saves_and_a_resumed_run_is_the_same_to_the_bit(b):
    whole = b.folder / "whole"
    b.run(0, *b.training_of(400), "--out", whole)
    for name, number, code, more in [("int", signal.SIGINT, 130, ()), ("term", signal.SIGTERM, 143, ()), ("hang-up", signal.SIGHUP, 129, ()),
                                     ("pipe", None, 141, ("--validate-every", "2")), ("kill", signal.SIGKILL, -9, ("--save-every", "2"))]:
        out = b.folder / f"signal_{name}"
        steps = interrupted(b, out, number, code, more)
        assert 5 <= steps < 400, steps
        assert not (out / "model.safetensors").exists()
        b.run(0, *b.training_of(400), "--out", out, "--resume", *more)
        assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes(), f"{name}: other weights"
        log = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
        assert log == list(range(1, 401)), f"{name}: the log has steps twice or not at all"


def test_a_signal_is_heard_within_a_step_and_one_that_is_ignored_is_not(b):
    out = b.folder / "long-step"
    process = subprocess.Popen([b.program, *map(str, [*b.training_of(2), "--out", out, "--accumulate", "200000"])], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    while not (out / "log.csv").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None, "a signal that the program was started to ignore ended it"
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "saved after step 0" in message, (process.returncode, message)
    assert time.monotonic() - sent < 5, "the step takes minutes, and was not left"


def test_a_run_is_resumed_only_as_it_was_started(b):
    b.error(3, *b.training, "--out", b.net, "--resume", "--learning-rate", "0.1", says="learning_rate 0.003, this one learning_rate 0.1")
    other = MODEL.replace("SqReLU", "ReLU")
    b.error(3, *[other if a == MODEL else a for a in b.training], "--out", b.net, "--resume", says="where \"...ReLU")
    b.error(3, *b.training, "--out", b.net, "--resume", "--seed", "2", says="the run has model seed 1, this one model seed 2")
    b.error(3, *b.training, "--out", b.net, "--resume", "--start", b.net, says="the run has start none, this one start ")


def test_a_finished_run_that_is_resumed_keeps_its_text_and_its_figures(b):
    out = b.folder / "finished"
    first = json.loads(b.run(0, *b.training, "--out", out, "--json").stdout)
    again = json.loads(b.run(0, *b.training, "--out", out, "--resume", "--json").stdout)
    assert again["tokens"] == first["tokens"] > 0 and again["validation_bits_per_byte"] == first["validation_bits_per_byte"], (first, again)
    assert again["pool_bits_per_byte"] is None, again  # no step was taken
    (b.folder / "another.txt").write_text((b.folder / "text.txt").read_text()[::-1])
    another = [b.folder / "another.txt" if a == b.folder / "text.txt" else a for a in b.training]
    b.error(3, *another, "--out", out, "--resume", says="the text is not the one that the run started with")


def test_the_optimizer_is_a_choice(b):
    out = b.folder / "adafactor"
    adafactor = ["--optimizer", "adafactor", "--beta2", "0.99", "--factor-from", "16", "--learning-rate", "0.02", "--schedule", "rsqrt"]
    b.run(0, *b.training, "--out", out, *adafactor)
    log = [json.loads(line)["pool_bits_per_byte"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert log[-1] < log[0] - 0.5, log
    state = read_safetensors(out / "checkpoint.safetensors")
    assert state["adafactor.r.blocks.0.1.moe.up.weight"][1] == [4, 128] and state["adafactor.c.blocks.0.1.moe.up.weight"][1] == [4, 32]
    b.error(3, *b.training, "--out", out, "--resume", "--learning-rate", "0.02", "--schedule", "rsqrt", says="the run has optimizer adafactor beta1 0 beta2 0.99")
    b.error(2, *b.training, "--out", b.folder / "none", "--optimizer", "adafactor", "--clip", "1", says="--clip is a setting of adamw")
    b.error(2, *b.training, "--out", b.folder / "none", "--update-clip", "1", says="--update-clip is a setting of adafactor")
    b.error(2, *b.training, "--out", b.folder / "none", "--optimizer", "sgd", says="--optimizer")
    bytes_of = lambda *more: json.loads(b.run(0, "train", MODEL, "--dry-run", *more).stdout)["bytes"]
    assert bytes_of("--optimizer", "adafactor", "--factor-from", "1") < bytes_of()


def test_a_run_can_start_from_a_folder(b):
    out = b.folder / "started"
    b.run(0, *b.training_of(1), "--out", out, "--start", b.net, "--learning-rate", "1e-30")
    assert read_safetensors(out / "model.safetensors")["embedding.weight"] == read_safetensors(b.net / "model.safetensors")["embedding.weight"]
    other = MODEL.replace("SqReLU", "ReLU")
    b.error(3, *[other if a == MODEL else a for a in b.training], "--out", b.folder / "other", "--start", b.net, says="another model")


def test_training_that_becomes_non_finite_ends_with_5_and_saves_the_last_finite_state(b):
    out = b.folder / "diverged"
    done = b.run(5, *b.training_of(50), "--out", out, "--learning-rate", "1e30", "--clip", "0", "--warm-up", "0")
    last = done.stderr.splitlines()[-1]
    steps = len((out / "log.jsonl").read_text().splitlines())
    assert steps >= 1 and ".weight" in last and f"step {steps + 1}: " in last and f"{out}: saved after step {steps};" in last, last
    for name in ["model.safetensors", "checkpoint.safetensors"]:
        assert all(math.isfinite(x) for tensor in read_safetensors(out / name).values() for x in floats(tensor)), name


def test_a_log_that_cannot_be_written_ends_with_4_and_loses_no_weights(b):
    if not os.path.exists("/dev/full"):
        return
    out = b.folder / "full_log"
    interrupted(b, out, signal.SIGKILL, -9, ["--save-every", "1"])
    (out / "log.jsonl").unlink()
    (out / "log.jsonl").symlink_to("/dev/full")
    last = b.run(4, *b.training_of(400), "--out", out, "--resume").stderr.splitlines()[-1]
    assert "log.jsonl: cannot write" in last and f"{out}: saved after step" in last, last
    b.run(0, "eval", out, "--data", b.folder / "text.txt", "--windows", "4")


def test_training_writes_into_a_new_an_empty_or_its_own_folder_only(b):
    out = b.folder / "foreign"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    b.error(2, *b.training, "--out", out, says='holds other files, as "notes.txt"')
    (out / "notes.txt").rename(out / "log.csv")
    b.error(3, *b.training, "--out", out, says="log.csv: not a log of a training run")
    assert (out / "log.csv").read_text() == "mine" and not (out / "log.jsonl").exists()
    (out / "log.csv").unlink()
    b.run(0, *b.training, "--out", out)


def test_two_trainings_in_one_folder_do_not_mix(b):
    out = b.folder / "shared"
    first = subprocess.Popen([b.program, *map(str, b.training_of(4000)), "--out", str(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while time.monotonic() < end and not ((out / "log.jsonl").exists() and (out / "log.jsonl").stat().st_size > 0):
        time.sleep(0.01)
    b.error(3, *b.training, "--out", out, says="another run is writing into this folder")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 130
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == list(range(1, len(steps) + 1)), "steps of another run are in the log"


def test_what_a_late_step_would_refuse_is_refused_before_the_first(b):
    data = b.folder / "late"
    data.mkdir()
    for name in ["train.txt", "val.txt", "test.txt"]:
        (data / name).write_text("the captain followed a ship " * 20)
    with open(data / "val.txt", "ab") as text:
        text.write(b"\xc3")
    ascii_model = MODEL.replace("Vocab<256>", "Vocab<128>")
    command = [ascii_model if a == MODEL else data if a == b.folder / "text.txt" else a for a in b.training]
    b.error(3, *command, "--out", b.folder / "late_out", says=f"{data / 'val.txt'}: byte 560 is 195")
    b.error(2, *["2147483647" if a == "16" else a for a in b.training], "--out", b.folder / "late_windows", says="1048576")


def test_too_little_memory_ends_with_4_before_the_start(b):
    huge = "Decoder<Stack<Block<Ffn<SqReLU, Hidden<1000000>>>, 1000>, Vocab<256>, Width<10000>, Context<16>>"
    done = b.run(4, "train", huge, "--data", b.folder / "text.txt", "--out", b.folder / "huge")
    assert "MiB are available" in done.stderr, done.stderr
    done = b.run(4, *[a if a != "4" else "1000000" for a in b.training], "--out", b.folder / "huge_batch")
    assert "are available" in done.stderr, done.stderr
    needs = json.loads(b.run(0, "train", huge, "--dry-run").stdout)
    assert needs["bytes"] > needs["bytes_available"]


def under(limits, *arguments):
    """Runs a command with limits of the process."""
    def lower():
        for which, value in limits:
            resource.setrlimit(which, (value, value))
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120, preexec_fn=lower)


def test_the_limits_of_a_process_count_as_memory(b):
    limit = [(resource.RLIMIT_AS, 700 << 20)]
    done = under(limit, b.program, *[a if a != "4" else "20000" for a in b.training], "--out", b.folder / "limited")
    assert done.returncode == 4 and "MiB are available under ulimit -v; take a smaller batch" in done.stderr, done
    facts = json.loads(under(limit, b.program, "doctor", "--json").stdout)
    needs = json.loads(under(limit, b.program, "train", MODEL, "--dry-run").stdout)
    assert 0 < facts["bytes_available"] < 700 << 20 and abs(facts["bytes_available"] - needs["bytes_available"]) < 64 << 20, (facts, needs)
    assert "by ulimit -v" in under(limit, b.program, "doctor").stdout


def test_the_memory_of_a_control_group_is_respected(b):
    group = made_memory_group(300 << 20)
    if group is None:
        return print("        no control group can be made here: not checked")
    try:
        inside = lambda *arguments: subprocess.run(["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", b.program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        facts = json.loads(inside("doctor", "--json").stdout)
        needs = json.loads(inside("train", MODEL, "--dry-run").stdout)
        assert facts["bytes_available"] < 300 << 20 and abs(facts["bytes_available"] - needs["bytes_available"]) < 32 << 20, (facts, needs)
        done = inside(*[a if a != "4" else "8000" for a in b.training], "--out", b.folder / "grouped")
        assert done.returncode == 4 and "MiB are available under the memory limit of the control group" in done.stderr, done
        done = inside(*b.training, "--out", b.folder / "in_group")
        assert done.returncode == 0, done
    finally:
        group.rmdir()


def test_threads_are_those_of_the_usable_processors_and_at_most_1024(b):
    first = min(os.sched_getaffinity(0))
    without = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    facts = json.loads(b.run(0, "doctor", "--json", env=without, preexec_fn=lambda: os.sched_setaffinity(0, {first})).stdout)
    assert facts["threads"] == facts["usable_processors"] == 1 and facts["processors"] >= 1, facts
    if facts["processors"] > 1:
        text = b.run(0, "doctor", env=without, preexec_fn=lambda: os.sched_setaffinity(0, {first})).stdout
        assert "1 usable: the affinity of the process allows 1" in text, text
    assert json.loads(b.run(0, "doctor", "--json", env=dict(without, OMP_NUM_THREADS="3")).stdout)["threads"] == 3
    for threads in ["0", "1025", "100000"]:
        b.error(2, "train", MODEL, "--data", "x", "--out", "y", "--threads", threads, says=f'"{threads}" is not an integer from 1 to 1024')
    done = b.run(2, "eval", b.net, "--data", b.folder / "text.txt", env=dict(without, OMP_NUM_THREADS="100000"))
    assert "a Cpu takes 1 to 1024 threads, not 100000" in done.stderr, done


def test_an_instruction_set_that_is_not_there_is_refused(b):
    facts = json.loads(b.run(0, "doctor", "--json").stdout)
    for command in [["doctor"], ["eval", b.net, "--data", b.folder / "text.txt"], ["inspect", MODEL]]:
        done = b.run(2, *command, env=dict(os.environ, GENOFORM_ISA="avx3"))
        assert "portable, avx2, avx512, avx512_bf16, amx; did you mean avx2?" in done.stderr, done
        for name in {"avx2", "avx512", "avx512_bf16", "amx"} - set(facts["instruction_sets"]):
            assert f"this processor has no {name}; it has portable" in b.run(2, *command, env=dict(os.environ, GENOFORM_ISA=name)).stderr, name
    assert json.loads(b.run(0, "doctor", "--json", env=dict(os.environ, GENOFORM_ISA="portable")).stdout)["in_use"] == "portable"


def test_closed_streams_get_into_no_file(b):
    def without(closes, *arguments):
        return subprocess.run(["sh", "-c", f'exec "$@" {closes}', "sh", b.program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    for n, (closes, code) in enumerate([("<&-", 0), ("2>&-", 0), (">&-", 4), ("<&- >&- 2>&-", 4)]):
        out = b.folder / f"closed_{n}"
        done = without(closes, *b.training, "--out", out)
        assert done.returncode == code, (closes, done)
        assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == list(range(1, 13)), closes
        b.run(0, "eval", out, "--data", b.folder / "text.txt", "--windows", 4)
        command = search(b, f"closed_{n}.sqlite", "--no-final")
        command.remove("--quiet")
        assert without(closes, *command).returncode == code, closes
        b.run(0, "best", b.folder / f"closed_{n}.sqlite")
    done = without(">&-", "print", MODEL)
    assert done.returncode == 4 and done.stderr == "stdout: the output could not be written\n", done
    assert without(">&-", "--help").returncode == 4
    done = without("<&-", "print", "-")
    assert done.returncode == 3 and done.stderr == "stdin: cannot be read\n", done


def test_a_limit_of_file_sizes_ends_with_4(b):
    limit = [(resource.RLIMIT_FSIZE, 2000)]
    out = b.folder / "cut"
    done = under(limit, b.program, *b.training, "--quiet", "--out", out)
    assert done.returncode == 4 and str(out) in done.stderr and done.stderr.count("\n") == 1, done
    done = under(limit, b.program, "grad", b.net, "--tokens", b.folder / "tokens.bin", "--batch", 1, "--context", 16, "--out", b.folder / "cut_gradients")
    assert done.returncode == 4 and "cut_gradients: cannot write: File too large" in done.stderr, done
    assert not (b.folder / "cut_gradients").exists()
    done = under(limit, b.program, *search(b, "cut.sqlite", "--no-final"))
    assert done.returncode == 4 and "cut.sqlite: " in done.stderr, done


def test_what_cannot_be_written_ends_with_4(b):
    b.run(4, *b.training, "--out", "/proc/nowhere")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = subprocess.run([b.program, "print", MODEL], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 4 and done.stderr.count("\n") == 1, done


def test_eval_reports_the_causal_loss(b):
    trained = json.loads((b.net / "log.jsonl").read_text().splitlines()[-1])["validation_bits_per_byte"]
    found = json.loads(b.run(0, "eval", b.net, "--data", b.folder / "text.txt", "--windows", "16", "--threads", "1", "--pool", "--json").stdout)
    assert abs(found["bits_per_byte"] - trained) < 1e-4 and found["pool_bits_per_byte"] != found["bits_per_byte"]
    counted = json.loads(b.run(0, "eval", b.net, "--data", b.folder / "text.txt", "--windows", "16", "--ngrams", "20000", "--json").stdout)
    assert 8 > counted["order_1_bits_per_byte"] > counted["order_3_bits_per_byte"] > 0.1, counted
    assert found["second_half_bits_per_byte"] != found["bits_per_byte"] and counted["order_3_second_half_bits_per_byte"] < counted["order_3_bits_per_byte"], (found, counted)
    assert "in the second half of each window, where 9 bytes and more are seen" in b.run(0, "eval", b.net, "--data", b.folder / "text.txt", "--windows", "16").stdout
    assert "n-gram of order 5 on the first 20000 bytes" in b.run(0, "eval", b.net, "--data", b.folder / "text.txt", "--windows", "16", "--ngrams", "20000").stdout
    assert "pool" in b.run(0, "eval", b.net, "--data", b.folder / "text.txt", "--windows", "16", "--pool").stdout
    b.error(3, "eval", b.net, "--data", b.folder / "missing.txt", says="missing.txt")
    b.error(3, "eval", b.folder / "no_model", "--data", b.folder / "text.txt", says="no_model")


def test_a_loss_that_is_not_finite_is_an_error_and_no_figure(b):
    large = b.folder / "large_weights"
    shutil.copytree(b.net, large)
    data = (large / "model.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    begin, end = json.loads(data[8:start])["blocks.0.2.ffn.up.weight"]["data_offsets"]
    weights = struct.pack("<f", 1e25) * ((end - begin) // 4)
    (large / "model.safetensors").write_bytes(data[:start + begin] + weights + data[start + end:])
    done = b.run(5, "eval", large, "--data", b.folder / "text.txt", "--windows", "4", "--json")
    assert done.stdout == "" and "the causal loss is not finite in windows 0 to 3" in done.stderr, done


def test_a_damaged_folder_is_named_with_file_and_tensor(b):
    broken = b.folder / "broken"
    broken.mkdir()
    config = json.loads((b.net / "config.json").read_text())
    (broken / "model.safetensors").write_bytes((b.net / "model.safetensors").read_bytes())
    config["model"] = MODEL.replace("Experts<4>", "Experts<8>")
    (broken / "config.json").write_text(json.dumps(config))
    b.error(3, "eval", broken, "--data", b.folder / "text.txt", says="blocks.0.1.moe.")
    config["model"] = "Decoder<Blok<Attn>>"
    (broken / "config.json").write_text(json.dumps(config))
    b.error(3, "inspect", broken, says="config.json")
    config["model"] = "Decoder<Stack<Block<Ffn<SqReLU, Hidden<1000000>>>, 1000>, Vocab<256>, Width<10000>, Context<16>>"
    (broken / "config.json").write_text(json.dumps(config))
    b.error(3, "eval", broken, "--data", b.folder / "text.txt", says="model.safetensors")
    (broken / "config.json").write_text("{")
    b.error(3, "sample", broken, says="config.json")


def test_grad_writes_logits_losses_and_every_gradient(b):
    out = b.folder / "gradients.safetensors"
    command = ["grad", b.net, "--tokens", b.folder / "tokens.bin", "--batch", "3", "--context", "16", "--out", out]
    b.run(0, *command)
    found, weights = read_safetensors(out), read_safetensors(b.net / "model.safetensors")
    assert found["logits"][:2] == ("F32", [3, 16, 256]) and found["loss"][1] == [1] and found["aux_loss"][1] == [1]
    trained = {name for name in weights if not name.endswith((".threshold", ".bias.state"))}
    assert {name[5:] for name in found if name.startswith("grad.")} == trained
    assert all(found["grad." + name][1] == weights[name][1] for name in trained)
    assert any(x != 0 for x in floats(found["grad.blocks.0.0.attention.k.dconv"]))
    before = out.read_bytes()
    b.run(0, *command)
    assert out.read_bytes() == before
    assert (b.net / "model.safetensors").read_bytes() and read_safetensors(b.net / "model.safetensors") == weights


def test_grad_writes_nothing_on_an_error(b):
    out = b.folder / "sentinel"
    out.write_text("as it was")
    b.error(3, "grad", b.net, "--tokens", b.folder / "tokens.bin", "--batch", "100", "--context", "16", "--out", out, says="tokens.bin")
    b.write_tokens("wide.bin", [300] * 100)
    b.error(3, "grad", b.net, "--tokens", b.folder / "wide.bin", "--batch", "1", "--context", "8", "--out", out, says="300")
    b.error(3, "grad", b.folder / "no_model", "--tokens", b.folder / "tokens.bin", "--batch", "1", "--context", "8", "--out", out, says="no_model")
    assert out.read_text() == "as it was"
    b.error(3, "grad", b.net, "--tokens", b.folder / "tokens.bin", "--batch", "1", "--context", "8", "--out", b.folder / "no/where", says="no/where")


def test_grad_of_the_first_tokens_does_not_depend_on_what_follows(b):
    b.write_tokens("short.bin", list(range(17)))
    b.write_tokens("long.bin", list(range(17)) + [5] * 50)
    for name in ("short", "long"):
        b.run(0, "grad", b.net, "--tokens", b.folder / f"{name}.bin", "--batch", "2", "--context", "8", "--out", b.folder / f"{name}.out")
    assert (b.folder / "short.out").read_bytes() == (b.folder / "long.out").read_bytes()


def test_sample_writes_the_same_text_for_the_same_seed(b):
    command = ["sample", b.net, "--prompt", "the ", "--tokens", "40", "--threads", "1"]
    first = b.run(0, *command, errors="replace").stdout
    assert first.startswith("the ") and first == b.run(0, *command, errors="replace").stdout
    assert first != b.run(0, *command, "--seed", "2", errors="replace").stdout
    greedy = [*command, "--temperature", "0"]
    assert b.run(0, *greedy, errors="replace").stdout == b.run(0, *greedy, "--seed", "9", errors="replace").stdout


def test_inspect_shows_texts_parts_and_folders(b):
    known = "Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<64>>"
    figures = json.loads(b.run(0, "inspect", known, "--json").stdout)
    assert figures["parameters"] == 824960 and figures["training_flops"] == 3 * figures["forward_flops"] and figures["step_ms_estimate"] > 0
    text = b.run(0, "inspect", known).stdout
    assert "block, 4 times" in text and "824,960" in text and "x += Ffn<SqReLU>" in text
    assert json.loads(b.run(0, "inspect", b.net, "--json").stdout)["model"] == MODEL
    assert "x += Moe<Top2>" in b.run(0, "inspect", "Block<Attn, Moe<Top2>>").stdout
    trace = b.run(0, "inspect", known, "--trace").stdout
    assert "cross_entropy" in trace and "linear_weight_gradient" in trace
    b.error(2, "inspect", "Block<Attn>", "--trace", says="--trace")
    b.error(2, "inspect", "Block<Attn>", "--memory", says="--memory")
    b.error(2, "inspect", known, "--memory", "--trace", says="different reports")
    b.error(3, "inspect", "Decoder<Blok<Attn>>", says="1:9: ")


def test_inspect_explains_the_memory_of_a_step(b):
    text = "Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>>>, 3>, Vocab<256>, Width<64>, Context<32>>"
    memory_of = lambda *more: json.loads(b.run(0, "inspect", text, "--memory", "--json", *more).stdout)
    keeps, recomputes = memory_of(), memory_of("--recompute")
    sums = ["parameter_bytes", "gradient_bytes", "optimizer_bytes", "router_state_bytes", "input_bytes", "workspace_bytes", "backend_scratch_bytes"]
    for memory in [keeps, recomputes]:
        assert memory["total_bytes"] == sum(memory[key] for key in sums)
        assert memory["workspace_bytes"] == memory["kept_bytes_at_peak"] + memory["scratch_bytes_at_peak"]
        assert "the backward pass, block 2, " in memory["peak"], memory["peak"]
    assert recomputes["workspace_bytes"] < keeps["workspace_bytes"] / 1.5
    ffn = [k for k in keeps["kept"] if k["sub_layer"] == "0.1 Moe" and k["made_by"] == "expert_linear"]
    assert ffn[0]["times"] == 3 and ffn[0]["read_by"] == ["expert_linear_weight_gradient", "expert_linear_input_gradient"], ffn
    assert any("runs forward again from it" in k["why"] for k in recomputes["kept"])
    shown = b.run(0, "inspect", text, "--memory", "--recompute", "--batch", "3").stdout
    assert "a training step of 3 x 32 tokens" in shown and "recomputed: attend_gradient reads it" in shown, shown
    estimate = lambda *more: json.loads(b.run(0, "train", text, "--dry-run", *more).stdout)["bytes"]
    assert estimate("--recompute") < estimate()
    short = memory_of("--dtype", "bf16")
    assert 0.5 < short["workspace_bytes"] / keeps["workspace_bytes"] < 0.8 and short["parameter_bytes"] == keeps["parameter_bytes"], short
    hidden = lambda memory: next(k["bytes"] for k in memory["kept"] if k["made_by"] == "expert_linear" and k["columns"] == 256)
    assert 2 * hidden(short) == hidden(keeps), short
    assert estimate("--dtype", "bf16") < estimate()
    assert "bytes 16384 " in next(line for line in b.run(0, "inspect", text, "--trace", "--batch", "1", "--dtype", "bf16").stdout.splitlines() if line.startswith("rotate"))


def test_training_with_recomputed_blocks_writes_the_same_weights(b):
    plain, other = b.folder / "keeps", b.folder / "recomputes"
    b.run(0, *b.training_of(3), "--out", plain)
    b.run(0, *b.training_of(3), "--out", other, "--recompute")
    assert (plain / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


def test_thread_invariant_training_writes_the_same_weights_on_any_number_of_threads(b):
    sparse = "Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>>>, 1>, Vocab<256>, Width<128>, Context<64>>"
    for threads in [1, 2, 3]:
        b.run(0, "train", sparse, "--data", b.folder / "text.txt", "--steps", "3", "--batch", "8", "--windows", "4", "--threads", threads, "--thread-invariant",
              "--out", b.folder / f"invariant-{threads}")
        weights = read_safetensors(b.folder / f"invariant-{threads}" / "model.safetensors")
        assert weights == read_safetensors(b.folder / "invariant-1" / "model.safetensors"), f"{threads} threads"


def test_inspect_draws_the_block_as_svg(b):
    svg = "{http://www.w3.org/2000/svg}"
    text = ("Decoder<Body<Stack<Block<Attention<Heads<4>, DConv<3>, Post<RmsNorm>>, Ffn<SqReLU, Inner<LayerNorm>>>, 3>, "
            "Stack<Block<Moe<Top2, Experts<16>>>, 1>>, Vocab<256>, Width<64>, Context<32>>")
    out = b.folder / "block.svg"
    for what, kinds, options in [(text, ["Attention", "Ffn", "Moe"], ["Heads<4>, DConv<3>", "SqReLU", "Top2, Experts<16>"]),
                                 ("Block<Attn, Moe<Top2>>", ["Attention", "Moe"], ["Top2"]),
                                 (b.net, ["Attention", "Moe", "Ffn"], ["Heads<2>, DConv<3>", "ExpertChoice, Experts<4>", "SqReLU"])]:
        shown = b.run(0, "inspect", what, "--svg", out).stdout
        assert "x += " in shown
        root = xml.etree.ElementTree.parse(out).getroot()
        assert root.tag == svg + "svg" and int(root.get("width")) > 0 and int(root.get("height")) > 0
        texts = {look: [e.text for e in root.iter(svg + "text") if e.get("class") == look] for look in ("kind", "code", "centre", "times", "number")}
        assert texts["kind"] == kinds, texts["kind"]
        for option in options:
            assert option in texts["code"], f"{option} is not among {texts['code']}"
        boxes = [e for e in root.iter(svg + "rect") if e.get("class").startswith("box hue")]
        assert len(boxes) == len(kinds) and len({e.get("class") for e in boxes}) == len(kinds)
        assert len([e for e in root.iter(svg + "circle") if e.get("class") == "plus"]) == len(kinds)
        places = [(int(e.get("x") or 0), int(e.get("y") or 0)) for e in root.iter() if e.get("y")]
        assert all(0 <= x <= int(root.get("width")) and 0 <= y <= int(root.get("height")) for x, y in places)
        if what == text:
            assert texts["times"] == ["block × 3", "block"] and texts["centre"] == ["RmsNorm", "LayerNorm", "RmsNorm"]
            assert root.find(svg + "desc").text == text
            figures = json.loads(b.run(0, "inspect", text, "--json").stdout)
            assert sum(int(n.replace(",", "")) for n in texts["number"] if "." not in n) == figures["parameters"]
            assert abs(sum(float(n) for n in texts["number"] if "." in n) - 100) < 0.5
    assert "href" not in out.read_text() and "prefers-color-scheme: dark" in out.read_text()
    b.error(3, "inspect", "Decoder<Blok<Attn>>", "--svg", b.folder / "none.svg", says="1:9: ")
    b.error(3, "inspect", text, "--svg", b.folder / "no" / "block.svg", says="block.svg: ")
    assert not (b.folder / "none.svg").exists()


def test_bench_and_doctor_report_figures(b):
    figures = json.loads(b.run(0, "bench", MODEL, "--batch", "2", "--steps", "3", "--seconds", "0", "--json").stdout)
    for key in ["best_ms", "median_ms", "tokens_per_second", "gflops", "peak_gflops", "percent_of_peak", "dram_triad_gbps"]:
        assert figures[key] > 0, key
    assert figures["best_ms"] <= figures["median_ms"]
    dense = MODEL.replace("Moe<ExpertChoice, Experts<4>>, ", "")
    for dtype in ["f32", "bf16"]:
        figures = json.loads(b.run(0, "bench", dense, "--batch", "64", "--steps", "3", "--seconds", "0", "--dtype", dtype, "--json").stdout)
        planned = json.loads(b.run(0, "inspect", dense, "--batch", "64", "--dtype", dtype, "--memory", "--json").stdout)
        for key in ["total_bytes", "workspace_bytes", "backend_scratch_bytes"]:
            assert figures[key] == planned[key], (key, figures, planned)
        assert figures["total_bytes"] < figures["peak_resident_bytes"] < figures["total_bytes"] + 2**26, figures
    facts = json.loads(b.run(0, "doctor", "--json").stdout)
    assert facts["instruction_sets"] and facts["onednn"] and facts["products"] and isinstance(facts["missing"], list)
    assert "oneDNN" in b.run(0, "doctor").stdout


def operations_of(b, model, batch):
    """How often each operation stands in a training step, as the trace lists it."""
    names = [line.split()[0] for line in b.run(0, "inspect", model, "--trace", "--batch", batch).stdout.splitlines() if " bytes " in line]
    return {name: names.count(name) for name in names}


def test_bench_profile_shows_every_operation_of_a_step(b):
    figures = json.loads(b.run(0, "bench", MODEL, "--batch", "2", "--steps", "4", "--seconds", "0", "--profile", "--json").stdout)
    rows, phases = figures["profile"], ["forward", "loss", "backward"]
    found = {}
    for row in rows:
        # The gradients that the backward pass only adds to are cleared before it, which is no operation of a layer.
        if row["phase"] in phases and (row["operation"], row["phase"]) != ("clear", "backward"):
            found[row["operation"]] = found.get(row["operation"], 0) + row["calls"]
    assert found == operations_of(b, MODEL, 2), found
    updates = {row["operation"]: row["calls"] for row in rows if row["phase"] == "optimizer"}
    assert updates["sum_of_squares"] == 1 and updates["adamw_update"] >= 1 and updates["update_threshold"] == 2
    step = figures["profile_step_ms"]
    assert abs(sum(row["ms"] for row in rows) - step) < 1e-6 * step
    operations = [row for row in rows if row["phase"] != "outside"]
    assert all(row["ms"] > 0 for row in operations) and sum(row["ms"] for row in operations) < step
    products = [row for row in rows if row["operation"] == "linear"]
    assert len(products) == len({(row["phase"], row["shapes"]) for row in products}) > 1
    qkv = next(row for row in products if row["shapes"] == "32x32 96x32 32x96")
    assert qkv["calls"] == 2 and qkv["flops"] == 2 * 2 * 32 * 32 * 96 and qkv["bytes"] == 2 * 4 * (32 * 32 + 96 * 32 + 32 * 96)
    assert abs(figures["profile_bytes"] - sum(row["bytes"] for row in rows)) < 1 and figures["read_gbps"] > 0
    table = b.run(0, "bench", MODEL, "--batch", "2", "--steps", "4", "--seconds", "0", "--profile").stdout
    assert all(row["operation"] in table and row["shapes"] in table for row in rows), table


def test_bench_measures_routing_against_a_dense_model(b):
    routed = json.loads(b.run(0, "bench", MODEL, "--batch", "2", "--steps", "3", "--seconds", "0", "--json").stdout)
    overhead = 100 * (routed["best_ms"] - routed["dense_best_ms"]) / routed["best_ms"]
    assert abs(routed["routing_overhead_percent"] - overhead) < 1e-3, routed
    dense = MODEL.replace("Moe<ExpertChoice, Experts<4>>, ", "")
    assert "routing_overhead_percent" not in json.loads(b.run(0, "bench", dense, "--batch", "2", "--steps", "3", "--seconds", "0", "--json").stdout)


def test_search_takes_the_step_times_of_a_study_of_the_same_type_only(b):
    study = lambda name, *more: [str(x) for x in ("search", "--data", b.folder / "text.txt", "--study", b.folder / name, "--trials", 2, "--budget", 0.1, "--batch", 2, "--context", 16,
                                                  "--probes", 20, "--initial", 2, "--no-final", "--quiet", "--workers", 1, *more)]
    table = ["--table", b.folder / "first.sqlite"]
    first = json.loads(b.run(0, *study("first.sqlite", "--json")).stdout)
    again = json.loads(b.run(0, *study("second.sqlite", "--json", *table)).stdout)
    assert first["winner"] == again["winner"], (first, again)
    b.error(3, *study("third.sqlite", "--dtype", "bf16", *table), says="a table of steps in f32, and this study trains in bf16")
    b.run(0, *search(b, "untimed.sqlite", "--no-final"))
    b.error(3, *study("fourth.sqlite", "--table", b.folder / "untimed.sqlite"), says="has no table of step times")


def search(b, name, *more):
    """A search of a few seconds, without a calibration."""
    defaults = {"--data": b.folder / "text.txt", "--oracle": "flops", "--step-time": "0", "--trials": "4", "--budget": "0.05", "--batch": "2", "--context": "16", "--initial": "2",
                "--workers": "1"}
    kept = [word for option, value in defaults.items() if option not in more for word in (option, value)]
    return ["search", "--study", b.folder / name, *kept, "--quiet", *more]


SMALL_SPACE = """widths = [32]
max_blocks = 2
seeds = ["Decoder<Stack<Block<Attention<Heads<2>>, Gau<HeadDim<8>>>, 2>, Width<32>>"]

[[kinds]]
layer = "Attention<Heads<2>>"

[[kinds]]
layer = "Gau<HeadDim<8>>"
genes = [{name = "hidden", scale = true, values = ["Hidden<32>", "Hidden<64>"]}]
"""


def test_programs_of_primitives_are_shown_edited_and_mutated(b):
    names = re.findall(r"^(\S+) ", b.run(0, "dna", "show").stdout, re.M)
    assert names == ["transformer", "flat", "primer-ez", "primer"], names
    for name in names:
        shown = b.run(0, "dna", "show", name, "--width", "64", "--heads", "4").stdout
        assert "finite and causal on a random sequence" in shown, shown
        (b.folder / "program.txt").write_text(shown)
        assert b.run(0, "dna", "show", b.folder / "program.txt", "--width", "64").stdout == shown
    # 4 * 512^2 of attention, 8 * 512^2 of the feed-forward layer, four vectors of norms.
    assert "3147776 parameters" in b.run(0, "dna", "show", "transformer").stdout
    mutated = b.run(0, "dna", "mutate", "transformer", "--steps", "3", "--seed", "5").stdout
    assert mutated == b.run(0, "dna", "mutate", "transformer", "--steps", "3", "--seed", "5").stdout != b.run(0, "dna", "show", "transformer").stdout
    b.error(2, "dna", "show", "transformr", says='neither a file nor the name of a program; allowed: transformer, flat, primer-ez, primer; did you mean "transformer"?')
    wrong = b.folder / "wrong.txt"
    wrong.write_text("dims 8 1;\nconstants 0;\nS0 { h2 = SQUAR(h0) }\n")
    b.error(3, "dna", "show", wrong, says=':3:11: "SQUAR": no primitive has this name, and S with a number calls a subprogram; did you mean "SQUARE"?')
    wrong.write_text("dims 8 1; constants 0; S0 { h2 = RED_SUM(h0) }")
    assert "# cannot be computed: the result of the main subprogram" in b.run(0, "dna", "show", wrong).stdout
    b.error(2, "dna", "show", "transformer", "--heads", "3", says="--heads")


def test_a_search_takes_its_space_from_a_name_or_a_file(b):
    listed = b.run(0, "space").stdout
    names = re.findall(r"^(\S+) ", listed, re.M)
    assert names == ["hybrid", "transformer", "primer-ez", "glam", "brainformer", "wide"] and "(the default)" in listed, listed
    for name in names:
        text = b.run(0, "space", name).stdout
        assert re.match(r"# (at most )?[\d.e+]+ genomes\n", text), text
        (b.folder / "printed.toml").write_text(text)
        assert b.run(0, "space", b.folder / "printed.toml").stdout == text
    b.error(2, "space", "widee", says='neither a file nor the name of a space; allowed: hybrid, transformer, primer-ez, glam, brainformer, wide; did you mean "wide"?')
    space = b.folder / "small.toml"
    space.write_text(SMALL_SPACE)
    b.run(0, *search(b, "of file.sqlite", "--space", space, "--no-final", "--no-controls"))
    record = b.run(0, "best", b.folder / "of file.sqlite", "--record").stdout
    assert "Gau<HeadDim<8>>>, 2>, Vocab<256>, Width<32>, Context<16>" in record, record
    assert "Gau<" not in b.run(0, *search(b, "of name.sqlite", "--space", "transformer", "--no-final", "--no-controls")).stdout
    resume = ["search", "--study", b.folder / "of file.sqlite", "--resume", "--quiet"]
    b.error(2, *resume, "--space", "wide", says="has another space; --resume goes on with that")
    b.run(0, *resume, "--space", space)
    space.unlink()
    b.run(0, *resume, "--trials", "6")
    b.error(3, *search(b, "of file.sqlite", "--no-final", "--no-controls"), says="a study with other options is there, another space")


def test_a_wrong_space_is_refused_before_there_is_a_study(b):
    space = b.folder / "wrong.toml"
    space.write_text(SMALL_SPACE.replace("max_blocks", "max_block"))
    b.error(3, *search(b, "wrong.sqlite", "--space", space), says='wrong.toml:2:1: "max_block": no key of a space')
    space.write_text(SMALL_SPACE.replace("HeadDim<8>>>, 2", "HeadDim<4>>>, 2"))
    b.error(3, *search(b, "wrong.sqlite", "--space", space), says="wrong.toml:3:10: seed Decoder<")
    space.write_text('widths = [33]\n[[kinds]]\nlayer = "Attention<Heads<2>>"\n')
    b.error(3, *search(b, "wrong.sqlite", "--space", space), says="wrong.toml: the block space has no legal genome")
    b.error(2, *search(b, "wrong.sqlite", "--space", "glam", "--sub-layers", "3"), says="--sub-layers: has no effect in a space with a pattern")
    b.error(3, "space", b.folder, says="cannot")
    assert not (b.folder / "wrong.sqlite").exists()


def test_the_example_of_the_document_on_spaces_is_one(b):
    document = pathlib.Path(__file__).resolve().parents[2] / "docs" / "formats" / "space.md"
    example = re.search(r"```toml\n(.*?)```", document.read_text(), re.S)[1]
    (b.folder / "example.toml").write_text(example)
    assert "Gau<HeadDim<32>>" in b.run(0, "space", b.folder / "example.toml").stdout
    keys = set(re.findall(r"^\| `(\w+)` \|", document.read_text(), re.M))
    (b.folder / "keys.toml").write_text("x = 1\n")
    said = b.run(3, "space", b.folder / "keys.toml").stderr
    assert set(re.search(r"allowed: ([\w, ]+)", said)[1].split(", ")) <= keys, keys


def test_a_search_that_is_resumed_keeps_what_it_was_asked_for(b):
    name = "kept study.sqlite"
    process = subprocess.Popen([b.program, *map(str, search(b, name, "--no-final"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while time.monotonic() < end and "|baseline|" not in subprocess.run([b.program, "best", b.folder / name, "--record"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130, (process.returncode, message)
    command = re.search(r"genoform (search .*--resume) goes on", message).group(1)
    subprocess.run(f"{b.program} {command} --quiet", shell=True, check=True, stdout=subprocess.PIPE, timeout=120)
    report = json.loads(b.run(0, "best", b.folder / name, "--json").stdout)
    assert report["genomes"] == 4 and report["finalists"] == [], report
    resume = ["search", "--study", b.folder / name, "--resume", "--quiet"]
    assert json.loads(b.run(0, *resume, "--trials", "6", "--batch", "2", "--json").stdout)["genomes"] == 6
    b.error(2, *resume, "--batch", "3", says="--batch 3: the study in")
    b.error(2, *resume, "--hurdles", "none", says='has study/hurdles/rule "brainformer"; --resume goes on with that')
    b.error(2, *resume, "--let-through", "0.5", says="has study/hurdles/let_through 0.05; --resume goes on with that")
    b.error(2, *resume, "--finalists", "1", says="--finalists: has no effect without a final; add --final")
    b.error(2, *resume, "--recalibrate", says="--recalibrate: has no effect with --oracle flops")
    b.error(2, *resume, "--workers", "9", says="--workers: at most 8")
    assert json.loads(b.run(0, *resume, "--final", "--finalists", "1", "--final-seeds", "1", "--json").stdout)["finalists"] != []


def test_a_search_is_sized_for_a_time_and_says_the_options_that_repeat_it(b):
    shape = ["search", "--data", b.folder / "text.txt", "--oracle", "flops", "--workers", "1", "--batch", "2", "--initial", "2", "--no-final", "--json"]
    sized = subprocess.run([b.program, *map(str, shape), "--study", b.folder / "sized.sqlite", "--time", "12s", "--context", "16"], capture_output=True, text=True, timeout=120)
    assert sized.returncode in (0, 6), sized  # on a machine that does other things the time may end before the first genome
    line = re.search(r"^sized for 12s: (.*)$", sized.stderr, re.M).group(1)
    options = dict(zip(line.split()[::2], line.split()[1::2]))
    assert options.keys() == {"--trials", "--budget", "--max-time", "--widths", "--context"} and options["--context"] == "16", line
    assert int(options["--trials"]) % 5 == 0 and 0 < float(options["--budget"]) < 1 and float(options["--max-time"]) < 0.2, line
    assert "pilot: a small Primer-EZ" in sized.stderr and "n-grams of order 1" in sized.stderr, sized.stderr
    repeated = {**options, "--trials": "5", "--budget": "0.05", "--max-time": "0"}
    again = json.loads(b.run(0, *shape, "--study", b.folder / "again.sqlite", *(word for option in repeated.items() for word in option)).stdout)
    assert again["genomes"] == 5, again
    widths = options["--widths"].split(",")
    assert all(f"Width<{widths[(len(widths) - 1) // 2]}>" in run["text"] for run in again["baselines"]), again["baselines"]
    none = ["search", "--data", b.folder / "text.txt", "--study", b.folder / "unsized.sqlite"]
    for time, says in [("5", '--time: "5"; a number with its unit, as in 90s, 15m, 8h or 2d'), ("0m", '--time: "0m"; a number'), ("nanh", '--time: "nanh"; a number'),
                       ("1s", "--time 1s: too short; the step times alone take")]:
        b.error(2, *none, "--time", time, says=says)
    b.error(2, *none, "--time", "9m", "--budget", "3", says="--time: chooses --trials, --budget and --max-time; leave them out")
    b.error(2, "search", "--study", b.folder / "sized.sqlite", "--resume", "--time", "9m", says="--time: has no effect on a study that is there")
    assert not (b.folder / "unsized.sqlite").exists()
    b.error(3, *shape, "--study", b.folder / "sized.sqlite", says="sized.sqlite: a study is there; --resume goes on with it, another --study begins anew")


def test_a_search_is_resumed_on_its_text_wherever_it_lies(b):
    text, moved = b.folder / "here.txt", b.folder / "there.txt"
    text.write_text((b.folder / "text.txt").read_text()[::-1])
    b.run(0, *search(b, "moved.sqlite", "--no-final", "--data", text))
    resume = ["search", "--study", b.folder / "moved.sqlite", "--resume", "--quiet"]
    b.error(3, *resume, "--data", b.folder / "text.txt", says="not the text that the study in")
    text.rename(moved)
    b.error(3, *resume, says="--data says where it is now")
    b.run(0, *resume, "--data", moved)
    b.run(0, *resume)


def test_a_search_with_several_objectives_reports_its_front(b):
    found = json.loads(b.run(0, *search(b, "front.sqlite", "--strategy", "nsga2", "--objectives", "loss,parameters", "--trials", "20", "--no-final", "--json")).stdout)
    front = found["front"]
    assert front and all(set(member["objectives"]) == {"loss", "parameters"} for member in front), front
    values = sorted((member["objectives"]["loss"], member["objectives"]["parameters"]) for member in front)
    assert all(a == b or a[1] > b[1] for a, b in zip(values, values[1:])), values
    b.error(2, *search(b, "none.sqlite", "--strategy", "nsga2", "--objectives", "loss,size"), says='--objectives: "size" is no objective; they are loss, step-time')
    b.error(2, *search(b, "none.sqlite", "--objectives", "loss,bytes"), says="--objectives: has no effect with --strategy evolution")
    b.error(2, *search(b, "none.sqlite", "--strategy", "nsga2", "--tournament", "3"), says="--tournament: has no effect with --strategy nsga2")


def record(b, name):
    return b.run(0, "best", b.folder / name, "--record").stdout


def test_workers_that_a_command_starts_give_the_record_of_local_ones(b):
    b.run(0, *search(b, "local.sqlite", "--no-final", "--workers", "2"))
    for n, launch in enumerate(["{}", "sh -c 'echo noise; exec {}'", f"test {{n}} -lt 2 && cd / && {b.program} worker"]):
        b.run(0, *search(b, f"launched_{n}.sqlite", "--no-final", "--workers", "2", "--launch", launch))
        assert record(b, f"launched_{n}.sqlite") == record(b, "local.sqlite"), launch
    resume = ["search", "--study", b.folder / "launched_0.sqlite", "--resume", "--quiet", "--trials", "6"]
    b.run(0, *resume, "--launch", "exec {}", "--final", "--finalists", "1", "--final-seeds", "1")
    b.run(0, "best", b.folder / "launched_0.sqlite", "--export", b.folder / "carried")
    b.run(0, "search", "--study", b.folder / "local.sqlite", "--resume", "--quiet", "--trials", "6")
    assert record(b, "launched_0.sqlite") == record(b, "local.sqlite")


def test_a_command_that_starts_no_worker_ends_the_search_which_can_be_resumed(b):
    older = shlex.quote(json.dumps({"genoform worker": {"protocol": 1, "library": "0.0.9"}}))
    for launch, code, says in [("/nowhere/srun {}", 4, "ended with exit code 127; its last words: \"sh: 1: /nowhere/srun: not found"),
                               ("echo no such host >&2; exit 255", 4, "ended with exit code 255; its last words: \"no such host\""),
                               ("echo hello; exit 0", 4, "before a worker greeted it printed \"hello\""),
                               (f"echo {older}; cat", 3, "worker 0 has genoform 0.0.9 with protocol 1, this program genoform ")]:
        b.error(code, *search(b, "unlaunched.sqlite", "--no-final", "--launch", launch), says=says)
    b.run(0, *search(b, "unlaunched.sqlite", "--no-final"))


def test_a_launched_worker_that_dies_costs_an_attempt_and_says_why(b):
    # The first process of the worker gets the setup and one request, then its standard input ends.
    dies_once = f"mkdir {b.folder}/died 2>/dev/null || exec {{}}; sed -u 2q | {{}}; echo out of memory >&2; exit 9"
    b.run(0, *search(b, "undying.sqlite", "--no-final"))
    b.run(0, *search(b, "dying.sqlite", "--no-final", "--launch", dies_once))
    assert record(b, "dying.sqlite") == record(b, "undying.sqlite")
    with contextlib.closing(sqlite3.connect(b.folder / "dying.sqlite")) as file:
        died = list(file.execute("SELECT trial, what FROM attempts WHERE outcome = 'died'"))
    assert died == [(1, "its worker died: it ended with exit code 9; its last words: \"out of memory\"")], died


class Coordinator:
    """Speaks with `genoform worker` as a search does."""

    def __init__(self, b, **environment):
        self.process = subprocess.Popen([b.program, "worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})

    def hear(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line.strip() else self.hear()

    def say(self, **message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return self.hear()


def fingerprint(parts):
    """Corpus::fingerprint() of three parts."""
    found = 0xCBF29CE484222325
    for word in [*b"".join(parts), len(parts[0]), len(parts[0]) + len(parts[1])]:
        found = (found ^ word) * 0x100000001B3 % 2**64
    return str(found)


def test_a_worker_fetches_a_text_that_it_does_not_have_once(b):
    text = (b.folder / "text.txt").read_bytes()
    cut = [len(text) * 90 // 100, len(text) * 95 // 100]
    parts = [text[:cut[0]], text[cut[0]:cut[1]], text[cut[1]:]]
    training = {"data": "/nowhere/text.txt", "batch": 2, "context": 16, "windows": 8, "final_windows": 8, "second_half": True, "bf16": False, "optimizer": {"name": "adamw"}}
    setup = {"training": training, "text": {"fingerprint": fingerprint(parts), "train": len(parts[0]), "validation": len(parts[1]), "test": len(parts[2])}}
    cache = b.folder / "cache"
    for pieces in [1, 0]:  # the second worker finds it in the cache
        worker = Coordinator(b, XDG_CACHE_HOME=str(cache))
        greeting = worker.hear()["genoform worker"]
        assert greeting["protocol"] >= 3 and greeting["library"] and "; " in greeting["machine"], greeting
        answer = worker.say(setup=setup)
        for _ in range(pieces):
            assert answer == {"want": 0}, answer
            answer = worker.say(piece=base64.b64encode(text).decode())
        assert answer == {"ready": True}, answer
        worker.process.stdin.close()
        assert worker.process.wait(20) == 0
    assert (cache / "genoform" / "texts" / fingerprint(parts) / "val.txt").read_bytes() == parts[1]
    worker = Coordinator(b, XDG_CACHE_HOME=str(b.folder / "other cache"))
    worker.hear()
    worker.say(setup=setup)
    assert "its fingerprint is another" in worker.say(piece=base64.b64encode(text[::-1]).decode())["error"]["message"]
    worker.process.stdin.close()
    worker.process.wait(20)


def test_a_start_of_a_search_that_failed_leaves_no_study_in_the_way(b):
    study = b.folder / "failed.sqlite"
    b.error(3, *search(b, study.name, "--oracle", "table", "--table", b.folder / "none.sqlite"), says="none.sqlite")
    b.error(2, *search(b, study.name, "--strategy", "random"), says="--initial: has no effect with --strategy random")
    b.error(2, *search(b, study.name, "--no-final", "--final-seeds", "1"), says="--final-seeds: has no effect with --no-final")
    b.error(2, *search(b, study.name, "--sub-layers", "8-2"), says="the block space is empty")
    assert not study.exists()
    calibrating = subprocess.Popen([b.program, *map(str, search(b, study.name, "--oracle", "table", "--probes", "1000"))], stderr=subprocess.DEVNULL)
    while not study.exists():
        time.sleep(0.01)
    calibrating.send_signal(signal.SIGTERM)
    assert calibrating.wait(timeout=60) == 143
    b.run(0, *search(b, study.name, "--no-final"))
    b.error(3, *search(b, study.name, "--no-final", "--seed", "2"), says="another study/seed: 1, now 2")


def test_a_search_that_finds_no_genome_says_what_was_refused_and_ends_with_6(b):
    limited = b.run(6, *search(b, "limited.sqlite", "--max-parameters", "10")).stdout
    assert re.search(r"refused: parameters \(\d+\)", limited) and "No genome was trained to a result" in limited and "The best baseline is" in limited, limited
    again = json.loads(b.run(6, "search", "--study", b.folder / "limited.sqlite", "--resume", "--quiet", "--json").stdout)
    assert sum(again["refusals"].values()) == again["refused"] == 2000, again["refusals"]
    diverged = b.run(6, *search(b, "diverged.sqlite", "--learning-rate", "1e9")).stdout
    assert "failed: the loss is not finite (22)" in diverged and "a smaller learning rate" in diverged, diverged
    b.error(3, "best", b.folder / "diverged.sqlite", says="the study has no result; failed: the loss is not finite (22)")
    assert "the loss is not finite (22)" in b.run(0, "best", b.folder / "diverged.sqlite", "--report").stdout
    b.error(2, *search(b, ":memory:")[:2], ":memory:", "--data", b.folder / "text.txt", says="a study is kept in a file")
    b.error(2, *search(b, "long.sqlite", "--sub-layers", "501"), says="from 1 to 500")


def followed_study(b):
    """A study with a final of a genome and controls."""
    study = b.folder / "followed.sqlite"
    if not study.exists():
        b.run(0, *search(b, study.name, "--trials", "10", "--finalists", "1", "--final-seeds", "2"))
    return study


def finished_runs(study):
    with contextlib.closing(sqlite3.connect(study, timeout=20)) as database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'follow_ups'").fetchone() is None:
            return 0
        return database.execute("SELECT count(*) FROM follow_ups WHERE value LIKE '%\"test\":%'").fetchone()[0]


def test_ablate_goes_on_after_a_signal_and_says_what_each_part_brings(b):
    study = followed_study(b)
    record = b.run(0, "best", study, "--record").stdout
    ablate = ["ablate", study, "--workers", "1", "--seeds", "2", "--budget", "0.1"]
    b.error(2, *ablate, "--control", "tuned Transfomer", says='did you mean "tuned Transformer"?')
    process = subprocess.Popen([b.program, *map(str, ablate)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and finished_runs(study) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "the same command goes on" in message, (process.returncode, message)
    assert re.search(r"ablation of trial \d+ against .*: \d+ runs, about [\d.]+ minutes on 1 workers", message), message
    found = json.loads(b.run(0, *ablate, "--quiet", "--json").stdout)
    assert found["finished"] == found["runs"] == finished_runs(study) and found["parts"], found
    for part in found["parts"]:
        for side in ("in_winner", "in_control"):
            assert part[side]["problem"] or part[side]["low"] <= part[side]["mean"] <= part[side]["high"], part
    assert json.loads(b.run(0, "ablate", study, "--quiet", "--json").stdout) == found
    assert "lost without it" in b.run(0, "ablate", study, "--quiet").stdout
    assert json.loads(b.run(0, "report", study, "--json").stdout)["ablation"] == found
    b.error(2, "ablate", study, "--seeds", "3", says="--seeds 3: ")
    b.error(2, "ablate", study, "--seeds", "1", says="not an integer from 2")
    assert b.run(0, "best", study, "--record").stdout == record


def test_confirm_trains_winner_and_controls_for_longer_and_larger(b):
    study = followed_study(b)
    confirm = ["confirm", study, "--workers", "1", "--quiet", "--json"]
    options = ["--budgets", "1", "--sizes", "1,0", "--seeds", "2", "--controls", "1"]
    b.error(2, *confirm, "--budgets", "0", says="is not a number above 0")
    b.error(2, *confirm, "--sizes", "1,1", says="stands there twice")
    found = json.loads(b.run(0, *confirm, *options).stdout)
    assert found["finished"] == found["runs"] == 2 * 2 * (3 + 2), found
    assert [(row["budget"], row["size"]) for row in found["rows"][::2]] == [(1, 0), (1, 1)], found["rows"]
    for row in found["rows"]:
        assert len(row["test"]) == 2 and row["curves"][0][-1]["seconds"] == row["steps"] * row["step_seconds"], row
        losses = [point["loss"] for point in row["curves"][0]]
        assert losses[-1] < losses[0], losses
    assert len(found["comparisons"]) == 2 and all(c["speed_up_low"] <= c["speed_up"] <= c["speed_up_high"] for c in found["comparisons"]), found["comparisons"]
    assert found["laws"] == [] and len(found["correlations"]) == 1, found
    assert json.loads(b.run(0, *confirm).stdout) == found
    b.error(2, *confirm, "--budgets", "1,4", says="--anew begins again")
    assert json.loads(b.run(0, "report", study, "--json").stdout)["confirmation"] == found


def test_what_cannot_be_followed_up_is_refused_in_one_line(b):
    b.error(3, "ablate", b.folder / "nowhere.sqlite", says="nowhere.sqlite: no such study")
    b.run(0, *search(b, "unconfirmed.sqlite", "--no-final"))
    for command in ("ablate", "confirm"):
        b.error(3, command, b.folder / "unconfirmed.sqlite", says="the study has no final with a genome of the search and a control")
    b.error(3, "confirm", b.folder / "text.txt", says="text.txt")


class Markup(html.parser.HTMLParser):
    """Elements of a page, which must be closed in order, and what it would load."""
    EMPTY = {"meta", "link", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.loads, self.ids = [], [], [], set()
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                assert value not in self.ids, f"id {value} twice"
                self.ids.add(value)
            if name in ("src", "srcset", "action", "xlink:href") or name == "href" and not value.startswith("#") or name.startswith("on"):
                self.loads.append((tag, name, value))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def test_report_writes_one_page_without_scripts_or_other_files_whatever_names_a_study_has(b):
    folder, text = b.folder / "reports", b.folder / "<i>&\"text'.txt"
    folder.mkdir()
    text.write_text((b.folder / "text.txt").read_text())
    name = "a <b>&\"c' study.sqlite"
    b.run(0, *search(b, name, "--data", text, "--budget", "0.01", "--trials", "5", "--final-seeds", "2", "--finalists", "1"))
    assert b.run(0, "report", b.folder / name, cwd=folder).stdout == "a <b>&\"c' study.html\n"
    page = (folder / "a <b>&\"c' study.html").read_text()
    markup = Markup(page)
    assert "script" not in markup.tags and markup.loads == [("link", "href", "data:,")], markup.loads
    assert "http" not in page.replace("http://www.w3.org/2000/svg", ""), "the page names an address"
    assert "url(" not in page and "@import" not in page
    images = re.findall(r"<svg .*?</svg>", page, re.S)
    assert len(images) > 5
    for image in images:
        xml.etree.ElementTree.fromstring(image)
    assert {"progress", "finals", "selection", "hurdles", "pareto", "genealogy", "genes", "winner", "repeat"} <= markup.ids
    report = json.loads(b.run(0, "best", b.folder / name, "--json").stdout)
    for finalist in report["finalists"]:
        mean = sum(finalist["test"]) / len(finalist["test"])
        assert finalist["bytes"] == finalist["steps"] * (finalist["batch"] or 2) * 16 and finalist["passes"] > 0, finalist
        assert re.search(rf'<th scope="row">{finalist["name"]}</th><td class="number">{mean:.3f}</td>', page), finalist
    assert f"{abs(report['claim']['control_minus_found']):.3f} bits per byte on the test text" in page
    assert b.run(0, "report", b.folder / name, "-o", "-").stdout == page
    b.run(0, "report", b.folder / name, "-o", folder / "other.html")
    assert (folder / "other.html").read_text() == page
    b.error(3, "report", b.folder / name, "-o", folder / "none" / "x.html", says="x.html: cannot create")


def test_report_says_how_to_repeat_a_study_to_the_same_record(b):
    b.run(0, *search(b, "original.sqlite", "--budget", "0.01", "--final-seeds", "1", "--finalists", "1", "--hurdles", "primer:2", "--let-through", "0.5", "--learning-rate", "0.003"))
    page = b.run(0, "report", b.folder / "original.sqlite", "-o", "-").stdout
    command = html.unescape(re.search(r"<code>genoform (search --data .*?)</code>", page).group(1))
    (b.folder / "again").mkdir()
    shutil.copy(b.folder / "text.txt", b.folder / "again")
    subprocess.run(f"{b.program} {command} --quiet", shell=True, check=True, cwd=b.folder / "again", stdout=subprocess.PIPE, timeout=120)
    trials = lambda study: [line for line in b.run(0, "best", study, "--record").stdout.splitlines() if re.match(r"\d+\|", line)]
    assert trials(b.folder / "again" / "original.sqlite") == trials(b.folder / "original.sqlite") != []


def test_report_gives_trials_as_csv_and_curves_as_json(b):
    b.run(0, *search(b, "table.sqlite", "--no-final", "--budget", "0.01"))
    rows = list(csv.DictReader(io.StringIO(b.run(0, "report", b.folder / "table.sqlite", "--csv").stdout, newline="")))
    record = [line.split("|") for line in b.run(0, "best", b.folder / "table.sqlite", "--record").stdout.splitlines() if re.match(r"\d+\|", line)]
    assert len(rows) == len(record) and any("," in row["text"] for row in rows)
    for row, kept in zip(rows, record):
        assert (row["number"], row["sample"], row["phase"], row["name"], row["text"]) == tuple(kept[:5])
    losses = [float(row["loss"]) for row in rows if row["loss"] and row["phase"] == "search" and row["name"] == ""]
    report = json.loads(b.run(0, "report", b.folder / "table.sqlite", "--json").stdout)
    own = next(curve for curve in report["curves"] if curve["arm"] == "search")
    assert own["best"][-1]["loss"] == min(losses) and report["genomes"] == 4
    b.error(2, "report", b.folder / "table.sqlite", "--json", "--csv", says="--csv")
    b.error(3, "report", b.folder / "none.sqlite", says="no such study")
    b.error(3, "report", b.folder / "text.txt", says="text.txt")
    assert "The final has not been run" in b.run(0, "report", b.folder / "table.sqlite", "-o", "-").stdout


def test_report_refuses_a_study_without_trials(b):
    study = b.folder / "begun.sqlite"
    calibrating = subprocess.Popen([b.program, *map(str, search(b, study.name, "--oracle", "table", "--probes", "1000"))], stderr=subprocess.DEVNULL)
    while not study.exists() or not study.stat().st_size:
        time.sleep(0.01)
    time.sleep(0.3)
    calibrating.send_signal(signal.SIGTERM)
    calibrating.wait(timeout=60)
    b.error(3, "report", study, says="begun.sqlite: the study has no trial yet")
    assert not (pathlib.Path.cwd() / "begun.html").exists()


def test_a_search_of_endless_proposals_ends_with_a_signal(b):
    study = b.folder / "endless.sqlite"
    process = subprocess.Popen([b.program, *map(str, search(b, study.name, "--sub-layers", "100", "--oracle", "table"))], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not study.exists():
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=10) == 129


SUB_LAYERS = ["Attention<Heads<4>, KvHeads<2>, DConv<3>, Rope>, Ffn<SwiGlu, Bias>", "Attention<Heads<2>>, Ffn<GeLU, Hidden<50>>",
              *(f"Moe<{router}, Experts<4>>" for router in ["Top1", "Top2", "TopK<3>", "Base", "Hash", "ExpertChoice", "ExpertThreshold", "LossFree<2>"]),
              "Moe<Top2, Experts<4>, Shared<1>>, Parallel<Ffn<ReLU>, Attn>", "Gau<>, LinearAttention<>", "Synthesizer<>, SpatialGate<>, TokenMix<>"]


def test_no_training_step_runs_an_unoptimised_loop_of_onednn(b):
    for dtype in ["f32", "bf16"]:
        seen = set()
        for layers in SUB_LAYERS:
            text = f"Decoder<Block<{layers}>, Vocab<77>, Width<32>, Context<24>>"
            out = b.run(0, "bench", text, "--batch", "3", "--steps", "1", "--seconds", "0", "--dtype", dtype, env={**os.environ, "DNNL_VERBOSE": "1"}).stdout
            products = re.findall(r"exec,cpu,(\w+),([^,]+),", out)
            assert products or dtype == "bf16", f"{text}: oneDNN reports no product: {out[:500]}"
            slow = [product for product in products if "ref" in product[1] or "simple" in product[1]]
            assert not slow, f"{text}, {dtype}: {slow[0]}"
            seen |= set(products)
        assert seen, dtype


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        b = Bench(os.path.abspath(options.program), folder)
        return run_tests(globals(), lambda test: test(b), options.names)


if __name__ == "__main__":
    sys.exit(main())
