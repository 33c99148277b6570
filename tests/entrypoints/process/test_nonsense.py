"""Whatever a setting or an option is given, there is one line that says what is wrong with it, and no trace.

The options are those that the parsers have, and the settings those of the struct, so that new ones are tried
too.
"""

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from importlib import import_module

import msgspec
import pytest

from telemetry.entrypoints.process import cli, kinds, settings
from telemetry.entrypoints.process.guide import GUIDES
from telemetry.entrypoints.process.kinds import SettingsError
from telemetry.entrypoints.process.options import Parser
from telemetry.entrypoints.process.settings import Settings

NONSENSE = [
    "inf",
    "-inf",
    "nan",
    "1e12",
    "1e400",
    "-1",
    "1e-12",
    "0x10",
    "",
    " ",
    "nonsense",
    "no/such/folder/file.log",
    "/dev/null/file.log",
    "two\nlines",
    "\u00fc\u4e16\U0001f697",
    "x" * 5000,
    "99999999999999999999999999",
    "http://[::1",
    "http://a..b",
    "9999-12-31T23",
]
"""Values of which no number may be one, and of which few options may."""

REQUIRED = {
    "replay": ["run.log", "--vehicle-id", "v"],
    "health": ["consumer"],
    "keys": ["list"],
    "prove": ["--ledger", "run.jsonl"],
    "provision": ["--dry-run"],
    "dead-letters": ["list"],
    "query": ["FROM hours"],
    "queue": ["check"],
    "skewed": ["list"],
    "vehicle": ["erase", "v"],
}
"""What a command needs beside the option that is tried."""

MORE = {"dead-letters": [["show", "{}"], ["replay", "{}"]], "replay": [["{}", "--vehicle-id", "v"]]}
"""Arguments without a name, which are tried too."""


class _Seen(Exception):  # noqa: N818  # it is none
    """Carries a parser out of the command that made it."""


def options(role: str) -> Sequence[argparse.Action]:
    """List the options of a command that take a value."""

    def seen(self: Parser, _: object) -> object:
        raise _Seen(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parser, "read", seen)
        try:
            import_module(f"telemetry.entrypoints.roles.{role.replace('-', '_')}").main(["--any"])
        except _Seen as carried:
            parser: Parser = carried.args[0]
    return [each for each in parser._actions if each.option_strings and each.nargs != 0]


def commands() -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each command with one value to be tried."""
    for role in sorted(cli.ROLES):
        for option in options(role):
            yield role, [*REQUIRED.get(role, []), f"{option.option_strings[0]}={{}}"]
        for arguments in MORE.get(role, []):
            yield role, arguments


NUMBERS = {
    f"--{field.encode_name.replace('_', '-')}"
    for module in ("estimate", "health", "load_test", "receiver", "simulator", "demo")
    for kind in vars(import_module(f"telemetry.entrypoints.roles.{module}")).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    for field in msgspec.structs.fields(kind)
    if isinstance(field.default, int | float) and not isinstance(field.default, bool)
}
"""The options with numbers: those of the structs of the commands, by their defaults."""


pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where there is no key and no AWS, so that a value that may be leads nowhere either."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.mark.parametrize(
    ("role", "arguments"),
    list(commands()),
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_no_option_is_answered_with_a_trace_or_with_more_than_a_line(role, arguments, capsys):
    for value in NONSENSE:
        with contextlib.suppress(SystemExit):
            status = None
            status = cli.main([role, *(each.replace("{}", value) for each in arguments)])
        said = capsys.readouterr().err
        assert "Errno" not in said
        option = arguments[-1].partition("=")[0]
        if status != 0:
            assert said.count("\n") == 1, said
            assert len(said) < 500
            is_of_none = "nothing stored" in said or "there are no figures" in said
            assert said.startswith((f"telemetry {role}", "there is no letter ")) or is_of_none
        if option in NUMBERS:
            assert status is None or value == "1e-12", f"{option}={value} is taken"
            assert f"argument {option}: " in said or value == "1e-12"


def refusal(name: str, value: str) -> str:
    """Return what is said of a setting's value, or nothing if it may be."""
    try:
        configured = settings.load({name: value})
    except SettingsError as error:
        return str(error)
    # What may be leads to no surprise later.
    assert configured.lease_terms.visibility_ms > 0
    assert configured.partition_policy.past_ms >= 0
    assert configured.batch_limits.age_s > 0
    assert configured.linger_s >= 0
    return ""


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_every_setting_has_a_line_for_what_it_may_not_be(field):
    name = field.name.upper()
    for value in NONSENSE:
        said = refusal(name, value)
        if said:
            assert said.startswith(f"{name}: ")
            assert "\n" not in said
            assert len(said) < 500
        elif isinstance(field.default, int | float):
            # Many bytes, and few records a second, may be.
            assert (value, kinds.unit(field)) in {("1e12", "bytes"), ("1e-12", "records/s")}


@pytest.mark.parametrize("role", [role for role in sorted(cli.ROLES) if GUIDES[role].settings])
def test_a_bad_setting_is_one_line_in_every_role_alike(role, monkeypatch, capsys):
    monkeypatch.setenv("SKEW_MAX_PAST", "1e12")
    assert cli.main([role, *REQUIRED.get(role, [])]) == 1
    said = capsys.readouterr().err
    assert said == f"telemetry {role}: SKEW_MAX_PAST: '1e12': Expected `float` <= 10000000000.0\n"
