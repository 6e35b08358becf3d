"""What holds of every command, found by looking at the commands themselves."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer

from grace.cli import _leading, application, main
from grace.errors import BadInput

ROOT = typer.main.get_command(application())


def leaves(command: object = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path
        return
    for name, sub in sorted(below.items()):
        yield from leaves(sub, (*path, name))


def command_of(path: tuple[str, ...]) -> object:
    found = ROOT
    for name in path:
        found = found.commands[name]
    return found


# what the processes of `grace up` run, which nobody types
COMMANDS = [path for path in leaves() if not command_of(path).hidden]
every = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    code = ended.value.code or 0
    return (int(code), *capsys.readouterr())


def parse(words: list[str]) -> tuple[str, ...]:
    """The command that these words call, after every option and argument was read and checked.
    Raises typer.TyperException where one is wrong."""
    command, path = ROOT, ()
    with command.make_context("grace", words) as context:
        while getattr(command, "commands", None):
            words = [*context._protected_args, *context.args]
            if not words and command.invoke_without_command:
                return (*path, "list")  # what a group does by itself
            name, command, rest = command.resolve_command(context, words)
            path = (*path, name)
            context = command.make_context(name, rest, parent=context)
    return path


def examples_of(path: tuple[str, ...]) -> list[list[str]]:
    """As words, without what the shell does with what they print."""
    text = command_of(path).help or ""
    lines = re.findall(r"Example: grace ((?:[^\n]|\n(?!\n|Example:))*)", text)
    return [shlex.split(re.split(r" [>|] ", line)[0]) for line in lines]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 40
    assert ("ledger", "verify") in COMMANDS


@every
def test_its_help_says_what_it_does_in_a_sentence(path: tuple[str, ...]) -> None:
    first = (command_of(path).help or "").partition("\n\n")[0]
    assert re.fullmatch(r"[A-Z].*[.?]", first, re.DOTALL), first


@every
def test_its_example_is_of_itself_and_can_be_typed(path: tuple[str, ...]) -> None:
    examples = examples_of(path)
    assert examples
    assert {parse(_leading(example)) for example in examples} == {path}


@every
def test_every_option_is_explained(path: tuple[str, ...]) -> None:
    silent = [
        parameter.name
        for parameter in command_of(path).params
        if not getattr(parameter, "help", None) and parameter.name != "help"
    ]
    assert silent == []


@every
def test_what_it_does_not_know_is_one_line_and_exit_code_2(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, *path, "--no-such-option")
    assert (code, out) == (BadInput.exit_code, "")
    assert err.startswith("grace: No such option: --no-such-option")
    assert err.endswith(f"; see `grace {' '.join(path)} --help`\n")
    assert err.count("\n") == 1


def test_json_may_stand_before_and_behind_any_command() -> None:
    """`--json` is read before the command is, so it is no command's own option."""
    own = [path for path in COMMANDS if any("--json" in p.opts for p in command_of(path).params)]
    assert own == []
    assert any("--json" in parameter.opts for parameter in ROOT.params)


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (BadInput.exit_code, "")
    assert "Usage: grace" in out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("grace exp", {"experiment", "export"}),
        ("grace ledger ver", {"verify"}),
        ("grace goals a", {"add"}),
    ],
)
def test_a_shell_completes_what_was_begun(typed: str, offered: set[str]) -> None:
    asked = {
        "_GRACE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(typed.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "grace.cli"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == offered
