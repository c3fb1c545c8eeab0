"""`batchgen completion`: scripts with which a shell completes commands and options, made from the grammar itself.

Nothing is asked of batchgen while somebody types: the script has all the words.
"""

from __future__ import annotations

import argparse
import shlex
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from batchgen.cli.arguments import build_parser
from batchgen.cli.output import echo
from batchgen.core.exit_codes import ExitCode

_BASH = """\
_batchgen() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" path="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path ${{COMP_WORDS[i]}}" in
            {paths}) path="$path ${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$path ${{COMP_WORDS[COMP_CWORD-1]}}" in
{values}
        *)
            case "$path" in
{options}
            esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -o bashdefault -F _batchgen batchgen"""

# zsh reads the script of bash, if it is asked to.
_ZSH = "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"


@dataclass(frozen=True, slots=True)
class _Command:
    """A command by its names from the outermost one down, with the parser of what follows them."""

    path: tuple[str, ...]
    parser: argparse.ArgumentParser

    @property
    def words(self) -> dict[str, str]:
        """What may follow it that is no option and no file: commands with their help, or the choices of an argument."""
        for action in self.parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                return {choice.dest: choice.help or "" for choice in action._choices_actions}
            if action.choices and not action.option_strings:
                return dict.fromkeys(map(str, action.choices), "")
        return {}

    @property
    def options(self) -> list[argparse.Action]:
        """Its own options."""
        return [action for action in self.parser._actions if action.option_strings]


def execute(options: Namespace) -> ExitCode:
    """Print the script for a shell."""
    everything = list(_commands(_Command((), build_parser())))
    scripts = {"bash": _bash, "zsh": lambda commands: _ZSH + _bash(commands), "fish": _fish}
    echo(scripts[options.shell](everything))
    return ExitCode.OK


def _commands(command: _Command) -> Iterator[_Command]:
    yield command
    for action in command.parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, parser in action.choices.items():
                yield from _commands(_Command((*command.path, name), parser))


def _bash(commands: list[_Command]) -> str:
    options, values = [], []
    for command in commands:
        path = "".join(f" {name}" for name in command.path)
        names = [name for action in command.options for name in action.option_strings]
        # Where a file may stand, files are completed: options are only once a dash is there.
        words = " ".join((*command.words, *names))
        guard = "" if command.words else '[[ "$current" == -* ]] && '
        options.append(f'                "{path}") {guard}words="{words}" ;;')
        for action in command.options:
            if action.choices:
                places = "|".join(f'"{path} {name}"' for name in action.option_strings)
                values.append(f'        {places}) words="{" ".join(map(str, action.choices))}" ;;')
    paths = "|".join(f'" {" ".join(command.path)}"' for command in commands if command.path)
    return _BASH.format(paths=paths, values="\n".join(values), options="\n".join(options))


def _fish(commands: list[_Command]) -> str:
    lines = []
    for command in commands:
        place = " ; and ".join(f"__fish_seen_subcommand_from {name}" for name in command.path)
        below = " ".join(command.words)
        if below:
            nothing = f"not __fish_seen_subcommand_from {below}"
            condition = shlex.quote(f"{place} ; and {nothing}" if place else nothing)
            lines += [
                f"complete -c batchgen -f -n {condition} -a {name} -d {shlex.quote(help_)}"
                for name, help_ in command.words.items()
            ]
        for action in command.options:
            words = [f"-n {shlex.quote(place)}"] if place else []
            words += [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in action.option_strings]
            if action.choices:
                words.append(f"-x -a {shlex.quote(' '.join(map(str, action.choices)))}")
            elif action.nargs != 0:
                words.append("-r")
            help_ = (action.help or "").replace("%%", "%")
            lines.append(f"complete -c batchgen {' '.join(words)} -d {shlex.quote(help_)}")
    return "\n".join(lines)
