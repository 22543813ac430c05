"""`guichet advisors`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from guichet.commands.shared import fail, settings_or_end
from guichet.settings import SettingsError

advisors = typer.Typer(help="Advisors' accounts for the desk.", no_args_is_help=True)


@advisors.command("add")
def advisors_add(
    name: str,
    role: Annotated[str, typer.Option(help="advisor, or supervisor.")] = "advisor",
) -> None:
    """An account; the password is asked, or read from standard input."""
    from desk import commands
    from desk.accounts import ROLES

    found = next((known for known in ROLES if known == role), None)
    if found is None:
        fail(f"unknown role '{role}': {' or '.join(ROLES)}")
    password = _new_password()
    try:
        asyncio.run(commands.add(settings_or_end(), name, password, found))
    except SettingsError as error:
        fail(str(error))
    typer.echo(f"{name} may sign in at /desk")


@advisors.command("list")
def advisors_list() -> None:
    """Every account, its role, and how many sessions it has."""
    from desk import commands

    try:
        for line in asyncio.run(commands.listed(settings_or_end())):
            typer.echo(line)
    except SettingsError as error:
        fail(str(error))


@advisors.command("disable")
def advisors_disable(
    name: str,
    enable: Annotated[bool, typer.Option("--enable", help="Let in again.")] = False,
) -> None:
    """No more signing in; open sessions end."""
    from desk import commands

    try:
        asyncio.run(commands.disable(settings_or_end(), name, not enable))
    except SettingsError as error:
        fail(str(error))


@advisors.command("password")
def advisors_password(
    name: str,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Ask no one-time code any more: a lost telephone.")
    ] = False,
) -> None:
    """A new password; open sessions end."""
    from desk import commands

    password = _new_password()
    try:
        asyncio.run(commands.set_password(settings_or_end(), name, password, no_code))
    except SettingsError as error:
        fail(str(error))


def _new_password() -> str:
    """Never an argument: those stand in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
