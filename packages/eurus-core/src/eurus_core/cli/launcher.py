"""The ``eurus`` command: a click group whose subcommands come from plugins and are imported when they are used."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from eurus_core.cli import typed
from eurus_core.errors import UnknownName, UserError
from eurus_core.parts import installed

SURROUNDINGS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EIO,
    errno.EISDIR,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
}
"""What the system answers when the place, not the code, is at fault: no room, no permission, no such kind of file."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Launcher(click.Group):
    """Lists commands by their descriptors alone: neither help nor completion imports one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        typed.keep(ctx, args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(installed().offers("commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        try:
            offer = installed().find("commands", cmd_name)
        except UnknownName as error:
            raise click.UsageError(str(error), ctx) from None
        command = offer.load()
        if not isinstance(command, click.Command):
            raise UserError(f"command {cmd_name!r} of {offer.distribution} is not a click command.")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would end with 1, as if something had gone wrong
            _end_unread()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, offer.component.summary) for name, offer in sorted(installed().offers("commands").items())]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        if broken := installed().broken():
            with formatter.section("Not loaded"):
                formatter.write_dl([(plugin.distribution, plugin.problem) for plugin in broken])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        offers = installed().offers("commands")
        return [
            CompletionItem(name, help=offer.component.summary)
            for name, offer in sorted(offers.items())
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=Launcher,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with 'eurus recipe list', and 'eurus COMMAND --help' for examples.",
)
@click.version_option(package_name="eurus-core", prog_name="eurus")
def cli() -> None:
    """Grow preference trees, learn from them, judge the result (arXiv 2404.02078)."""


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line: a user's mistake is one line and exit status 2, a bug is a traceback and 1."""
    # A thread that waits by spinning keeps the working one from its core where cores are shared: at load 4 on two cores a
    # bfloat16 product of (64, 576) by (576, 1536) took 0.9 ms so, 0.3 ms this way. Read when OpenMP is loaded, hence here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _interrupt)  # a scheduler's warning is as good as Ctrl-C
    try:
        os.getcwd()  # noqa: PTH109 - libraries fail in odd ways, MKL fatally, where the folder one stands in is gone
    except FileNotFoundError:
        _refuse("the current folder was removed. Change to one that exists.")
    try:
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell makes its background jobs deaf to Ctrl-C
            signal.signal(
                signal.SIGINT, signal.default_int_handler
            )  # no longer the end at once: what runs keeps its work
        status = cli.main(prog_name="eurus", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        _refuse(str(error))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            _end_unread()
        if error.errno not in SURROUNDINGS:
            raise
        hint = " Make room and run the same command again." if error.errno == errno.ENOSPC else ""
        _refuse(f"{error.filename or 'a file or standard output'}: {error.strerror}.{hint}")
    except (KeyboardInterrupt, click.Abort) as error:
        said = error.__cause__ if isinstance(error, click.Abort) else error  # click makes the one of the other
        click.echo(" ".join(["\neurus: interrupted.", *map(str, said.args if said is not None else ())]), err=True)
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)


def _end_unread() -> NoReturn:
    """End quietly, as SIGPIPE would: whoever read our output has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains again at exit
    sys.exit(141)


def _refuse(text: str) -> NoReturn:
    """Tell a person what to mend; control characters of names and data are shown, not sent to the terminal."""
    click.echo("eurus: " + _CONTROL.sub(lambda found: repr(found[0])[1:-1], text), err=True)
    sys.exit(2)
