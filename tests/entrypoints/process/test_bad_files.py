"""Files and folders that are not what they have to be: one line that names them, before anything starts."""

import socket
from pathlib import Path

import pytest

from telemetry.entrypoints.process import cli, settings
from telemetry.entrypoints.process.kinds import SettingsError
from tests.entrypoints.roles.replaying import FRAMES, write

pytestmark = pytest.mark.usefixtures("elsewhere")

ROLES = [
    role
    for role in sorted(cli.ROLES)
    if role
    not in (
        "completion",
        "dead-letters",
        "health",
        "keys",
        "prove",
        "provision",
        "query",
        "queue",
        "replay",
        "skewed",
        "vehicle",
    )
]
"""The commands that need no option."""


@pytest.fixture
def dotenv() -> Path:
    return Path(".env")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("role", ROLES)
def test_a_file_of_settings_that_is_no_text_is_named_by_every_role(role, encoding, dotenv, capsys):
    dotenv.write_text("API_KEY=k\nBATCH_SIZE=5\n", encoding=encoding)
    assert cli.main([role]) == 1
    assert capsys.readouterr().err == f"telemetry {role}: .env: it is no text in UTF-8; save it as such\n"


def test_a_file_of_settings_that_is_binary_is_named(dotenv, capsys):
    dotenv.write_bytes(bytes(range(256)))
    assert cli.main(["consumer"]) == 1
    assert capsys.readouterr().err.startswith("telemetry consumer: .env: it is no text in UTF-8")


def test_a_byte_order_mark_does_not_hide_the_first_setting(dotenv):
    dotenv.write_text("BATCH_SIZE=5\n", encoding="utf-8-sig")
    assert settings.load({}, dotenv).batch_size == 5


def test_a_line_that_sets_nothing_is_named_by_its_number(dotenv, caplog):
    dotenv.write_text("BATCH_SIZE=5\n\n# a comment\nBATCH TIMEOUT 5\n")
    with pytest.raises(SettingsError, match=r"^\.env: line 4 is not NAME=value$"):
        settings.load({}, dotenv)
    assert not caplog.records


@pytest.mark.parametrize("inside", ["", "/data"])
@pytest.mark.parametrize("role", ROLES)
def test_a_data_folder_that_is_a_file_is_named_by_every_role(role, inside, monkeypatch, capsys):
    Path("file").touch()
    monkeypatch.setenv("DATA_DIR", f"file{inside}")
    assert cli.main([role]) == 1
    assert capsys.readouterr().err == (
        f"telemetry {role}: DATA_DIR: file{inside}: file is a file, and no folder\n"
    )


@pytest.mark.parametrize(
    ("role", "option"),
    [
        (["simulator"], "--ledger"),
        (["simulator"], "--output"),
        (["simulator"], "--plot"),
        (["load-test"], "--ledger"),
        (["replay", "run.log", "--vehicle-id", "v"], "--ledger"),
    ],
)
def test_a_file_in_a_folder_that_is_not_there_is_named_by_its_option(role, option, monkeypatch, capsys):
    monkeypatch.setenv("API_KEY", "k")
    write(Path("run.log"), FRAMES)
    for name, why in (
        ("missing/run.png", "there is no folder missing"),
        (".", "'.' is a folder, and no file"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main([*role, option, name])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert said.startswith(f"telemetry {role[0]}: argument {option}: ")
        assert why in said
        assert said.count("\n") == 1


def test_a_picture_of_a_kind_that_cannot_be_drawn_is_refused_before_it_is_drawn(capsys):
    with pytest.raises(SystemExit):
        cli.main(["simulator", "--plot", "drive.docx"])
    assert (
        "argument --plot: 'drive.docx': its ending is none of .png, .svg, .pdf, .jpg"
        in capsys.readouterr().err
    )


def test_no_vehicle_is_not_drawn(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["simulator", "--vehicles", "0", "--plot", "drive.png"])
    assert ended.value.code == 2
    assert "argument --vehicles: 0: " in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"t_s,pack_A\n0\n", b"t_s,pack_A\n" + b"\0" * 9])
def test_a_trace_that_is_no_table_is_named(content, capsys):
    Path("trace.csv").write_bytes(content)
    assert cli.main(["simulator", "--trace", "trace.csv"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("telemetry simulator: trace.csv: ")
    assert said.count("\n") == 1


def test_a_ledger_that_is_binary_is_named(capsys):
    Path("run.jsonl").write_bytes(b'{"sent_at": "\xff\xfe"}\n')
    assert cli.main(["prove", "--ledger", "run.jsonl"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("telemetry prove: run.jsonl: it is no ledger: ")
    assert said.count("\n") == 1


def test_a_log_with_a_torn_line_is_measured_by_the_others(capsys):
    batch = '{"event": "Batch processed", "size": 1000, "messages": 4, "objects": 2, "bytes": 250000}\n'
    Path("log").write_bytes(batch.encode() + b'{"event": "Batch pro' + b"\n{\xff\n")
    assert cli.main(["estimate", "--measured", "log"]) == 0
    assert "measured" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["prove", "--ledger", "none"], ["estimate", "--measured", "none"]])
def test_a_file_that_is_not_there_is_named_without_a_number(command, capsys):
    assert cli.main(command) == 1
    assert capsys.readouterr().err == f"telemetry {command[0]}: No such file or directory: 'none'\n"


def test_a_port_that_is_in_use_is_named(monkeypatch, capsys):
    monkeypatch.setenv("API_KEY", "k")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert cli.main(["receiver", "--port", str(port)]) == 1
    assert capsys.readouterr().err == f"telemetry receiver: --port: {port}: Address already in use\n"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "192.0.2.1", ""])
def test_an_address_that_nobody_can_listen_on_is_named(host, monkeypatch, capsys):
    monkeypatch.setenv("API_KEY", "k")
    assert cli.main(["receiver", "--host", host]) == 1
    said = capsys.readouterr().err
    assert said.startswith("telemetry receiver: --host: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("key", ["two words", "k\n", "schl\u00fcssel", "\t"])
def test_a_key_that_no_header_carries_is_named_and_not_shown(key):
    with pytest.raises(SettingsError, match="^API_KEY: it has blanks or characters") as refused:
        settings.load({"API_KEY": key})
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("QUEUE_BACKEND", "kafka", "sqlite, sqs, memory, MODULE:NAME"),
        ("STORAGE_BACKEND", "tape", "local, s3, memory"),
        ("LOG_LEVEL", "debug", "DEBUG, INFO, WARNING, ERROR"),
        ("LOG_FORMAT", "xml", "text, json"),
        ("RAW_FORMAT", "csv", "jsonl, jsonl.zst"),
    ],
)
def test_of_a_choice_all_values_are_listed(name, value, allowed):
    with pytest.raises(SettingsError, match=f"^{name}: '{value}': expected one of {allowed}$"):
        settings.load({name: value})


def test_a_value_that_is_rounded_to_nothing_is_refused():
    with pytest.raises(SettingsError, match=r"^QUEUE_VISIBILITY_TIMEOUT: '0.0004': .* it would round to 0$"):
        settings.load({"QUEUE_VISIBILITY_TIMEOUT": "0.0004"})
    with pytest.raises(SettingsError, match="^SHUTDOWN_TIMEOUT: '0.3': "):
        settings.load({"SHUTDOWN_TIMEOUT": "0.3"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUEUE_VISIBILITY_TIMEOUT", "0.4"),
        ("QUEUE_VISIBILITY_TIMEOUT", "43201"),
        ("QUEUE_MAX_RECEIVES", "1001"),
    ],
)
def test_what_sqs_does_not_take_is_refused_with_it_and_only_with_it(name, value):
    assert settings.load({name: value})
    with pytest.raises(SettingsError, match=f"^{name}: .* with QUEUE_BACKEND=sqs$"):
        settings.load({name: value, "QUEUE_BACKEND": "sqs", "SQS_QUEUE_URL": "u"})


def test_a_visibility_that_sqs_does_not_take_is_not_provisioned(monkeypatch, capsys):
    monkeypatch.setenv("QUEUE_VISIBILITY_TIMEOUT", "0.4")
    assert cli.main(["provision", "--dry-run", "--bucket", "some-bucket"]) == 1
    assert (
        capsys.readouterr().err
        == "telemetry provision: QUEUE_VISIBILITY_TIMEOUT: expected 1 to 43200 on SQS\n"
    )


def test_hours_in_the_wrong_order_are_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["aggregator", "--from", "2025-10-19T14", "--to", "2025-10-19T13"])
    assert "argument --to: it is before --from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "https://[::1]:1", "http://a-b.example/path", "http://h."]
)
@pytest.mark.parametrize("role", ["simulator", "load-test"])
def test_an_address_of_a_receiver_is_taken(role, url, capsys):
    assert cli.main([role, "--url", url]) == 1
    assert "API_KEY: not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://h", "http://", "http://h:99999", "http://h:0", "http://a b"]
)
@pytest.mark.parametrize("role", ["simulator", "load-test"])
def test_an_address_that_is_none_is_refused(role, url, capsys):
    with pytest.raises(SystemExit):
        cli.main([role, "--url", url])
    assert f"argument --url: {url!r}: it is an address like http://127.0.0.1:8000" in capsys.readouterr().err
