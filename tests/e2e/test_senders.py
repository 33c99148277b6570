"""The roles that send, against a real receiver: what they say when all goes well, and when it does not."""

import signal
from pathlib import Path

from harness.pipeline import Pipeline, proof
from harness.roles import wait_until


def test_a_fleet_drives_and_all_of_it_is_accepted(pipeline: Pipeline):
    pipeline.start("receiver")
    fleet = pipeline.begin("simulator", "--vehicles", "700", "--duration", "0.6", "--url", pipeline.url)
    output, complaints = fleet.communicate(timeout=60)
    assert (fleet.returncode, complaints) == (0, "")
    assert output == "sent 2100 records, 2100 accepted, 0 rejected\n"


def test_a_fleet_told_to_stop_ends_at_once_and_in_order(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    fleet = pipeline.begin("simulator", "--duration", "3600", "--url", pipeline.url)
    wait_until(lambda: pipeline.stored() > 0, "records to be stored")
    fleet.send_signal(signal.SIGTERM)
    output, _ = fleet.communicate(timeout=60)
    assert fleet.returncode == 0
    assert " 0 rejected" in output


def test_records_that_a_key_may_not_send_are_named_and_fail(pipeline: Pipeline, tmp_path: Path):
    keys = tmp_path / "keys.json"
    keys.write_text('[{"key": "depot", "vehicles": ["depot-*"]}]')
    pipeline.environment["API_KEYS_FILE"] = str(keys)
    pipeline.start("receiver")
    pipeline.environment["API_KEY"] = "depot"
    fleet = pipeline.begin("simulator", "--duration", "0.2", "--url", pipeline.url)
    output, complaints = fleet.communicate(timeout=60)
    assert fleet.returncode == 1
    assert output == "sent 10 records, 0 accepted, 0 rejected\n"
    assert "not sent" in complaints
    assert "may not send for vehicle" in complaints


def test_a_fleet_whose_key_is_unknown_ends_at_once(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.environment["API_KEY"] = "unknown"
    fleet = pipeline.begin("simulator", "--duration", "3600", "--connections", "1", "--url", pipeline.url)
    output, complaints = fleet.communicate(timeout=60)
    assert fleet.returncode == 1
    assert output == "sent 10 records, 0 accepted, 0 rejected\n"
    assert complaints.startswith(f"not sent: {pipeline.url}: 401 ")
    assert complaints.count("\n") == 1


def test_a_body_over_the_limit_is_named_and_fails(pipeline: Pipeline):
    pipeline.environment["INGEST_MAX_BODY"] = "1000"
    pipeline.start("receiver")
    fleet = pipeline.begin("simulator", "--duration", "0.2", "--url", pipeline.url)
    _, complaints = fleet.communicate(timeout=60)
    assert fleet.returncode == 1
    assert "413" in complaints


def test_a_sender_over_its_rate_is_slowed_and_loses_nothing(pipeline: Pipeline):
    pipeline.environment["INGEST_RATE"] = "1000"
    pipeline.start("receiver")
    pipeline.start("consumer")
    load = pipeline.begin("load-test", "--messages", "3000", "--rate", "max", "--url", pipeline.url)
    output, complaints = load.communicate(timeout=120)
    assert load.returncode == 0, complaints
    assert proof(output)["unique"] == 3000


def test_a_load_that_is_cut_short_proves_what_it_sent(pipeline: Pipeline):
    pipeline.start("receiver")
    pipeline.start("consumer")
    load = pipeline.begin("load-test", "--messages", "1000000", "--rate", "500", "--url", pipeline.url)
    wait_until(lambda: pipeline.stored() > 0, "records to be stored")
    load.send_signal(signal.SIGTERM)
    output, _ = load.communicate(timeout=120)
    assert load.returncode == 0
    assert 0 < proof(output)["sent"] == proof(output)["stored"] < 1_000_000


def finish_impatient_load(pipeline: Pipeline) -> tuple[str, str]:
    """Send 20 records and do not wait for storage; return the last line of the output, and the complaints."""
    options = ("--messages", "20", "--rate", "max", "--settle", "0", "--url", pipeline.url)
    load = pipeline.begin("load-test", *options)
    output, complaints = load.communicate(timeout=60)
    assert load.returncode == 1
    return output.splitlines()[-1], complaints


def test_records_that_wait_in_the_queue_are_pending_and_a_consumer_is_asked_for(pipeline: Pipeline):
    pipeline.start("receiver")
    last, complaints = finish_impatient_load(pipeline)
    counts = "sent=20 accepted=20 stored=0 unique=0 duplicates=0 pending=20 lost=0"
    assert last == f"proof: {counts} p50=- p95=- p99=-"
    assert complaints == (
        "pending: 20 records in the queue: does a consumer run? "
        f"none has left a sign of life in {pipeline.data}/health/\n"
    )


def test_records_that_are_neither_in_the_store_nor_in_the_queue_are_counted_as_lost(pipeline: Pipeline):
    pipeline.environment["QUEUE_BACKEND"] = "memory"  # which nobody but this receiver sees
    pipeline.start("receiver")
    del pipeline.environment["QUEUE_BACKEND"]
    last, complaints = finish_impatient_load(pipeline)
    counts = "sent=20 accepted=20 stored=0 unique=0 duplicates=0 pending=0 lost=20"
    assert last == f"proof: {counts} p50=- p95=- p99=-"
    assert complaints == ""


def test_the_key_is_in_no_log_and_no_list_of_processes(pipeline: Pipeline):
    pipeline.environment["API_KEY"] = "a-key-that-nobody-else-has"
    receiver = pipeline.start("receiver")
    fleet = pipeline.begin("simulator", "--duration", "0.2", "--url", pipeline.url)
    output, complaints = fleet.communicate(timeout=60)
    said = output + complaints + pipeline.log("receiver") + Path(f"/proc/{receiver.pid}/cmdline").read_text()
    assert "a-key-that-nobody-else-has" not in said
