"""Runs the functions of a test program whose names begin with test_, and says which passed: for the main() of the program."""
import time
import traceback


def run_tests(functions, call, names=()):
    """`functions`: globals() of the program. `call` runs a test function. `names`: only tests whose name contains one of these.
    Returns the exit code."""
    tests = {name[5:].replace("_", " "): test for name, test in functions.items() if name.startswith("test_")}
    failed = 0
    for name, test in tests.items():
        if names and not any(part in name for part in names):
            continue
        start = time.monotonic()
        try:
            call(test)
            print(f"ok      {name}  ({time.monotonic() - start:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}", flush=True)
            traceback.print_exc()
    return 1 if failed else 0
