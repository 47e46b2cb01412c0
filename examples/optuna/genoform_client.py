"""A client of `genoform serve-evaluator` (docs/ask_and_tell.md)."""
import itertools
import json
import subprocess


class Evaluator:
    """with Evaluator("genoform", "--data", "novel.txt") as genoform: genoform.ask("sample", seed=7)["texts"]"""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, "serve-evaluator", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ids = itertools.count(1)

    def ask(self, request, **body):
        """The answer to a request; an error is a RuntimeError."""
        try:
            print(json.dumps({"id": next(self.ids), request: body}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # it has ended, and stderr says why
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"genoform ended with exit code {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        return reply["answer"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
