"""What can be run besides `pytest`? `nox -l` lists it; `.ci/run` runs the part that fits."""

import nox

nox.options.sessions = ["tests"]


@nox.session(python=["3.10", "3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The tests, on every Python that is found."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Cross compilers, emulators, sanitizers, the steps of CONTRIBUTING.md."""
    session.install(".[test]", env={"SKBUILD_CMAKE_DEFINE": "ONEPASS_WERROR=ON"})
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def exhaustive(session: nox.Session) -> None:
    """Many minutes: every float32, 2**32 elements, all mutants, hundreds of kills."""
    session.install(".[test]")
    session.run("pytest", "-m", "exhaustive", *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """The tests against torch and optax."""
    session.install(".[test,peers]")
    session.run("pytest", "-m", "peers and not exhaustive", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """The programs and notebooks of examples/, and what they print."""
    session.install(".[test,examples,torch]")
    session.run("pytest", "tests/test_examples.py", "-m", "", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatters, linters, types."""
    session.install(".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("python", "-m", "mypy.stubtest", "onepass._core", "--allowlist", ".ci/stubtest-allowlist")
    session.run("pytest", "tests/test_types.py")
