"""What is wrong with a configuration, each mistake with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchgen.config.settings import RunConfig
from batchgen.core.errors import BatchgenError


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong with the configuration. line and column are 1-based, None if it is in no file."""

    origin: str  # the file, the flag or the variable
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.origin, self.line, self.column) if part is not None)
        return f"{place} error E061 {self.message}"


class ConfigError(BatchgenError):
    """The configuration cannot be used; `problems` says why.

    rest: what the settings without a mistake amount to, so that a manifest can be checked all the same; None if the
    file could not be read at all.
    """

    def __init__(self, problems: Sequence[ConfigProblem], rest: RunConfig | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
        self.rest = rest
