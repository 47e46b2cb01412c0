#!/usr/bin/env python3
"""nvcc parses every public header that a GPU program may include, and the types of the language work in a .cu file.

  check_nvcc.py --work FOLDER
All headers are compiled in one translation unit; if that fails, each is compiled alone, to name the one at fault. The CPU back end,
with compiled kernels, and training are compiled in another. No GPU is needed."""
import argparse
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
# No GPU program needs these one by one: the host's back ends, files and stores.
HOST_ONLY = ("genoform/backend/cpu", "genoform/backend/reference", "genoform/compiled", "genoform/io", "genoform/search",
             "genoform/train")


CPU_TRAINING = """#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/model.hpp>
#include <genoform/train.hpp>
using Net = genoform::Decoder<genoform::Stack<genoform::Block<genoform::Attn, genoform::Ffn<genoform::SqReLU>>, 2>,
                              genoform::Vocab<256>, genoform::Width<64>, genoform::Context<32>>;
double last_loss(const genoform::Corpus& corpus) {
  genoform::Model<Net, genoform::Cpu> model({.seed = 1});
  genoform::Trainer<genoform::Cpu> trainer(model, {.steps = 2});
  double loss = 0;
  for (const genoform::Step& step : trainer.run(corpus)) loss = step.bits_per_byte;
  return loss;
}
"""


def compiles(work, name, text, *options):
    source = work / f"{name}.cu"
    source.write_text(text)
    command = ["nvcc", "-std=c++20", "-O0", "-gencode", "arch=compute_80,code=sm_80", "-I", INCLUDE, *options, "-c", source,
               "-o", work / f"{name}.o"]
    return subprocess.run(command).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    work = parser.parse_args().work
    work.mkdir(parents=True, exist_ok=True)
    headers = sorted(str(path.relative_to(INCLUDE)) for path in INCLUDE.glob("**/*.hpp"))
    headers = [h for h in headers if not h.startswith(HOST_ONLY)]
    all_of_them = "".join(f"#include <{h}>\n" for h in headers)
    if not compiles(work, "all", all_of_them + (ROOT / "tests/headers/language.cu").read_text()):
        for header in headers:
            if not compiles(work, "alone", f"#include <{header}>\n"):
                print(f"check_nvcc.py: nvcc refuses {header}", file=sys.stderr)
        return 1
    if not compiles(work, "cpu_training", CPU_TRAINING, "-DGENOFORM_COMPILED_KERNELS"):
        print("check_nvcc.py: nvcc refuses training on the CPU with compiled kernels", file=sys.stderr)
        return 1
    print(f"nvcc takes {len(headers)} headers, and training on the CPU")
    return 0


if __name__ == "__main__":
    sys.exit(main())
