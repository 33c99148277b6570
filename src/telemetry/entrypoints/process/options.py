"""The options of a command: frozen structs, with types, bounds and defaults, made of what argparse read.

A bad value ends the process with status 2 and one line that names the option.
"""

import argparse
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NoReturn, Self, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from telemetry.domain.contract.moment import Hour, epoch_ms, hour_of
from telemetry.entrypoints.process.guide import GUIDES, Guide

_ASKED: Final = ("\0",)  # arguments that no command line can hold
_WIDTH: Final = 78  # characters of a line of help
_LONGEST: Final = 300  # characters of an error

Options = TypeVar("Options", bound=msgspec.Struct)

Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Seed = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]  # 30 years: longer is a mistake
PositiveSeconds = Annotated[float, Meta(ge=0.001, le=1e9)]


class Parser(argparse.ArgumentParser):
    """The parser of one command."""

    @classmethod
    def of(cls, role: str, doc: str | None) -> Self:
        """Make the parser of `telemetry ROLE`, described by the docstring of its module and by its guide."""
        paragraphs = [textwrap.fill(" ".join(each.split()), _WIDTH) for each in (doc or "").split("\n\n")]
        return cls(
            f"telemetry {role}",
            description="\n\n".join(paragraphs),
            epilog=_epilog(GUIDES[role]) if role in GUIDES else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    @staticmethod
    def of_command(main: Callable[[Sequence[str]], object]) -> "Parser":
        """Return the parser that a command makes in its `main`, which does nothing else then."""
        try:
            main(_ASKED)
        except _ParserMadeError as made:
            return made.parser
        raise AssertionError(f"{main.__module__} reads no arguments")

    def add(
        self,
        kind: type[msgspec.Struct],
        checks: Mapping[str, Callable[[str], object]] | None = None,
        **help_texts: str,
    ) -> None:
        """Add an option for each field of `kind` that has a help text, with the default that `kind` gives it.

        A text may begin with what stands for the value in the help: `SECONDS: of driving`. `checks` holds, by
        field, what reads the value and raises ArgumentTypeError if it may not be.
        """
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name, text in help_texts.items():
            metavar, colon, what = text.partition(": ")
            default = fields[name].default
            shown = "" if default in (None, msgspec.NODEFAULT) else f" (default: {default})"
            self.add_argument(
                f"--{name.replace('_', '-')}",
                default=argparse.SUPPRESS,
                type=(checks or {}).get(name, str),
                choices=_words(fields[name].type),
                metavar=metavar if colon else None,
                help=f"{what}{shown}",
            )

    def read(self, arguments: Sequence[str]) -> "Arguments":
        if arguments is _ASKED:
            raise _ParserMadeError(self)
        return Arguments(self, vars(self.parse_args(arguments)))

    def error(self, message: str) -> NoReturn:
        """End the process with one line."""
        self.exit(2, f"{self.prog}: {one_line(message)}; see {self.prog} --help\n")


class _ParserMadeError(Exception):
    """A command has made its parser, and only that was wanted of it."""

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser


def _words(kind: object) -> Sequence[str] | None:
    """Return the words that an option may be, if only some may."""
    if get_origin(kind) is Literal:
        return get_args(kind)
    return next(filter(None, map(_words, get_args(kind))), None)


def one_line(text: str) -> str:
    """Put a text on one line of bounded length, whatever value somebody gave that is in it."""
    line = "\\n".join(text.splitlines())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"


def _epilog(guide: Guide) -> str:
    example = f"example:\n  {guide.example}"
    if not guide.settings:
        return example
    names = textwrap.fill(
        ", ".join(guide.settings), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    return f"settings (see telemetry settings):\n{names}\n\n{example}"


def hour(text: str) -> Hour:
    """Read an hour of UTC: `2025-10-19T14`."""
    try:
        return hour_of(epoch_ms(datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no hour like 2025-10-19T14") from None


def new_file(text: str) -> Path:
    """Read the name of a file that is to be written: in a folder that is there, and no folder itself."""
    path = Path(text)
    try:
        if not path.parent.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: there is no folder {path.parent}")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text!r} is a folder, and no file")
    except (OSError, ValueError) as error:  # a name that is too long, or holds what no name may hold
        raise argparse.ArgumentTypeError(f"{text[:60]!r} cannot be the name of a file") from error
    return path


class Arguments:
    """What was given on the command line."""

    def __init__(self, parser: Parser, given: Mapping[str, Any]) -> None:
        self._parser = parser
        self._given = given

    def to(self, kind: type[Options]) -> Options:
        """Convert into options.

        End the process, naming the option, if one has a value that it may not have.
        """
        try:
            return msgspec.convert(self._given, kind, strict=False, dec_hook=_make)
        except msgspec.ValidationError as error:
            why, _, path = str(error).partition(" - at `$.")
            name = path.rstrip("`").partition("[")[0]
            self._parser.error(f"argument --{name.replace('_', '-')}: {self._given.get(name)}: {why}")


def _make(kind: Callable[[object], object], value: object) -> object:
    """Make what msgspec cannot make of a text."""
    return kind(value)
