"""Stored measurements: a file with a line of JSON for each run of a contender in a round."""
import datetime
import glob
import hashlib
import json
import os
import pathlib
import sys


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def digest_of(command):
    """A hash of the files that a command names by their paths, which differs between builds of a program; for a Python it includes the version of torch. A word
    without a path separator is an option or a value, even if the folder has a file of that name."""
    digest = hashlib.sha256()
    for word in (word for word in command if os.sep in word and os.path.isfile(word)):
        for file in [word, *sorted(glob.glob(os.path.join(os.path.dirname(word), "../lib*/python*/site-packages/torch/version.py")))]:
            digest.update(pathlib.Path(file).read_bytes())
    return digest.hexdigest()[:16]


class Measurements:
    """Results by the description of the measurement. A stored result is used only for the same command, environment, program and machine."""

    def __init__(self, path, machine):
        """path: the file, or None to store nothing; machine: {name: value}, written to every line."""
        self.path, self.machine = path, machine
        self.known, self.dates, self.torn_at, self.told = {}, [], None, []
        if path and path.exists():
            self.read(path.read_bytes())
            say(f"{path}: {len(self.known)} measurements")

    def read(self, data):
        *lines, rest = data.split(b"\n")
        if rest.startswith(b"{"):
            self.torn_at = len(data) - len(rest)
            say(f"{self.path}:{len(lines) + 1}: the line has no end and is ignored")
        elif rest:
            lines.append(rest)
        for number, line in enumerate(lines, 1):
            try:
                self.learn(json.loads(line))
            except (ValueError, LookupError, TypeError, AttributeError):
                raise SystemExit(f"{self.path}:{number}: not a measurement") from None

    def learn(self, record):
        what, _, _ = record["what"], record["date"], record["result"]
        self.known[tuple(sorted(what.items()))] = record

    def of(self, what, command, environment, measure):
        """The result of the measurement `what`, {name: word or number}: the stored one, else that of measure(), which is stored."""
        identity = dict(command=command, environment=environment, program=digest_of(command), **self.machine)
        record = self.known.get(tuple(sorted(what.items())))
        others = [name for name, value in identity.items() if record and record.get(name) != value]
        if others and others not in self.told:
            self.told.append(others)
            say(f"{self.path} has measurements of another {', '.join(others)}: these are made again")
        if record is None or others:
            record = dict(what=what, date=f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}", **identity, result=measure())
            self.keep(record)
        self.dates.append(datetime.date.fromisoformat(record["date"][:10]))
        return record["result"]

    def keep(self, record):
        self.learn(record)
        if not self.path:
            return
        with open(self.path, "a", encoding="utf-8") as file:
            if self.torn_at is not None:
                file.truncate(self.torn_at)
            file.write(json.dumps(record) + "\n")
        self.torn_at = None

    def days(self):
        """The days of all measurements that were used, in words."""
        ends = [f"{day:%-d %B %Y}" for day in (min(self.dates), max(self.dates))]
        return ends[0] if ends[0] == ends[1] else " to ".join(ends)
