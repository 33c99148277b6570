"""The OpenAPI document resolves, its examples are true, and what its page loads is shipped."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

import msgspec
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator

from telemetry.adapters.http import docs
from tests.adapters.http.receiver import Receiver

INGEST: Final = "/ingest"
_OWN: Final = {"README.md", "start.js"}


def document(receiver: Receiver) -> dict[str, Any]:
    described: dict[str, Any] = receiver.app.openapi_schema.to_schema()
    return described


def references(node: object) -> Iterator[str]:
    """Yield all `$ref` in a document, wherever they are."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(whole: dict[str, Any], reference: str) -> Any:
    start, *steps = reference.split("/")
    assert start == "#"
    node: Any = whole
    for step in steps:
        node = node[step]
    return node


def media_types(whole: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield where it is, the media type and its description for all bodies of `POST /ingest`."""
    post = whole["paths"][INGEST]["post"]
    for name, described in post["requestBody"]["content"].items():
        yield "request", name, described
    for status, response in post["responses"].items():
        for name, described in response["content"].items():
            yield status, name, described


def examples(described: dict[str, Any]) -> list[Any]:
    named = [each["value"] for each in described.get("examples", {}).values()]
    return [described["example"]] if "example" in described else named


async def test_every_reference_resolves(receiver: Receiver):
    for path in ("/docs/openapi.json", "/docs/openapi.yaml"):
        whole = msgspec.yaml.decode((await receiver.client.get(path)).content)
        found = set(references(whole))
        assert {"#/components/schemas/Record", "#/components/schemas/Answer"} <= found
        for reference in found:
            assert resolve(whole, reference)


async def test_the_document_is_valid_openapi(receiver: Receiver):
    OpenAPIV31SpecValidator(document(receiver)).validate()


async def test_every_body_has_examples_that_its_schema_allows(receiver: Receiver):
    whole = document(receiver)
    for where, name, described in media_types(whole):
        assert examples(described), f"{where} {name}"
        schema = described["schema"] | {"components": whole["components"]}
        for example in examples(described):
            Draft202012Validator(schema).validate(example)
            if name == "application/problem+json":
                assert str(example["status"]) == where


async def test_the_examples_of_requests_are_taken(receiver: Receiver):
    content = document(receiver)["paths"][INGEST]["post"]["requestBody"]["content"]
    one, array = examples(content["application/json"])
    (lines,) = examples(content["application/x-ndjson"])
    for body, kind, count in (
        (msgspec.json.encode(one), "application/json", 1),
        (msgspec.json.encode(array), "application/json", 2),
        (lines, "application/x-ndjson", 2),
    ):
        answer = await receiver.post(body, kind)
        assert (answer.status_code, answer.json()) == (202, {"accepted": count, "rejected": []})


async def test_the_examples_of_answers_are_answered(receiver: Receiver):
    post = document(receiver)["paths"][INGEST]["post"]
    _, (good, other) = examples(post["requestBody"]["content"]["application/json"])
    bad = other | {"payload": {"battery_soc": 101}}
    answered = {
        status: examples(post["responses"][status]["content"]["application/json"])
        for status in ("202", "422")
    }
    bodies = {"202": [[good, other], [good, bad]], "422": [[bad]]}
    for status, sent in bodies.items():
        for body, expected in zip(sent, answered[status], strict=True):
            answer = await receiver.post(msgspec.json.encode(body))
            assert (str(answer.status_code), answer.json()) == (status, expected)


async def test_taken_and_not_taken_share_the_schema_of_the_answer(receiver: Receiver):
    responses = document(receiver)["paths"][INGEST]["post"]["responses"]
    taken, not_taken = (
        responses[status]["content"]["application/json"]["schema"] for status in ("202", "422")
    )
    assert taken == not_taken == {"$ref": "#/components/schemas/Answer"}


@pytest.mark.parametrize(
    ("path", "method", "status", "header"),
    [
        (INGEST, "post", "401", "WWW-Authenticate"),
        (INGEST, "post", "429", "Retry-After"),
        (INGEST, "post", "503", "Retry-After"),
        ("/health/ready", "get", "503", "Retry-After"),
    ],
)
async def test_the_headers_of_a_refusal_are_described(
    receiver: Receiver, path: str, method: str, status: str, header: str
):
    described = document(receiver)["paths"][path][method]["responses"][status]["headers"][header]
    assert described["required"]
    assert described["schema"]["type"] == ("integer" if header == "Retry-After" else "string")


@pytest.mark.parametrize("can_id", ["0x1FFFFFFF", "0x1fffffff", "0x0", "0x01234567", "0xFFFFFFF"])
async def test_the_schema_of_a_can_id_allows_what_the_receiver_takes(receiver: Receiver, can_id: str):
    await _same(receiver, can_id, 202)


@pytest.mark.parametrize("can_id", ["0x20000000", "0xFFFFFFFF", "0x", "0x000000001", "0X1F0", "1F0"])
async def test_the_schema_of_a_can_id_forbids_what_the_receiver_refuses(receiver: Receiver, can_id: str):
    await _same(receiver, can_id, 422)


async def _same(receiver: Receiver, can_id: str, status: int) -> None:
    whole = document(receiver)
    record = whole["components"]["schemas"]["Record"]["examples"][0] | {"can_id": can_id}
    schema = {"$ref": "#/components/schemas/Record", "components": whole["components"]}
    assert Draft202012Validator(schema).is_valid(record) == (status == 202)
    assert (await receiver.post(msgspec.json.encode(record))).status_code == status


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/assets/nothing.js", "/docs/assets/%2e%2e/page.html"]
)
async def test_below_the_page_there_is_nothing_else_as_a_problem(receiver: Receiver, path: str):
    answer = await receiver.client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_page_names_no_other_host_and_forbids_what_is_not_the_receivers(receiver: Receiver):
    page = await receiver.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert "//" not in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", page.text)


async def test_what_the_page_loads_is_served_with_its_type_and_kept_by_the_browser(receiver: Receiver):
    page = (await receiver.client.get("/docs")).text
    loaded = re.findall(r'(?:src|href)="(/docs/assets/[^"]+)"', page)
    assert len(loaded) == 3
    for address in loaded:
        answer = await receiver.client.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] in {
            "text/css",
            "text/javascript",
            "application/javascript",
        }
        assert answer.headers["cache-control"] == "max-age=31536000, public, immutable"
        # The address holds the content's digest, without which a kept file would outlive an upgrade.
        assert sha256(answer.content).hexdigest().startswith(address.partition("?v=")[2])


def test_the_shipped_files_are_those_that_the_list_beside_them_names():
    listed = dict(
        re.findall(r"^\| `(.+)` \| `(\w{64})` \|$", (docs.ASSETS / "README.md").read_text(), re.MULTILINE)
    )
    shipped = {
        file.name: sha256(file.read_bytes()).hexdigest()
        for file in docs.ASSETS.iterdir()
        if file.name not in _OWN
    }
    assert shipped == listed
