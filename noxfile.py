"""What can be run besides `pytest`? `nox -l` lists it.

`.ci/run` is what every change must pass; its bar is 20 minutes. What it has no time for has the tag `long`:
`nox --tags long` runs it, here before a release and in the workflow `tests` when a change has come to main.
"""

import shlex
import shutil
from pathlib import Path

import nox

nox.options.sessions = ["tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
#: How wheels are repaired, audited and tested, on the machines of others as here.
WHEELS = PROJECT["tool"]["cibuildwheel"]
#: Where the session `wheel` leaves its wheel.
REPAIRED = Path("build/repaired").resolve()


def group(name: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PROJECT, name)


# Tests


@nox.session(python=nox.project.python_versions(PROJECT))
def tests(session: nox.Session) -> None:
    """The tests, on every Python that is found."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """The tests against torch and optax."""
    session.install(".[test,peers]")
    session.run("pytest", "-m", "peers and not exhaustive", *session.posargs)


@nox.session(tags=["long"])
def scipys_tests(session: nox.Session) -> None:
    """SciPy's own tests of what onepass has, too, with onepass under SciPy's names."""
    session.install(".[test]", "scipy==1.17.*")
    session.run("pytest", "tests/solve/peers", *session.posargs)


@nox.session(tags=["long"])
def lmfits_tests(session: nox.Session) -> None:
    """lmfit's own tests, of its source distribution, with onepass under SciPy's names."""
    session.install(".[test]", "scipy==1.17.*", "lmfit==1.3.4")
    folder = Path(session.create_tmp()).resolve()
    session.run("pip", "download", "lmfit==1.3.4", "--no-deps", "--no-binary", "lmfit", "--dest", str(folder))
    shutil.unpack_archive(folder / "lmfit-1.3.4.tar.gz", folder)
    plugin = {"PYTHONPATH": str(Path("tests/solve/peers").resolve())}
    with session.chdir(folder / "lmfit-1.3.4"):
        session.run("pytest", "-p", "lmfits", "-o", "addopts=", "-n", "auto", "tests", *session.posargs, env=plugin)


@nox.session
def slow(session: nox.Session) -> None:
    """Minutes: machine code, golden hashes of both compilers, NEON under an emulator, many processes."""
    session.install(".[test]", env={"SKBUILD_CMAKE_DEFINE": "ONEPASS_WERROR=ON"})
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session(tags=["long"])
def steps(session: nox.Session) -> None:
    """The steps of CONTRIBUTING.md, walked: an optimizer is added, and its tests are green."""
    session.install(".[test]")
    session.run("pytest", "-n", "0", "-m", "exhaustive", "tests/test_contributing.py", "-k", "own", *session.posargs)


@nox.session(tags=["long"])
def exhaustive(session: nox.Session) -> None:
    """Many minutes: all rules in each test, every compiler at every level, sanitizers, every float32, all mutants."""
    session.install(".[test]")
    session.run("pytest", "-m", "exhaustive", *session.posargs)


@nox.session(tags=["long"])
def benchmarks(session: nox.Session) -> None:
    """That the benchmarks run, against torch and optax; their figures are not looked at."""
    session.install(".[test,peers]")
    session.run("python", "bench/compare.py", "--quick", "--rounds", "1")
    session.run("python", "bench/busy.py", "--rounds", "10")
    session.run("python", "bench/torch_loop.py", "--quick", "--rounds", "1")


# Texts


@nox.session
def examples(session: nox.Session) -> None:
    """The programs and notebooks of examples/, and what they print."""
    session.install(".[test,examples,torch]")
    session.run("pytest", "tests/test_examples.py", "-m", "", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatters, linters, types, workflows."""
    session.install(".[test,torch]", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("python", "-m", "mypy.stubtest", "onepass._core", "--allowlist", ".ci/stubtest-allowlist")
    session.run("pytest", "tests/test_types.py")
    cpp = session.run("git", "ls-files", "cpp/*.[ch]pp", "bench/*.[ch]pp", external=True, silent=True)
    session.run("clang-format", "--dry-run", "--Werror", *cpp.split())
    workflows = [str(path) for path in sorted(Path(".github/workflows").iterdir())]
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    session.run("zizmor", "--offline", ".github")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, in build/docs; a warning is an error."""
    session.install(".[docs]")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "build/docs", *session.posargs)


# What is published


@nox.session
def sdist(session: nox.Session) -> None:
    """The source distribution, in dist: what git knows and nothing else."""
    session.install(*PROJECT["build-system"]["requires"], *group("sdist"))
    session.run("check-sdist", "--no-isolation")
    session.run("python", "-m", "build", "--sdist", "--no-isolation")
    session.run("twine", "check", "--strict", *map(str, Path("dist").glob("*.tar.gz")))


@nox.session
def wheel(session: nox.Session) -> None:
    """A wheel for this Linux: built, repaired, audited, tested where there is no compiler."""
    session.install(*group("wheel"))
    raw = Path(session.create_tmp(), "raw").resolve()
    for folder in (raw, REPAIRED):
        shutil.rmtree(folder, ignore_errors=True)

    alone = {"PATH": session.bin, "PYTHONPATH": None}

    def run_as_told(command: str, **places: object) -> None:
        session.run(*shlex.split(command.format(project=".", **places)), env=alone)

    session.run("python", "-m", "build", "--wheel", "--outdir", str(raw))
    (built,) = raw.iterdir()
    run_as_told(WHEELS["linux"]["repair-wheel-command"], wheel=built, dest_dir=REPAIRED)
    (file,) = REPAIRED.iterdir()
    run_as_told(WHEELS["audit-command"], wheel=file)

    session.install("--only-binary", ":all:", str(file))
    if found := [tool for tool in ("cc", "c++", "gcc", "clang", "cmake") if shutil.which(tool, path=session.bin)]:
        session.error(f"{', '.join(found)} in sight")
    for command in WHEELS["test-command"]:
        run_as_told(command)


@nox.session(tags=["long"], requires=["wheel"])
def wheel_beside_torch(session: nox.Session) -> None:
    """The wheel of the session `wheel` and torch's: whoever comes first, one OpenMP runtime."""
    (file,) = REPAIRED.iterdir()
    session.install(str(file), "torch==2.13.0", "pytest", "threadpoolctl")
    alone = {"PATH": session.bin, "PYTHONPATH": None}
    session.run("pytest", "-o", "addopts=", "tests/test_threads.py", "-k", "beside_torch", env=alone)


@nox.session
def wheels(session: nox.Session) -> None:
    """The wheels for this machine's system, in dist, as they are published; on Linux with docker."""
    session.install("cibuildwheel>=4.3")
    session.run("cibuildwheel", "--output-dir", "dist", *session.posargs)
