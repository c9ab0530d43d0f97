"""What is true of every command: it explains itself, is documented, and shows its user no traceback."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import typer.main
from cli_support import Run

from callpost import __version__
from callpost.cli.app import app

_DOCUMENT = Path(__file__).parents[2] / "docs" / "commands.md"


def _commands(group: Any, path: str = "callpost") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


_COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_says_what_it_does_and_what_each_option_means(name: str) -> None:
    command = _COMMANDS[name]
    assert command.help
    for parameter in command.params:
        assert parameter.hidden or parameter.help, f"{parameter.name} has no help"


@pytest.mark.parametrize("name", _COMMANDS)
def test_a_command_is_documented_with_an_example_and_every_option(name: str) -> None:
    sections = re.split(r"^## ", _DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = next((text for text in sections if text.startswith(f"`{name}`\n")), None)
    assert section, f"docs/commands.md has no section `{name}`"
    examples = "".join(re.findall(r"```\n(.*?)```", section, flags=re.DOTALL))
    assert re.search(rf"^\$ (?:[A-Z_]+=\S+ )*{name}\b", examples, flags=re.MULTILINE), f"no example of {name}"
    for parameter in _COMMANDS[name].params:
        for option in parameter.opts:
            assert parameter.hidden or not option.startswith("--") or option in section, (
                f"{option} is missing"
            )


def test_every_documented_command_exists() -> None:
    documented = re.findall(r"^## `(.+)`$", _DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert documented == list(dict.fromkeys(documented)), "each once"
    assert set(documented) == set(_COMMANDS)


def test_it_shows_its_version_and_its_help(run: Run) -> None:
    assert run("--version").stdout == f"callpost {__version__}\n"
    assert "serve" in run("--help").stdout
    assert "docs" not in run(code=2).stdout


def test_an_unknown_command_is_wrong_usage(run: Run) -> None:
    assert "No such command" in run("sevre", code=2).stderr


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"CALLPOST_PORT": "eighty"}, "CALLPOST_PORT"),
        (
            {"CALLPOST_DATABASE_URL": "postgresql://me:hush@127.0.0.1:1/none"},
            "CALLPOST_DATABASE_URL cannot be used",
        ),
        ({"CALLPOST_DATABASE_URL": "mysql://me:hush@127.0.0.1/none"}, "CALLPOST_DATABASE_URL cannot be used"),
        ({"CALLPOST_DATA": "/proc/nowhere"}, "Choose another one with --data or CALLPOST_DATA"),
    ],
)
def test_a_wrong_setting_is_named(run: Run, environment: dict[str, str], message: str) -> None:
    done = run("organization", "show", code=1, **environment)
    assert message in done.stderr
    assert "hush" not in done.stderr
    assert not done.stdout


def test_a_database_that_does_not_exist_is_named(run: Run, postgres_url: str) -> None:
    url = urlunsplit(urlsplit(postgres_url)._replace(path="/no_such_database"))
    done = run("keys", "list", code=1, CALLPOST_DATABASE_URL=url)
    assert "CALLPOST_DATABASE_URL cannot be used" in done.stderr
    assert "no_such_database" in done.stderr
