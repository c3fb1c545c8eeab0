"""Pins what the project needs: `python scripts/lock.py > requirements.lock`, or `--check requirements.lock`.

Both start from the dependencies and extras in pyproject.toml and follow them through what is installed here. The first
prints the installed versions, as a constraints file for pip; it wants all extras installed. The check, which needs no
network, names what the file does not pin, or pins to a version that is not allowed; it follows as far as is installed.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

# Is there before anything is installed.
_LEFT_OUT = {"pip"}
_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description="Pin what the project needs.")
    parser.add_argument("--check", type=Path, metavar="LOCK", help="say what this file lacks instead")
    lock = parser.parse_args().check
    if mistakes := (missing_pins(lock) if lock else not_installed()):
        sys.exit("\n".join([*mistakes, "Install what is missing, then `make lock`."]))
    if not lock:
        print("# The versions that CI ran on. Written by `make lock`; pip takes it with --constraint.")
        print("\n".join(sorted({f"{name}=={distribution(name).version}" for name in map(_name, needed())})))


def missing_pins(lock: Path) -> list[str]:
    """Say of each requirement that the lock does not fulfil which it is."""
    lines = (line.partition("#")[0].strip() for line in lock.read_text().splitlines())
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    mistakes = set()
    for requirement in needed():
        version = pins.get(_name(requirement))
        if not version or not requirement.specifier.contains(version, prereleases=True):
            mistakes.add(f"{requirement} is needed, and {lock} has {version or 'no version of it'}")
    return sorted(mistakes)


def not_installed() -> list[str]:
    """Name the requirements that are not installed here."""
    return sorted({f"{requirement} is not installed" for requirement in needed() if _installed(requirement) is None})


def needed() -> Iterator[Requirement]:
    """Yield each requirement of the project with all its extras, and those of what is required."""
    project = tomllib.loads(_PROJECT.read_text())["project"]
    extras = (line for lines in project["optional-dependencies"].values() for line in lines)
    waiting = [Requirement(line) for line in (*project["dependencies"], *extras)]
    seen = set(map(str, waiting))
    while waiting:
        requirement = waiting.pop()
        yield requirement
        for deeper in _installed(requirement) or ():
            if str(deeper) not in seen and deeper.name not in _LEFT_OUT:
                seen.add(str(deeper))
                waiting.append(deeper)


def _installed(requirement: Requirement) -> list[Requirement] | None:
    """What a requirement requires itself, on this machine; None if it is not installed."""
    try:
        lines = distribution(requirement.name).requires or []
    except PackageNotFoundError:
        return None
    return [deeper for deeper in map(Requirement, lines) if _applies(deeper, requirement.extras)]


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or {""})


def _name(requirement: Requirement) -> NormalizedName:
    return canonicalize_name(requirement.name)


if __name__ == "__main__":
    main()
