#!/usr/bin/env python3
"""Install the package below the build folder and build other people's projects against it.

The consumer here is built three times: from the installed package, by add_subdirectory and by FetchContent; each time two
translation units share one program; another links genoform::compiled. A component or package that is missing is named. examples/downstream is built from the installed package and its tests are run."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(*command, expect=0, **options):
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != expect:
        sys.exit(f"{result.stdout}\ncheck_install.py: exit {result.returncode}, expected {expect}: {' '.join(map(str, command))}")
    return result.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--onednn", default="")
    options = parser.parse_args()

    work = options.build / "install-test"
    shutil.rmtree(work, ignore_errors=True)
    prefix = work / "prefix"
    run("cmake", "--install", options.build, "--prefix", prefix)
    common = ["-G", "Ninja", f"-DCMAKE_CXX_COMPILER={options.compiler}", "-DCMAKE_BUILD_TYPE=Release",
              "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", f"-DCMAKE_PREFIX_PATH={prefix}"]
    if options.onednn:
        common.append(f"-DGENOFORM_ONEDNN_ROOT={options.onednn}")
    if shutil.which("ccache"):
        common.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")

    def build(source, name, *settings, targets=("all",)):
        run("cmake", "-S", source, "-B", work / name, *common, *settings)
        run("cmake", "--build", work / name, "--target", *targets)
        print(f"{name}: built", flush=True)

    for way in ("package", "subdirectory", "fetch"):
        # FetchContent is add_subdirectory with another name: there the archives are not compiled once more.
        programs = ["language", "trainer"] + ([] if way == "fetch" else ["compiled"])
        build(HERE / "consumer", way, f"-DWAY={way}", f"-DGENOFORM_SOURCE={options.source}", targets=programs)
        for program in programs:
            run(work / way / program)
    libraries = run("ldd", work / "package" / "language")
    if "dnnl" in libraries or "gomp" in libraries:
        sys.exit(f"a program of genoform::genoform alone is linked to a back end:\n{libraries}")

    def refuse(what, *settings, naming):
        refusal = run("cmake", "-S", HERE / "consumer", "-B", work / "refused", *common, "-DWAY=package", *settings, expect=1)
        for word in naming:
            if word not in " ".join(refusal.split()):
                sys.exit(f"{what} is not named ({word}):\n{refusal}")

    refuse("a component that is not there", "-DCOMPONENT=abacus", naming=["no component abacus"])
    refuse("a package that is missing", "-DCOMPONENT=", "-DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON",
           naming=["component cpu needs", "nlohmann_json (files of models"])
    # Who asks for cpu alone does not need what the search needs; who asks for the search does.
    without_search = ["-DCMAKE_DISABLE_FIND_PACKAGE_SQLite3=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON"]
    refuse("what the search needs", "-DCOMPONENT=search", *without_search,
           naming=["component search needs", "SQLite3 (the record of a search", "Eigen3 (the fit of step times"])
    for way in ("package", "subdirectory"):
        run("cmake", "-S", HERE / "consumer", "-B", work / f"{way}-without-search", *common, f"-DWAY={way}",
            f"-DGENOFORM_SOURCE={options.source}", *without_search)

    downstream = options.source / "examples" / "downstream"
    if downstream.is_dir():
        build(downstream, "downstream")
        print(run("ctest", "--test-dir", work / "downstream", "--output-on-failure", "--no-tests=error"))


if __name__ == "__main__":
    os.environ.pop("CMAKE_PREFIX_PATH", None)
    main()
