"""How help is laid out. Imports little but argparse, so that `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys


class PlainHelp(argparse.HelpFormatter):
    """argparse lays out help for every argument that it is given; asked for the width, it would import shutil first."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)  # argparse leaves two free as well


class FrontPage(PlainHelp, argparse.RawDescriptionHelpFormatter):
    """As the other pages; but its description and its end have lines of their own."""


def _columns() -> int:
    """How wide the terminal is, as COLUMNS or the terminal itself says; 80 if neither does."""
    if (told := os.environ.get("COLUMNS", "")).isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80
