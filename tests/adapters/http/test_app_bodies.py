"""Bodies in every encoding and of every size, good and bad, and what they are answered."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
import zstandard

from tests.adapters.http.receiver import GOOD, LIMIT, Receiver, problem


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("identity", lambda body: body),
    ],
)
async def test_a_body_may_be_encoded(receiver: Receiver, encoding: str, encode):
    answer = await receiver.post(encode(GOOD.encode()), Content_Encoding=encoding)
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert len(await receiver.queued()) == 1


BAD_INPUT = {
    "empty body": (b"", 400),
    "an open brace": (b"{", 400),
    "NaN": (GOOD.replace("85.5", "NaN").encode(), 400),
    "Infinity": (GOOD.replace("85.5", "Infinity").encode(), 400),
    "a huge vehicle_id": (GOOD.replace("veh-00123", "v" * 10_000_000).encode(), 413),
    "a large vehicle_id": (GOOD.replace("veh-00123", "v" * (LIMIT // 2)).encode(), 422),
    "nested arrays": (b"[" * 20_000 + b"]" * 20_000, 400),
    "a lone surrogate": (GOOD.replace("veh-00123", "\\ud800").encode(), 400),
    "a broken letter": (GOOD.encode().replace(b"veh-00123", b"\xff"), 400),
    "no offset": (GOOD.replace("56.123Z", "56.123").encode(), 422),
    "can_id over 29 bits": (GOOD.replace("0x1F0", "0x20000000").encode(), 422),
}


@pytest.mark.parametrize(("body", "status"), BAD_INPUT.values(), ids=BAD_INPUT)
async def test_bad_input_is_answered_briefly_and_the_receiver_goes_on(
    receiver: Receiver, body: bytes, status: int
):
    answer = await receiver.post(body)
    assert answer.status_code == status
    assert len(answer.content) < 1000
    assert (await receiver.post(GOOD)).status_code == 202
    assert len(await receiver.queued()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b" \r\n\t ",
        GOOD.encode() * 2,
        GOOD.encode()[:-1],
        b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
        GOOD.encode("utf-16"),
        bytes(LIMIT),
    ],
    ids=["white space", "two objects", "cut short", "nested objects", "UTF-16", "zeros"],
)
async def test_what_is_nearly_json_is_refused_and_the_receiver_goes_on(receiver: Receiver, body: bytes):
    answer = await receiver.post(body)
    assert answer.status_code == 400
    assert "not JSON" in problem(answer)
    assert (await receiver.post(GOOD)).status_code == 202


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_body_that_is_not_what_its_encoding_says_is_refused(receiver: Receiver, encoding: str):
    answer = await receiver.post(GOOD, Content_Encoding=encoding)
    assert answer.status_code == 400
    assert "Content-Encoding" in problem(answer)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda body: body[:-1], lambda body: body + b"x", lambda body: body * 2 + b"x"]
)
async def test_an_encoded_body_is_made_of_whole_pieces(receiver: Receiver, encoding: str, damage):
    whole = gzip.compress(GOOD.encode()) if encoding == "gzip" else zstandard.compress(GOOD.encode())
    answer = await receiver.post(damage(whole), Content_Encoding=encoding)
    assert answer.status_code == 400
    assert "Content-Encoding" in problem(answer)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "zstd", "identity, gzip", "GZIP"])
async def test_several_members_or_frames_are_one_body(receiver: Receiver, encoding: str):
    compress = zstandard.compress if encoding == "zstd" else gzip.compress
    content = compress(f"{GOOD}\n".encode()) + compress(GOOD.replace("0x1F0", "0x1F1").encode())
    answer = await receiver.post(content, "application/x-ndjson", Content_Encoding=encoding)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 2, "rejected": []})


async def test_each_line_of_the_header_is_undone_in_the_opposite_order(receiver: Receiver):
    content = gzip.compress(zstandard.compress(GOOD.encode()))
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "zstd"),
        ("Content-Encoding", "gzip"),
    ]
    answer = await receiver.client.post("/ingest", content=content, headers=headers)
    assert answer.status_code == 202


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("body", ["[]", " [ ] ", "", "\n\r\n"])
async def test_a_body_without_a_record_is_accepted_as_none(receiver: Receiver, kind: str, body: str):
    if (kind == "application/json") == body.strip().startswith("["):
        answer = await receiver.post(body, kind)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "rejected": []})


async def test_a_byte_order_mark_costs_no_record(receiver: Receiver):
    body = b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n" + GOOD.replace("0x1F0", "0x1F1").encode()
    answer = await receiver.post(body, "application/x-ndjson")
    assert answer.json() == {"accepted": 2, "rejected": []}


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
async def test_more_records_than_the_limit_are_refused_and_none_is_stored(receiver: Receiver, kind: str):
    records = [GOOD.replace("0x1F0", f"0x{number:X}") for number in range(1_001)]
    body = f"[{','.join(records)}]" if kind == "application/json" else "\n".join(records)
    answer = await receiver.post(gzip.compress(body.encode()), kind, Content_Encoding="gzip")
    assert answer.status_code == 413
    assert await receiver.queued() == []


async def test_an_answer_stays_short_however_much_is_rejected(receiver: Receiver):
    long = "x" * 200
    body = "[" + ",".join([f'{{"{long}": 1}}'] * 300) + "]"
    answer = await receiver.post(body)
    assert answer.status_code == 422
    assert [each["index"] for each in answer.json()["rejected"]] == list(range(300))
    assert len(answer.content) < 1_000_000


async def test_an_unknown_encoding_is_refused_with_all_that_are_known(receiver: Receiver):
    answer = await receiver.post(GOOD, Content_Encoding="br")
    assert answer.status_code == 415
    assert "gzip or zstd, not 'br'" in problem(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_an_unknown_media_type_is_refused_with_all_that_are_known(receiver: Receiver, kind: str):
    answer = await receiver.post(GOOD, kind)
    assert answer.status_code == 415
    assert "application/json, application/x-ndjson" in problem(answer)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_cut_off_while_it_is_decompressed(receiver: Receiver, encoding: str):
    zeros = bytes(100_000_000)
    bomb = gzip.compress(zeros, 9) if encoding == "gzip" else zstandard.ZstdCompressor().compress(zeros)
    assert len(bomb) < LIMIT
    answer = await receiver.post(bomb, Content_Encoding=encoding)
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)


async def test_a_bomb_that_does_not_name_its_size_is_cut_off_while_it_is_decompressed(receiver: Receiver):
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100_000_000))
    answer = await receiver.post(bomb, Content_Encoding="zstd")
    assert answer.status_code == 413


async def test_a_body_over_the_limit_is_refused_with_the_limit(receiver: Receiver):
    answer = await receiver.post(b" " * (LIMIT + 1))
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)


async def test_a_body_in_pieces_is_read_up_to_the_limit(receiver: Receiver):
    given = 0

    async def pieces(count: int) -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(count):
            given += 1000
            yield b" " * 1000
        yield GOOD.encode()

    async def post(count: int) -> httpx.Response:
        return await receiver.client.post(
            "/ingest", content=pieces(count), headers={"Content-Type": "application/json"}
        )

    assert (await post(10)).status_code == 202
    answer = await post(1000)
    assert answer.status_code == 413
    assert str(LIMIT) in problem(answer)
    assert (await receiver.post(GOOD + " " * (LIMIT - len(GOOD)))).status_code == 202
