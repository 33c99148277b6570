"""What deploy/compute.yaml runs: commands of the image, settings that there are, rights of one role."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import template
from telemetry.entrypoints.process import cli
from telemetry.entrypoints.process.settings import Settings

FILE = Path(__file__).parent.parent / "deploy" / "compute.yaml"
ROLES = ("receiver", "consumer", "aggregator", "compact")
FROM_ELSEWHERE = {"TMPDIR"}  # what the system reads, and no role


@pytest.fixture(scope="module")
def compute() -> dict[str, Any]:
    return template.read(FILE)


def task(compute: dict[str, Any], role: str) -> dict[str, Any]:
    properties: dict[str, Any] = compute["Resources"][f"{role.title()}Task"]["Properties"]
    return properties


def container(compute: dict[str, Any], role: str) -> dict[str, Any]:
    (only,) = task(compute, role)["ContainerDefinitions"]
    return dict(only)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_a_command_of_the_image(compute: dict[str, Any], role: str):
    command = container(compute, role)["Command"]
    assert command[0] == role
    assert role in cli.ROLES


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_given_settings_that_there_are(compute: dict[str, Any], role: str):
    given = container(compute, role)
    names = {each["Name"] for each in [*given["Environment"], *given.get("Secrets", [])]}
    known = {field.name.upper() for field in msgspec.structs.fields(Settings)}
    assert names - known == FROM_ELSEWHERE


def test_only_the_receiver_knows_the_key_and_only_as_a_secret(compute: dict[str, Any]):
    holders = [role for role in ROLES if container(compute, role).get("Secrets")]
    assert holders == ["receiver"]
    assert "API_KEY" not in {each["Name"] for each in container(compute, "receiver")["Environment"]}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_the_policy_of_its_own_and_no_other(compute: dict[str, Any], role: str):
    name = f"{role.title()}Role"
    assert task(compute, role)["TaskRoleArn"] == {"GetAtt": f"{name}.Arn"}
    properties = compute["Resources"][name]["Properties"]
    assert properties["ManagedPolicyArns"] == [{"Ref": f"{role.title()}Policy"}]
    assert "Policies" not in properties


@pytest.mark.parametrize("role", ROLES)
def test_a_role_writes_nowhere_but_to_its_volume_and_its_log(compute: dict[str, Any], role: str):
    given = container(compute, role)
    assert given["ReadonlyRootFilesystem"] is True
    assert [each["ContainerPath"] for each in given["MountPoints"]] == ["/var/lib/telemetry"]
    assert given["LogConfiguration"]["Options"]["awslogs-group"] == {"Ref": "Logs"}
    assert given["StopTimeout"] > Settings().shutdown_timeout


@pytest.mark.parametrize("role", ["consumer", "aggregator"])
def test_a_role_that_does_not_listen_is_asked_whether_it_finishes_its_turns(
    compute: dict[str, Any], role: str
):
    assert container(compute, role)["HealthCheck"]["Command"] == ["CMD", "telemetry", "health", role]


def test_who_compacts_pauses_longer_and_is_given_the_time(compute: dict[str, Any]):
    *asked, within = container(compute, "compact")["HealthCheck"]["Command"]
    assert asked == ["CMD", "telemetry", "health", "compact", "--within"]
    assert int(within) > 2 * Settings().compact_interval
    assert container(compute, "compact")["Command"] == ["compact", "--watch"]


def test_the_load_balancer_closes_idle_connections_before_the_receiver_does(compute: dict[str, Any]):
    attributes = compute["Resources"]["Balancer"]["Properties"]["LoadBalancerAttributes"]
    idle_s = {each["Key"]: each["Value"] for each in attributes}["idle_timeout.timeout_seconds"]
    assert int(idle_s) < Settings().ingest_keep_alive


def test_consumers_scale_by_bytes_that_wait_and_not_by_messages(compute: dict[str, Any]):
    policy = compute["Resources"]["ConsumerScaling"]["Properties"]
    metrics = policy["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]["Metrics"]
    taken = {
        each["Id"]: each["MetricStat"]["Metric"]["MetricName"] for each in metrics if "MetricStat" in each
    }
    assert taken == {
        "waiting": "ApproximateNumberOfMessagesVisible",
        "size": "SentMessageSize",
        "tasks": "RunningTaskCount",
    }
    (formula,) = [each["Expression"] for each in metrics if "Expression" in each]
    assert all(name in formula for name in taken)


def test_what_it_takes_from_the_other_template_is_given_out_there(compute: dict[str, Any]):
    outputs = template.read()["Outputs"]
    wanted = [
        each["Description"].split()[1].rstrip(".")
        for each in compute["Parameters"].values()
        if each.get("Description", "").startswith("Output ")
    ]
    assert len(wanted) == 7
    assert set(wanted) <= outputs.keys()


def test_every_arn_is_of_the_partition_of_the_stack():
    lines = FILE.read_text().splitlines()
    named = [line for line in lines if "arn:aws" in line]
    assert named == []
