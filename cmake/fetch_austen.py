#!/usr/bin/env python3
"""Make DIR/train.txt, val.txt and test.txt from the six novels of Jane Austen (public domain), about 4 MB.

  fetch_austen.py DIR
The text comes out of Debian's package r-cran-janeaustenr, downloaded with apt-get and unpacked, not installed. Hard-wrapped
lines are joined: a paragraph is one line and ends with one newline; chapter headings are paragraphs too. Each novel is cut
at the paragraph borders nearest to 90 and 95 percent of its bytes: training, validation, test. The three files are checked
against the SHA-256 sums below. Existing files with the right sums are kept. Exit: 0 fine, 3 failed."""
import bz2
import hashlib
import lzma
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

PACKAGE = "r-cran-janeaustenr"
NOVELS = ["sensesensibility", "prideprejudice", "mansfieldpark", "emma", "northangerabbey", "persuasion"]
SHA256 = {
    "train.txt": "7b8edd43cd5c3c0f28b1b2e3987d73b8f7d1406754fbaf964831495d2da1b446",
    "val.txt": "30b8e206d08f0b0f57aad695ca51dce18b3771afc9ae51173ba6fa9333f036db",
    "test.txt": "c9492349532afb4370d8fa2a25153b589f975f80618e64e6ead1f80a97246190",
}


class FetchError(Exception):
    pass


class XdrReader:
    """Reads the parts of R's serialisation that a list of integer and character vectors needs."""

    def __init__(self, data):
        self.data, self.at, self.symbols = data, 0, []
        if self.take(2) != b"X\n":
            raise FetchError("not an R object in XDR form")
        version, _, _ = self.integer(), self.integer(), self.integer()
        if version == 3:
            self.take(self.integer())  # name of the native encoding

    def take(self, count):
        if self.at + count > len(self.data):
            raise FetchError("an R object ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def integer(self):
        return struct.unpack(">i", self.take(4))[0]

    def item(self):
        flags = self.integer()
        kind, has_attributes, has_tag = flags & 0xFF, flags & 0x200, flags & 0x400
        if kind == 254:  # the empty list
            return None
        if kind == 255:  # a symbol seen before, by its number
            return self.symbols[(flags >> 8) - 1]
        if kind == 1:  # symbol
            self.symbols.append(self.item())
            return self.symbols[-1]
        if kind == 2:  # pair list: attributes
            pairs = [(self.item() if has_tag else "", self.item())]
            return pairs + (self.item() or [])
        if kind == 9:  # one string
            length = self.integer()
            return "" if length < 0 else self.take(length).decode("utf-8")
        if kind in (10, 13):
            value = [self.integer() for _ in range(self.integer())]
        elif kind in (16, 19):
            value = [self.item() for _ in range(self.integer())]
        else:
            raise FetchError(f"an R object of kind {kind} is not expected here")
        names = dict(self.item()).get("names") if has_attributes else None
        return dict(zip(names, value)) if names else value


def decompress(stored):
    """One object of an .rdb file: length when unpacked, then a zlib stream, or a letter and a bzip2 or xz stream."""
    length, stream = struct.unpack(">I", stored[:4])[0], stored[4:]
    if stream[:1] == b"2":
        data = bz2.decompress(stream[1:])
    elif stream[:1] == b"Z":
        data = lzma.decompress(stream[1:], lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}])
    else:
        data = zlib.decompress(stream)
    if len(data) != length:
        raise FetchError("an object of the package has the wrong length")
    return data


def read_novels(folder):
    """The lines of every novel, from R's lazy-load database: an index of places, and the objects one after another."""
    index = XdrReader(zlib.decompress((folder / "Rdata.rdx").read_bytes(), wbits=47)).item()["variables"]
    database = (folder / "Rdata.rdb").read_bytes()
    missing = [name for name in NOVELS if name not in index]
    if missing:
        raise FetchError(f"the package has no object {missing[0]}")
    novels = []
    for name in NOVELS:
        start, length = index[name]
        novels.append(XdrReader(decompress(database[start:start + length])).item())
    return novels


def paragraphs_of(lines):
    paragraph = []
    for line in lines + [""]:
        if line.strip():
            paragraph.append(" ".join(line.split()))
        elif paragraph:
            yield (" ".join(paragraph) + "\n").encode("utf-8")
            paragraph = []


def split_novel(paragraphs):
    """Training, validation and test bytes, cut at the borders nearest to 90 and 95 percent."""
    borders = [0]
    for paragraph in paragraphs:
        borders.append(borders[-1] + len(paragraph))
    text = b"".join(paragraphs)
    first, second = (min(borders, key=lambda b: abs(100 * b - percent * len(text))) for percent in (90, 95))
    return text[:first], text[first:second], text[second:]


def wrong_file(folder):
    """The name of the first file that is not there or has other bytes than expected."""
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            return name
    return None


def download(folder):
    try:
        run = subprocess.run(["apt-get", "-q", "download", PACKAGE], cwd=folder, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise FetchError("apt-get is missing: this needs Debian or Ubuntu; any text works too, with --data")
    packages = list(folder.glob("*.deb"))
    if run.returncode != 0 or len(packages) != 1:
        raise FetchError(f"apt-get cannot download {PACKAGE}:\n{run.stdout.strip()}")
    subprocess.run(["dpkg-deb", "-x", packages[0], folder / "package"], check=True)
    found = list(folder.glob("package/usr/lib/R/*/janeaustenr/data"))
    if len(found) != 1:
        raise FetchError(f"{packages[0].name} has no data folder where it is expected")
    return found[0]


def fetch(target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as work:
        work = pathlib.Path(work)
        parts = [split_novel(list(paragraphs_of(lines))) for lines in read_novels(download(work))]
        new = work / "new"
        new.mkdir(mode=0o755)
        for name, texts in zip(SHA256, zip(*parts)):
            (new / name).write_bytes(b"".join(texts))
        wrong = wrong_file(new)
        if wrong:
            found = hashlib.sha256((new / wrong).read_bytes()).hexdigest()
            raise FetchError(f"{wrong} has SHA-256 {found}, expected {SHA256[wrong]}: "
                             f"this version of {PACKAGE} holds another text")
        if target.exists():
            shutil.rmtree(target)
        new.rename(target)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    target = pathlib.Path(sys.argv[1]).absolute()
    try:
        if wrong_file(target):
            fetch(target)
            sizes = ", ".join(f"{name} {(target / name).stat().st_size:,} bytes" for name in SHA256)
            print(f"{target}: {sizes}", file=sys.stderr)
    except (FetchError, OSError, ValueError, zlib.error, lzma.LZMAError, subprocess.CalledProcessError) as error:
        print(f"fetch_austen.py: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
