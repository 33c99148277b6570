"""The store on S3: what the port does not ask for, and what happens when a call fails."""

from collections.abc import AsyncIterator

import pytest

from harness.cloud import Cloud
from harness.stub import RESET, Answer, Call, Stub, s3_error
from telemetry.adapters.storage.s3 import S3Storage
from telemetry.domain.contract.moment import start_ms
from telemetry.domain.store.storage import ObjectExistsError, StoreUnavailableError
from tests.builders import HOUR

BUSY = s3_error("SlowDown", 503)
EXISTS = s3_error("PreconditionFailed", 412)


@pytest.fixture
async def stubbed(stub: Stub) -> AsyncIterator[S3Storage]:
    stub.script = lambda _: Answer(200)
    made = S3Storage("bucket")
    stub.calls.clear()
    yield made
    await made.close()


@pytest.fixture
async def bucket(cloud: Cloud) -> str:
    return cloud.bucket()


def once(answer: Answer, then: Answer, reads: bytes = b"1"):
    """Answer the first put so and the others so; what is read holds `reads`."""
    puts = iter([answer])
    return lambda call: next(puts, then) if call.verb.startswith("PUT") else Answer(200, reads)


def puts(stub: Stub) -> list[Call]:
    return [call for call in stub.calls if call.verb.startswith("PUT")]


async def test_a_put_is_conditional_and_carries_a_checksum(stub: Stub, stubbed):
    await stubbed.put("raw/a.jsonl", b"1")
    (call,) = stub.calls
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert call.verb.endswith("/raw/a.jsonl")
    assert headers["if-none-match"] == "*"
    assert any(name.startswith("x-amz-checksum-crc") for name in headers)


async def test_a_put_does_not_ask_first_whether_its_body_is_welcome(stub: Stub, stubbed):
    await stubbed.put("raw/a.jsonl", b"1")
    assert "expect" not in {name.lower() for name in stub.calls[0].headers}


async def test_a_put_that_may_overwrite_has_no_condition(stub: Stub, stubbed):
    await stubbed.put("a", b"1", overwrite=True)
    assert "if-none-match" not in {name.lower() for name in stub.calls[0].headers}


@pytest.mark.parametrize("fault", [BUSY, s3_error("InternalError", 500), RESET])
async def test_a_put_whose_answer_was_lost_succeeds_if_its_own_bytes_are_there(stub: Stub, stubbed, fault):
    stub.script = once(fault, EXISTS, reads=b"1")
    await stubbed.put("a", b"1")
    assert len(puts(stub)) == 2


async def test_a_put_that_finds_other_bytes_raises(stub: Stub, stubbed):
    stub.script = once(EXISTS, EXISTS, reads=b"2")
    with pytest.raises(ObjectExistsError, match="^a$"):
        await stubbed.put("a", b"1")


async def test_puts_that_cross_are_tried_again(stub: Stub, stubbed):
    stub.script = once(s3_error("ConditionalRequestConflict", 409), Answer(200))
    await stubbed.put("a", b"1")
    assert len(puts(stub)) == 2


async def test_puts_that_cross_every_time_fail_in_the_end(stub: Stub, stubbed):
    stub.script = lambda _: s3_error("ConditionalRequestConflict", 409)
    with pytest.raises(StoreUnavailableError, match="^S3_BUCKET: .*ConditionalRequestConflict"):
        await stubbed.put("a", b"1")
    assert len(puts(stub)) == 4


@pytest.mark.parametrize("verb", ["put", "get", "list", "delete"])
@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (s3_error("AccessDenied", 403), "S3_BUCKET: these credentials may not use it"),
        (s3_error("NoSuchBucket", 404), "S3_BUCKET: there is no such bucket"),
        (s3_error("ExpiredToken", 400), "AWS_SESSION_TOKEN: "),
        (BUSY, "S3_BUCKET: "),
        (RESET, "AWS_ENDPOINT_URL, AWS_REGION: "),
    ],
)
async def test_what_fails_is_an_error_that_names_a_setting(stub: Stub, stubbed, verb, fault, complaint):
    stub.script = lambda _: fault
    ask = stubbed.put("a", b"1") if verb == "put" else getattr(stubbed, verb)("a")
    with pytest.raises(StoreUnavailableError, match=f"^{complaint}") as caught:
        await ask
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("verb", ["put", "get", "list", "delete"])
async def test_an_error_names_the_object_with_bucket_and_prefix(stub: Stub, verb: str):
    stub.script = lambda _: Answer(200)
    storage = S3Storage("bucket", "a/prefix")
    stub.script = lambda _: s3_error("AccessDenied", 403)
    ask = storage.put("raw/x", b"1") if verb == "put" else getattr(storage, verb)("raw/x")
    with pytest.raises(StoreUnavailableError, match=r"\(s3://bucket/a/prefix/raw/x\)$"):
        await ask
    await storage.close()


async def test_an_archived_object_has_to_be_restored(stub: Stub, stubbed):
    stub.script = lambda _: s3_error("InvalidObjectState", 403)
    with pytest.raises(StoreUnavailableError, match="^S3_BUCKET: the object is archived; restore it first: "):
        await stubbed.get("raw/x")


async def test_only_credentials_that_are_not_valid_any_more_need_another_process(stub: Stub, stubbed):
    for code, needs_restart in {
        "ExpiredToken": True,
        "InvalidAccessKeyId": True,
        "AccessDenied": False,
    }.items():
        stub.script = lambda _: s3_error(code, 403)  # noqa: B023  # called at once
        with pytest.raises(StoreUnavailableError) as caught:
            await stubbed.get("raw/x")
        assert caught.value.needs_restart == needs_restart


async def test_a_body_that_arrives_damaged_is_not_taken_for_the_object(stub: Stub, stubbed):
    stub.script = lambda _: Answer(200, b"damaged", {"x-amz-checksum-crc32": "AAAAAA=="})
    with pytest.raises(StoreUnavailableError, match="checksum"):
        await stubbed.get("a")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (s3_error("NoSuchBucket", 404), "S3_BUCKET: there is no such bucket"),
        (s3_error("AccessDenied", 403), "S3_BUCKET: these credentials may not use it"),
        (s3_error("SignatureDoesNotMatch", 403), "AWS_SECRET_ACCESS_KEY: it does not fit"),
        (s3_error("RequestTimeTooSkewed", 403), "AWS: the clock of this machine is wrong"),
        (s3_error("AuthorizationHeaderMalformed", 400), "AWS_REGION: S3_BUCKET names something in another"),
        (
            Answer(301, b"", {"x-amz-bucket-region": "us-west-2"}),
            "AWS_REGION: S3_BUCKET names something in another",
        ),
        (Answer(301), "AWS_REGION: S3_BUCKET names something in another"),
        (Answer(400), "S3_BUCKET: it was refused without a reason"),
        (Answer(403), "S3_BUCKET: it was refused without a reason"),
        (RESET, "AWS_ENDPOINT_URL, AWS_REGION: "),
    ],
)
def test_a_bucket_that_cannot_be_used_is_said_at_start(stub: Stub, answer: Answer, complaint: str):
    stub.script = lambda _: answer
    with pytest.raises(StoreUnavailableError, match=f"^{complaint}"):
        S3Storage("bucket")


@pytest.mark.parametrize(
    ("key", "kind", "encoding"),
    [
        ("raw/a.jsonl", "application/x-ndjson; charset=utf-8", None),
        ("raw/a.jsonl.zst", "application/x-ndjson; charset=utf-8", "zstd"),
        ("aggregated/a.json", "application/json", None),
    ],
)
async def test_an_object_says_what_it_is(
    cloud: Cloud, bucket: str, key: str, kind: str, encoding: str | None
):
    storage = S3Storage(bucket)
    await storage.put(key, b"{}")
    found = cloud.s3.head_object(Bucket=bucket, Key=key)
    assert found["ContentType"] == kind
    assert found.get("ContentEncoding") in (encoding, encoding and f"{encoding},")
    assert await storage.get(key) == b"{}"
    await storage.close()


@pytest.mark.parametrize("prefix", ["", "a", "/a/b/"])
async def test_all_keys_are_under_the_prefix_and_others_are_not_seen(cloud: Cloud, bucket: str, prefix: str):
    cloud.s3.put_object(Bucket=bucket, Key="ab/raw/other", Body=b"")
    storage = S3Storage(bucket, prefix)
    await storage.put("raw/x", b"1")
    folder = prefix.strip("/")
    assert (f"{folder}/raw/x" if folder else "raw/x") in cloud.keys(bucket)
    assert [each.key for each in await storage.list("raw/")] == ["raw/x"]
    await storage.delete("raw/x")
    assert cloud.keys(bucket) == ["ab/raw/other"]
    await storage.close()


async def test_a_listing_of_several_pages_is_whole(stub: Stub, stubbed):
    def page(call: Call) -> Answer:
        item = "<Contents><Key>raw/{}</Key><Size>1</Size><LastModified>2025-10-19T14:00:00.000Z</LastModified></Contents>"
        more = "continuation-token" not in call.verb
        body = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        body += "<NextContinuationToken>t</NextContinuationToken>" if more else ""
        body += item.format("a" if more else "b")
        return Answer(
            200, f"<ListBucketResult>{body}</ListBucketResult>".encode(), {"Content-Type": "application/xml"}
        )

    stub.script = page
    assert [(each.key, each.stored_ms) for each in await stubbed.list("raw/")] == [
        ("raw/a", start_ms(HOUR)),
        ("raw/b", start_ms(HOUR)),
    ]
    assert "prefix=raw%2F" in stub.calls[0].verb
