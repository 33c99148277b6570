"""The options of a command: frozen structs, with types, bounds and defaults, made of what argparse read.

A bad value ends the process with status 2 and one line that names the option.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, Self, TypeVar

import msgspec
from msgspec import Meta

Options = TypeVar("Options", bound=msgspec.Struct)

Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]  # 30 years: longer is a mistake
PositiveSeconds = Annotated[float, Meta(gt=0, le=1e9)]


class Parser(argparse.ArgumentParser):
    """The parser of one command."""

    @classmethod
    def of(cls, role: str, doc: str | None) -> Self:
        """Make the parser of `telemetry ROLE`, described by the docstring of the role's module."""
        return cls(f"telemetry {role}", description=doc)

    def add(self, kind: type[msgspec.Struct], **help_texts: str) -> None:
        """Add an option for each field of `kind` that has a help text, with the default that `kind` gives it.

        A text may begin with what stands for the value in the help: `SECONDS: of driving`.
        """
        defaults = {field.encode_name: field.default for field in msgspec.structs.fields(kind)}
        for name, text in help_texts.items():
            metavar, colon, what = text.partition(": ")
            default = defaults[name]
            shown = "" if default in (None, msgspec.NODEFAULT) else f" (default: {default})"
            self.add_argument(
                f"--{name.replace('_', '-')}",
                default=argparse.SUPPRESS,
                metavar=metavar if colon else None,
                help=f"{what}{shown}",
            )

    def read(self, arguments: Sequence[str]) -> "Arguments":
        return Arguments(self, vars(self.parse_args(arguments)))

    def error(self, message: str) -> NoReturn:
        """End the process with one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


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
