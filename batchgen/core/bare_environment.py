"""What of the environment goes to a program that handles bytes from outside: enough to start, and no secret."""

from __future__ import annotations

import os

# What an interpreter needs to find itself and its libraries. All else stays here, above all API keys: an image that
# takes such a program over finds none.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "LANG")
_PASSED_ON_BEGIN = ("PYTHON", "LC_", "LD_", "DYLD_")


def bare_environment() -> dict[str, str]:
    """Return what an interpreter needs of the environment, and nothing else."""
    return {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_BEGIN)
    }
