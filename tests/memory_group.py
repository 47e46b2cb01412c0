"""Control groups of Linux that limit memory, for tests."""
import os
import pathlib


def made_memory_group(limit):
    """The folder of a new control group of version 1 or 2 that has so many bytes of memory; none if it cannot be made."""
    for base, name in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]:
        group = pathlib.Path(base) / f"genoform-test-{os.getpid()}"
        try:
            if (pathlib.Path(base) / "cgroup.procs").exists():
                group.mkdir()
                if (group / name).exists():
                    (group / name).write_text(str(limit))
                    return group
                group.rmdir()
        except OSError:
            pass
    return None
