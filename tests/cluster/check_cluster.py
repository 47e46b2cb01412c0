#!/usr/bin/env python3
"""Searches whose workers are started by Slurm, by Open MPI and by ssh on several hosts must give the record of a local search.

  check_cluster.py --program build/release/genoform slurm | mpi | ssh ...

Slurm is a controller and one node of four tasks; the hosts of ssh are network namespaces that do not see the text and greet
everybody on standard output. All of it runs in a temporary folder and ends with the test. Needs root and the packages of
`./dev cluster`; what is missing is an error. docs/cluster.md says how the engines are used."""
import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEEDS = {"slurm": ["munged", "slurmctld", "slurmd", "srun", "sbatch", "squeue"], "mpi": ["mpirun"],
         "ssh": ["/usr/sbin/sshd", "ssh", "ssh-keygen", "ip", "unshare", "mount"]}


class Bench:
    """A folder with the program, a text and the record of a local search."""

    def __init__(self, program, folder):
        self.folder = pathlib.Path(folder)
        self.program = self.folder / "genoform"  # of a path that no other process has
        shutil.copy(program, self.program)
        (self.folder / "data").mkdir()
        words = "the captain ship harbour storm sailor garden rose apple watched followed and but because".split()
        draw = random.Random(1)
        (self.folder / "data" / "text.txt").write_text(" ".join(draw.choice(words) for _ in range(400_000)))
        self.expected = self.record(self.search("local", workers=2))

    def arguments(self, name, *more, workers=4, budget=0.3):
        return [self.program, "search", "--data", self.folder / "data" / "text.txt", "--study", self.folder / f"{name}.sqlite", "--oracle", "flops", "--step-time", "0",
                "--trials", "12", "--budget", str(budget), "--batch", "2", "--context", "32", "--initial", "4", "--no-final", "--quiet", "--workers", str(workers), *more]

    def search(self, name, *more, **options):
        done = subprocess.run(self.arguments(name, *more, **options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=1500)
        assert done.returncode == 0, f"{name}: ended with {done.returncode}: {done.stderr}"
        return name

    def record(self, name):
        return subprocess.run([self.program, "best", self.folder / f"{name}.sqlite", "--record"], stdout=subprocess.PIPE, check=True).stdout

    def attempts(self, name, what):
        with contextlib.closing(sqlite3.connect(self.folder / f"{name}.sqlite")) as file:
            return [row[0] for row in file.execute(f"SELECT {what} FROM attempts")]

    def check_record(self, name, workers):
        record = self.record(name)
        assert record.count(b"\n") >= 12 and record == self.expected, f"{name}: the record is not that of a local search"
        assert set(self.attempts(name, "worker")) == set(range(workers)), f"{name}: only workers {set(self.attempts(name, 'worker'))} took part"

    def workers(self):
        """The processes of workers of this test, wherever they were started."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if str(self.program).encode() == words[0] and b"worker" in words and (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                    found.append(int(process.name))
        return found

    def check_nothing_runs(self, name):
        until(lambda: not self.workers(), 20, f"{name}: workers {self.workers()} still run")

    def killed(self, name, *more, workers=4):
        """A search of which one worker is killed, and then the coordinator, is resumed to the same record."""
        process = subprocess.Popen(self.arguments(name, *more, workers=workers), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until(lambda: self.has_ended(name, 4), 600, f"{name}: no trial ends")
        os.kill(self.workers()[0], signal.SIGKILL)
        until(lambda: "died" in self.attempts(name, "outcome") or process.poll() is not None, 60, f"{name}: nobody missed the worker")
        process.kill()
        process.wait()
        self.check_nothing_runs(name)
        assert self.record(name) != self.expected, f"{name}: was killed after its end"
        subprocess.run([self.program, "search", "--study", self.folder / f"{name}.sqlite", "--resume", "--quiet", "--workers", str(workers), *more], stdout=subprocess.DEVNULL, check=True, timeout=1500)
        assert self.record(name) == self.expected, f"{name}: the record is not that of a local search"

    def has_ended(self, name, trials):
        with contextlib.suppress(sqlite3.OperationalError):
            return self.attempts(name, "outcome").count("done") >= trials
        return False


def until(condition, seconds, complaint):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, complaint
        time.sleep(0.05)


def started(stack, *command, log, **options):
    """A service that ends with the stack."""
    with open(log, "wb") as out:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)

    def end():
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    stack.callback(end)
    return process


def test_slurm(b, stack):
    folder = b.folder / "slurm"
    folder.mkdir()
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(random.Random(2).randbytes(1024))
    key.chmod(0o400)
    started(stack, "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid",
            f"--seed-file={folder}/munge.seed", f"--log-file={folder}/munge.log", log=folder / "munged.out")
    until((folder / "munge.socket").exists, 20, f"no munged: {(folder / 'munged.out').read_text()}")
    host = os.uname().nodename
    (folder / "slurm.conf").write_text(f"""
ClusterName=genoform
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
""")
    for name in ["state", "spool"]:
        (folder / name).mkdir()
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    os.environ["SLURM_CONF"] = environment["SLURM_CONF"]
    started(stack, "slurmctld", "-D", "-f", folder / "slurm.conf", log=folder / "slurmctld.out", env=environment)
    started(stack, "slurmd", "-D", "-f", folder / "slurm.conf", log=folder / "slurmd.out", env=environment)
    logs = lambda: "\n".join((folder / name).read_text() for name in ["slurmctld.out", "slurmd.out"])
    until(lambda: subprocess.run(["srun", "-n1", "--immediate=5", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0, 60, f"no Slurm: {logs()}")
    launch = ["--launch", "srun -n1 -c1 --quiet {}"]
    b.check_record(b.search("slurm", *launch), 4)
    b.check_nothing_runs("slurm")
    b.killed("slurm_killed", *launch)
    # The job script of the documentation, for fewer workers and on the study of this test; then once more, to resume.
    script = re.search(r"^```sh\n(#!/bin/bash\n#SBATCH.*?)^```", (ROOT / "docs" / "cluster.md").read_text(), re.M | re.S).group(1)
    study = b.arguments("slurm_job")
    for old, new in [("--ntasks=64", "--ntasks=4"), ("--workers 64", "--workers 4"), ("genoform search", f"{b.program} search"), ("austen.sqlite", str(b.folder / "slurm_job.sqlite")),
                     ("--data austen --window 64 --trials 2000", " ".join(map(str, study[2:4] + study[6:-3])))]:
        assert old in script, f"docs/cluster.md: {old} is not in the job script"
        script = script.replace(old, new)
    (folder / "job").write_text(script)
    for run in range(2):
        subprocess.run(["sbatch", "--quiet", "--wait", f"--output={folder}/job.out", folder / "job"], check=True, timeout=1500)
        assert "genomes trained beside" in (folder / "job.out").read_text(), (folder / "job.out").read_text()
    b.check_record("slurm_job", 4)
    b.check_nothing_runs("slurm_job")
    until(lambda: subprocess.run(["squeue", "--noheader"], stdout=subprocess.PIPE).stdout == b"", 30, "jobs are left in the queue")


def test_mpi(b, _):
    launch = ["--launch", "mpirun --allow-run-as-root --oversubscribe --bind-to none -n 1 --host localhost {}"]
    b.check_record(b.search("mpi", *launch, workers=3), 3)
    b.check_nothing_runs("mpi")
    b.killed("mpi_killed", *launch, workers=3)
    b.check_nothing_runs("mpi_killed")


def test_ssh(b, stack):
    folder = b.folder / "ssh"
    folder.mkdir()
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    for name in ["host_key", "user_key"]:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    hosts = range(3)
    run = lambda *words: subprocess.run([str(word) for word in words], check=True)
    lines = []
    for n in hosts:
        space, near, far = f"genoform{n}", f"10.211.{n}.1", f"10.211.{n}.2"
        run("ip", "netns", "add", space)
        stack.callback(run, "ip", "netns", "del", space)
        run("ip", "link", "add", f"genoform{n}a", "type", "veth", "peer", "name", f"genoform{n}b", "netns", space)
        stack.callback(subprocess.run, ["ip", "link", "del", f"genoform{n}a"], stderr=subprocess.DEVNULL)
        run("ip", "address", "add", f"{near}/24", "dev", f"genoform{n}a")
        run("ip", "link", "set", f"genoform{n}a", "up")
        run("ip", "-n", space, "address", "add", f"{far}/24", "dev", f"genoform{n}b")
        run("ip", "-n", space, "link", "set", f"genoform{n}b", "up")
        (folder / f"home{n}").mkdir()
        (folder / f"sshd{n}").write_text(f"""
ListenAddress {far}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
SetEnv XDG_CACHE_HOME={folder}/home{n}
ForceCommand echo "Welcome to host{n}, please behave"; exec sh -c "$SSH_ORIGINAL_COMMAND"
""")
        lines.append(f"Host host{n}\n HostName {far}\n User {os.environ.get('USER', 'root')}\n")
    (folder / "config").write_text("".join(lines) + f"Host *\n IdentityFile {folder}/user_key\n IdentitiesOnly yes\n BatchMode yes\n StrictHostKeyChecking accept-new\n"
                                   f" UserKnownHostsFile {folder}/known\n ConnectTimeout 5\n")

    def sshd(n):
        hidden = f"mount -t tmpfs none {b.folder}/data && exec /usr/sbin/sshd -D -e -f {folder}/sshd{n}"
        started(stack, "ip", "netns", "exec", f"genoform{n}", "unshare", "--mount", "sh", "-c", hidden, log=folder / f"sshd{n}.log")
        until(lambda: "listening" in (folder / f"sshd{n}.log").read_text(), 20, f"no sshd: {(folder / f'sshd{n}.log').read_text()}")

    launch = ["--launch", f"ssh -F {folder}/config host{{n}} {{}}"]
    nobody = subprocess.run(b.arguments("nobody", *launch, workers=2), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=100)
    assert nobody.returncode == 4 and "workers cannot be started: worker" in nobody.stderr and "ssh: connect to host 10.211." in nobody.stderr, nobody.stderr
    sshd(0), sshd(1)
    # The third host comes when the search runs already.
    process = subprocess.Popen(b.arguments("ssh", *launch, workers=3, budget=0.6), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    until(lambda: b.has_ended("ssh", 2) or process.poll() is not None, 200, "no trial ends")
    sshd(2)
    process.wait(1500)
    assert process.returncode == 0, process.stderr.read()
    b.search("ssh_local", workers=2, budget=0.6)
    assert b.record("ssh") == b.record("ssh_local"), "the record is not that of a local search"
    assert set(b.attempts("ssh", "worker")) == {0, 1, 2}, b.attempts("ssh", "worker")
    b.check_nothing_runs("ssh")
    texts = [list((folder / f"home{n}" / "genoform" / "texts").glob("*[0-9]")) for n in hosts]
    assert all(len(found) == 1 for found in texts), f"not one text in each cache: {texts}"
    times = [found[0].stat().st_ctime_ns for found in texts]
    b.check_record(b.search("ssh_again", *launch, workers=3), 3)
    assert times == [found[0].stat().st_ctime_ns for found in texts], "a text was sent twice"
    b.killed("ssh_killed", *launch, workers=3)
    b.check_nothing_runs("ssh_killed")
    # The weights of a finalist come home.
    resumed = ["--study", b.folder / "ssh_again.sqlite", "--resume", "--quiet", "--workers", "2", "--final", "--finalists", "1", "--final-seeds", "1"]
    subprocess.run([b.program, "search", *resumed, *launch], stdout=subprocess.DEVNULL, check=True, timeout=1500)
    export = folder / "export"
    subprocess.run([b.program, "best", b.folder / "ssh_again.sqlite", "--export", export], check=True, stdout=subprocess.DEVNULL)
    assert next(export.rglob("model.safetensors")).stat().st_size > 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("engines", nargs="+", choices=NEEDS)
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("check_cluster.py: needs root, for services, namespaces and mounts")
    missing = [name for engine in options.engines for name in NEEDS[engine] if shutil.which(name) is None]
    if missing:
        sys.exit(f"check_cluster.py: not installed: {', '.join(missing)}; ./dev cluster installs them")
    with tempfile.TemporaryDirectory() as folder:
        b = Bench(options.program, folder)
        for engine in options.engines:
            with contextlib.ExitStack() as stack:
                globals()[f"test_{engine}"](b, stack)
            print(f"ok      {engine}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
