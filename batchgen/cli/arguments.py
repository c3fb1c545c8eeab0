"""The command line's grammar. Imports little but argparse, so that `--help` answers at once."""

from __future__ import annotations

import argparse

from batchgen import __version__
from batchgen.cli.export_arguments import add_formats
from batchgen.cli.help_pages import FrontPage, PlainHelp
from batchgen.cli.options import (
    MoreNames,
    add_config,
    add_limits,
    add_pruning,
    add_reports,
    add_selection,
    names,
    not_negative,
    port,
)
from batchgen.cli.strict_parser import StrictParser
from batchgen.core.request import DEFAULT_PROVIDER

_DESCRIPTION = (
    "Turn a table of prompts into a dataset of images. The same command, run again, resumes where it stopped."
)
_EPILOG = """\
exit codes:
  0  all done, or up to date
  1  finished, but more images are missing than --allow-failures allows: failed, in doubt, invalid, or paid for and
     not yet downloaded; blocked images do not count, unless allow_blocked = false (verify: something is wrong).
     Or an error as of 2, found after something was sent
  2  usage, configuration or manifest error: nothing was sent
  3  the budget is reached
  4  stopped by account, lock, disk or network
  5  the selection is empty
  130, 143  stopped by Ctrl-C, by SIGTERM or SIGHUP
After 3, 4, 130 and 143 the same command resumes.

environment:
  AIMLAPI_API_KEY     the API key (or AIML_API_KEY); other services have variables of their own, such as OPENAI_API_KEY
  BATCHGEN_BASE_URL   the URL of the API
  BATCHGEN_LIMITS__CONCURRENCY and the like set limits.concurrency; --show-config prints all settings
"""

_MANIFEST = (
    "CSV, JSON Lines, JSON, Parquet or a spreadsheet, a prompt with its parameters in each row, or - for standard"
    " input; or a sweep (.toml)"
)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; the chosen one's name is in `command`."""
    parser = StrictParser("batchgen", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=FrontPage)
    parser.add_argument("--version", action="version", version=f"batchgen {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_init(commands)
    _add_check(commands)
    _add_expand(commands)
    _add_plan(commands)
    _add_run(commands)
    _add_status(commands)
    _add_verify(commands)
    _add_gallery(commands)
    _add_export(commands)
    _add_prune(commands)
    _add_reconcile(commands)
    _add_models(commands)
    _add_simulate(commands)
    _add_completion(commands)
    return parser


Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add_init(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "init", "write a small manifest and a configuration to start from; overwrites nothing")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="where to (default: here)")


def _add_check(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "check", "validate every row and the configuration, without key or network")
    _add_manifest(parser)
    add_config(parser)
    parser.add_argument("--model", metavar="NAME", help="the model for rows that name none")
    parser.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="how to print what is wrong (default text)"
    )


def _add_expand(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "expand", "print the rows of a sweep, a .toml manifest, as CSV, with the same ids")
    parser.add_argument("manifest", metavar="SWEEP", help="the .toml file")


def _add_plan(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "plan", "print what a run would do and cost; sends nothing")
    _add_manifest(parser)
    parser.add_argument("-o", "--out", metavar="OUT", help="the dataset's folder; --show-request needs none")
    add_config(parser)
    add_selection(parser)
    add_limits(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument(
        "--show-request",
        metavar="ROW_ID",
        help="print what would be sent for a row, as curl commands with the key masked, and nothing else",
    )


def _add_run(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "run", "make the images, and resume where an earlier run stopped")
    _add_manifest(parser, nargs="?")
    parser.add_argument("-o", "--out", metavar="OUT", help="the dataset's folder")
    add_config(parser)
    add_selection(parser)
    add_limits(parser)
    service = parser.add_mutually_exclusive_group()
    service.add_argument("--base-url", metavar="URL", help="the URL of the API")
    service.add_argument("--simulate", action="store_true", help="use the simulated API: no key, no network, no cost")
    parser.add_argument(
        "--rebuy",
        action="store_true",
        help="buy again what is in the dataset with other settings, without asking",
    )
    parser.add_argument(
        "--mix-services",
        action="store_true",
        help="add images of this service to a dataset whose images are from another",
    )
    parser.add_argument(
        "--allow-invalid", action="store_true", help="send the right rows although most rows of the manifest are wrong"
    )
    parser.add_argument(
        "--repair-missing",
        action="store_true",
        help="buy again the images that are in the index and no longer in the folder",
    )
    parser.add_argument(
        "--allow-failures", metavar="N|P%", help="exit 0 despite up to N missing images, or P %% of them (default 0)"
    )
    parser.add_argument(
        "--no-preflight",
        dest="preflight",
        action="store_const",
        const=False,
        help="do not ask the service for the account's balance and the model's price first",
    )
    parser.add_argument(
        "--no-gallery", dest="gallery", action="store_const", const=False, help="do not update gallery.html"
    )
    add_reports(parser)
    parser.add_argument(
        "--on-end",
        metavar="COMMAND",
        help="a shell command to run when the run has ended, in whatever way; the summary is on its stdin as JSON",
    )
    parser.add_argument(
        "--show-config", action="store_true", help="print every setting as TOML, with where it comes from, and exit"
    )
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument(
        "-q", "--quiet", action="store_true", help="say nothing unless something is wrong, or images are missing"
    )
    loudness.add_argument("-v", "--verbose", action="store_true", help="also say every decision as it is made")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def _add_status(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "status", "count the images of a dataset by status, also while a run is writing it")
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--failed", action="store_true", help="list every image that is missing, with reason and line")
    shown.add_argument(
        "--watch",
        action="store_true",
        help="show the newest run until it ends, or Ctrl-C; wait for one if there is none yet",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object; with --failed, one for each image")
    form.add_argument("--csv", action="store_true", help="with --failed, print a CSV table")


def _add_verify(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "verify", "check that every image is there and unchanged, and list untracked files")
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="repair what can be repaired without paying, and print what the next run has to make again",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_gallery(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "gallery", "write gallery.html: one page that shows the whole dataset, offline")
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    parser.add_argument(
        "--standalone",
        metavar="FILE",
        help="also write the page as one file with its thumbnails inside, to send to others",
    )


def _add_prune(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "prune", "list the images that the manifest does not ask for any more, or remove them")
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    _add_manifest(parser)
    add_config(parser)
    add_pruning(parser)


def _add_reconcile(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(
        commands,
        "reconcile",
        "read the service's log of calls, look up requests in doubt, and correct costs to the bill; free",
    )
    parser.add_argument("out", metavar="OUT", help="the dataset's folder")
    add_config(parser)
    parser.add_argument("--base-url", metavar="URL", help="the URL of the API")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_export(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(
        commands, "export", "write a dataset in another format: Parquet, WebDataset, images with captions, a manifest"
    )
    add_formats(parser.add_subparsers(dest="format", metavar="FORMAT", required=True))


def _add_models(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "models", "list the models that can be asked for, or show all of one")
    parser.add_argument("name", metavar="NAME", nargs="?", help="a model's name, with its provider or without")
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _add_simulate(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "simulate", "serve a simulated API on loopback and print its URL")
    parser.add_argument("--port", type=port, default=0, metavar="N", help="the port (default: any free one)")
    parser.add_argument(
        "--provider", default=DEFAULT_PROVIDER, metavar="NAME", help="the service to be (default: %(default)s)"
    )
    parser.add_argument(
        "--rpm", "--requests-per-minute", type=not_negative, metavar="N", help="answer 429 above N requests a minute"
    )
    parser.add_argument(
        "--latency", default="1", metavar="S", help="seconds that an answer takes: 2, or a range like 0.5-2"
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="KIND=P",
        help="fail with a probability (server_error=0.05) or on a schedule (reset@3,7-9); repeatable",
    )


def _add_completion(commands: Commands) -> None:  # type: ignore[valid-type]
    parser = _command(commands, "completion", "print a script with which a shell completes commands and options")
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def _add_manifest(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    parser.add_argument("manifest", metavar="MANIFEST", nargs=nargs, help=_MANIFEST)
    parser.add_argument(
        "--columns",
        type=names,
        action=MoreNames,
        metavar="NAME=COLUMN,...",
        help="read columns of the manifest by other names: prompt=caption,id=name",
    )
    parser.add_argument("--sheet", metavar="NAME", help="the sheet of a spreadsheet to read (default: the first)")


def _command(commands: Commands, name: str, summary: str) -> argparse.ArgumentParser:  # type: ignore[valid-type]
    return commands.add_parser(  # type: ignore[attr-defined, no-any-return]
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", formatter_class=PlainHelp
    )
