"""argparse for people who mistype: no abbreviations, the command's own usage, and a suggestion. Imports little else."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from batchgen.core.suggest import nearest


class StrictParser(argparse.ArgumentParser):
    """Takes options under their whole names alone: an abbreviation changes its meaning when an option is added."""

    def __init__(self, prog: str | None = None, **keywords: Any) -> None:
        super().__init__(prog, allow_abbrev=False, **keywords)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, or refuse with this command's usage what it does not know; the whole of it is known, or none."""
        self._refuse_unknown_options(args)
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(f"unexpected: {' '.join(rest)}")
        return found, rest

    def _refuse_unknown_options(self, arguments: Sequence[str]) -> None:
        """Before anything else is said, as of a required option whose name is mistyped."""
        for argument in arguments:
            if argument == "--" or (self._subparsers is not None and not argument.startswith("-")):
                return  # what follows is no option, or another parser's
            name = argument.partition("=")[0]
            if re.match(r"--?[A-Za-z]", name) and not self._is_option(name):
                self._refuse("there is no option", name, self._option_string_actions)

    def _is_option(self, name: str) -> bool:
        known = self._option_string_actions
        if name in known or name.startswith("--"):
            return name in known
        return name[:2] in known and f"-{name}" not in known  # `-oOUT`; but `-out` is a slip, and no `-o ut`

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            option = "/".join(action.option_strings)
            self._refuse(
                f"{option} cannot be" if option else f"there is no {str(action.metavar).lower()}", value, action.choices
            )

    def _refuse(self, what: str, name: str, known: Iterable[str]) -> NoReturn:
        names = {option.lstrip("-"): option for option in known}  # else any two options resemble each other
        bare = name.lstrip("-")
        near = [whole for whole in names if whole.startswith(bare) and len(bare) > 1] or nearest(bare, names)
        likely, everything = " or ".join(names[whole] for whole in near), ", ".join(names.values())
        self.error(f"{what} {name}; {f'did you mean {likely}?' if near else f'known are {everything}'}")
