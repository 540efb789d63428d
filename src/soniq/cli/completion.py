"""``soniq completion``: a script by which a shell completes the words of ``soniq``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer


class Shell(StrEnum):
    """The shells that can be helped."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


# The words that may follow each command, which is named by those before it: " jobs list".
Words = Mapping[str, Sequence[str]]

BASH = """\
_soniq() {
    local current=${COMP_WORDS[COMP_CWORD]} place= word words=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$place $word" in
            %(places)s) place="$place $word" ;;
        esac
    done
    case "$place" in
%(cases)s
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _soniq soniq"""
ZSH = """\
#compdef soniq
_soniq() {
    local place= word
    for word in "${(@)words[2,CURRENT-1]}"; do
        case "$place $word" in
            (%(places)s) place="$place $word" ;;
        esac
    done
    case "$place" in
%(cases)s
    esac
}
compdef _soniq soniq"""
FISH = """\
function __soniq_place
    set -l place
    for word in (commandline -opc)[2..]
        switch "$place $word"
            case %(places)s
                set place "$place $word"
        end
    end
    echo "$place"
end
complete -c soniq -f
%(cases)s"""

# Of each shell: the script, the line for a command, and what stands between names.
SCRIPTS = {
    Shell.BASH: (BASH, '        "%(place)s") words="%(words)s" ;;', "|"),
    Shell.ZSH: (ZSH, '        ("%(place)s") compadd -- %(words)s ;;', "|"),
    Shell.FISH: (
        FISH,
        "complete -c soniq -n 'test (__soniq_place) = \"%(place)s\"' -a '%(words)s'",
        " ",
    ),
}


def completion(
    context: typer.Context,
    shell: Annotated[Shell, typer.Argument(help="bash, zsh or fish.")],
) -> None:
    """Print a script that lets a shell complete commands and options.

    For bash and zsh: eval "$(soniq completion bash)" in ~/.bashrc. For fish:
    soniq completion fish > ~/.config/fish/completions/soniq.fish
    """
    words = dict(words_of(context.find_root().command))
    typer.echo(script(shell, words | {" completion": [*Shell, "--help"]}))


def words_of(command: Any, place: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield each command with the words that may follow it: those of a group, or its options."""
    children: dict[str, Any] = getattr(command, "commands", {})
    yield place, [*children] or options_of(command)
    for name, child in children.items():
        yield from words_of(child, f"{place} {name}")


def options_of(command: Any) -> list[str]:
    """Return the long options of a command."""
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    options = [name for one in shown for name in one.opts if name.startswith("--")]
    return [*options, "--help"]


def script(shell: Shell, words: Words) -> str:
    """Return the script; it knows all words, so that no key starts a program."""
    whole, case, between = SCRIPTS[shell]
    cases = [case % {"place": place, "words": " ".join(words[place])} for place in words]
    places = between.join(f'"{place}"' for place in words if place)
    return whole % {"places": places, "cases": "\n".join(cases)}
