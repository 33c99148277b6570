"""Settings are read once and checked by name."""

import os
import re
from pathlib import Path

import pytest

from telemetry.entrypoints.process import settings
from telemetry.entrypoints.process.kinds import Secret, SettingsError
from telemetry.entrypoints.process.settings import Settings

NO_FILE = Path("there-is-no-such-file")


def load(**environment: str) -> Settings:
    return settings.load(environment, NO_FILE)


def test_without_any_setting_the_embedded_pipeline_is_configured():
    assert load() == Settings()
    assert load().queue_file == Path("data/queue.db")


def test_each_setting_is_the_environment_variable_of_its_name():
    configured = load(BATCH_SIZE="7", BATCH_TIMEOUT="0.5", DATA_DIR="/srv/t", LOG_FORMAT="json", API_KEY="k")
    assert configured.batch_limits.count == 7
    assert configured.batch_limits.age_s == 0.5
    assert configured.data_dir == Path("/srv/t")
    assert configured.log_format == "json"
    assert configured.api_key == "k"


def test_durations_reach_the_rules_in_their_own_unit():
    configured = load(QUEUE_VISIBILITY_TIMEOUT="1.5", SKEW_MAX_PAST="60", SKEW_MAX_FUTURE="0")
    assert configured.lease_terms.visibility_ms == 1500
    assert (configured.partition_policy.past_ms, configured.partition_policy.future_ms) == (60_000, 0)


def test_on_sqs_a_post_waits_longer_for_others_unless_it_is_said_how_long():
    assert load().linger_s == 0
    on_sqs = {"QUEUE_BACKEND": "sqs", "SQS_QUEUE_URL": "u"}
    assert load(**on_sqs).linger_s == 0.05
    assert load(**on_sqs, INGEST_LINGER="0").linger_s == 0


def test_the_environment_goes_before_the_file(tmp_path: Path):
    file = tmp_path / ".env"
    file.write_text("BATCH_SIZE=5\nBATCH_TIMEOUT=9\nLOG_LEVEL\n")
    configured = settings.load({"BATCH_SIZE": "6"}, file)
    assert (configured.batch_size, configured.batch_timeout) == (6, 9)


def test_the_process_environment_is_read_unless_another_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BATCH_SIZE", "11")
    assert settings.load(dotenv=NO_FILE).batch_size == 11


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_SIZE", "0"),
        ("BATCH_SIZE", "many"),
        ("BATCH_TIMEOUT", "-1"),
        ("QUEUE_BACKEND", "kafka"),
        ("STORAGE_BACKEND", "tape"),
        ("LOG_LEVEL", "LOUD"),
        ("PARTITION_BUCKETS", "1001"),
        ("RAW_FORMAT", "csv"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str):
    with pytest.raises(SettingsError, match=f"^{name}: "):
        load(**{name: value})


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("BATCH_SIZES", "BATCH_SIZE"), ("LOGLEVEL", "LOG_LEVEL"), ("API_KEYS", "API_KEY")]
)
def test_a_misspelt_name_is_refused_with_what_was_meant(misspelt: str, meant: str):
    with pytest.raises(SettingsError, match=f"{misspelt}: unknown, did you mean {meant}"):
        load(**{misspelt: "1"})


def test_a_name_of_one_of_our_families_that_is_like_none_is_refused_with_all_there_are():
    with pytest.raises(SettingsError, match="BATCH_COLOUR: unknown; there are .*BATCH_SIZE"):
        load(BATCH_COLOUR="red")


@pytest.mark.parametrize("name", ["PATH", "HOME", "AWS_REGION", "XDG_DATA_DIRS", "MY_API_KEY", "LOGNAME"])
def test_names_of_others_are_left_alone(name: str):
    assert load(**{name: "anything"}) == Settings()


@pytest.mark.parametrize(
    ("backend", "missing"),
    [
        ({"QUEUE_BACKEND": "sqs"}, "SQS_QUEUE_URL"),
        ({"STORAGE_BACKEND": "s3"}, "S3_BUCKET"),
    ],
)
def test_a_backend_without_its_address_is_refused_by_the_name_of_that(backend: dict[str, str], missing: str):
    with pytest.raises(SettingsError, match=f"^{missing}: not set"):
        load(**backend)
    assert load(**backend, **{missing: "somewhere"})


def test_what_the_file_says_of_aws_reaches_its_sdk_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / ".env"
    file.write_text("AWS_PROFILE=file\nAWS_CA_BUNDLE=file\nBATCH_SIZE=5\n")
    monkeypatch.setenv("AWS_PROFILE", "environment")
    monkeypatch.setenv("AWS_CA_BUNDLE", "")
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert settings.load(dotenv=file).batch_size == 5
    assert (os.environ["AWS_PROFILE"], os.environ["AWS_CA_BUNDLE"]) == ("environment", "file")
    assert "BATCH_SIZE" not in os.environ


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(SettingsError) as caught:
        load(BATCH_SIZE="0", BATCH_TIMOUT="3", LOG_FORMAT="xml")
    assert all(name in str(caught.value) for name in ("BATCH_SIZE", "BATCH_TIMOUT", "LOG_FORMAT"))


def test_a_secret_does_not_show_itself_in_the_settings():
    assert "hush" not in repr(load(API_KEY="hush"))
    assert repr(Secret("hush")) == "'***'"


@pytest.mark.parametrize(
    ("mode", "file_mode", "folder_mode", "umask"),
    [(None, 0o600, 0o700, 0o077), ("group", 0o660, 0o770, 0o007), ("umask", None, None, 0o022)],
)
def test_what_a_process_makes_is_as_private_as_it_is_set(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, file_mode: object, folder_mode: object, umask: int
):
    before = os.umask(0o022)
    try:
        if mode:
            monkeypatch.setenv("FILE_MODE", mode)
        modes = settings.load(dotenv=NO_FILE).modes
        assert (modes.file, modes.folder) == (file_mode, folder_mode)
        assert os.umask(0o022) == umask  # of heartbeats, ledgers and logs
    finally:
        os.umask(before)


def test_settings_of_another_environment_leave_the_umask_alone():
    before = os.umask(0o022)
    load()
    assert os.umask(before) == 0o022


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "DATA_DIR: data: expected an absolute path with ENGINE=dask"),
        ({"DATA_DIR": "/nowhere", "STORAGE_BACKEND": "memory"}, "ENGINE: dask: workers cannot read"),
        ({"DATA_DIR": "/nowhere", "DASK_SCHEDULER": "10.0.0.7"}, "DASK_SCHEDULER: '10.0.0.7'"),
    ],
)
def test_what_workers_elsewhere_could_not_use_is_refused(given, why):
    cluster = {"ENGINE": "dask", "DASK_SCHEDULER": "tcp://10.0.0.7:8786"}
    with pytest.raises(SettingsError, match=re.escape(why)):
        settings.load(cluster | given, Path("nowhere"))
    with pytest.raises(SettingsError, match="^DASK_SCHEDULER: not set; ENGINE=dask needs it"):
        settings.load({"ENGINE": "dask"}, Path("nowhere"))


@pytest.mark.parametrize(
    ("given", "at_once"),
    [
        ({}, 1),
        ({"AGGREGATE_PROCESSES": "3"}, 3),
        ({"ENGINE": "dask", "DASK_SCHEDULER": "tcp://10.0.0.7:8786", "DATA_DIR": "/nowhere"}, 32),
    ],
)
def test_as_many_hours_are_compacted_at_once_as_there_is_room_for(given, at_once):
    assert settings.load(given, Path("nowhere")).compactions_at_once == at_once
