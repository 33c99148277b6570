"""The file of keys is read whole or refused by the name of an entry, and is replaced at once."""

import json
import os
import threading
from pathlib import Path

import pytest

from telemetry.adapters.keys.entry import Entry, hashed
from telemetry.adapters.keys.file import KeysError, KeysFile

SECRET = "hush-hush-hush"
HASH = "sha256:" + "ab" * 16 + ":" + "cd" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def read(path: Path, content: object) -> list[Entry]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return KeysFile(path).read()


def test_an_entry_needs_a_key_only(path: Path):
    (entry,) = read(path, [{"key": SECRET}])
    assert (entry.key, entry.name, list(entry.vehicles), entry.rate, entry.expires_ms) == (
        SECRET,
        "",
        ["*"],
        0,
        None,
    )


def test_an_entry_may_say_all(path: Path):
    fields = {
        "name": "depot-7",
        "hash": HASH,
        "vehicles": ["depot-7-*", "v?"],
        "rate": 0.5,
        "expires": "1970-01-01T01:00:01+01:00",
    }
    (entry,) = read(path, [fields])
    assert (entry.salt, entry.digest) == (bytes.fromhex("ab" * 16), bytes.fromhex("cd" * 32))
    assert (entry.name, list(entry.vehicles), entry.rate, entry.expires_ms) == (
        "depot-7",
        ["depot-7-*", "v?"],
        0.5,
        1000,
    )


def test_an_empty_list_and_a_byte_order_mark_do_no_harm(path: Path):
    assert read(path, []) == []
    assert len(read(path, '\ufeff[{"key": "k"}]')) == 1


ENTRIES = {
    "no key": ({"name": "n"}, "either a `key` or a `hash`"),
    "both": ({"key": SECRET, "hash": HASH}, "either a `key` or a `hash`"),
    "an empty key": ({"key": ""}, "either a `key` or a `hash`"),
    "a blank before": ({"key": f" {SECRET}"}, "key: it has blanks"),
    "a blank after": ({"key": f"{SECRET}\n"}, "key: it has blanks"),
    "a blank inside": ({"key": f"{SECRET} {SECRET}"}, "key: it has blanks"),
    "a letter beyond ASCII": ({"key": "k\u00e9y"}, "key: it has blanks or characters that"),
    "an unknown field": ({"key": SECRET, "vehicle": ["a"]}, "unknown field vehicle; did you mean vehicles?"),
    "another unknown field": ({"key": SECRET, "colour": 1}, "unknown field colour; there are name, key"),
    "a key as a field": ({SECRET: ["*"]}, "unknown field; there are name, key"),
    "a class": ({"key": SECRET, "vehicles": ["veh-[0-9]"]}, "vehicles: a pattern is made of"),
    "a bracket": ({"key": SECRET, "vehicles": ["ok", "veh-["]}, "vehicles: a pattern is made of"),
    "a blank in a pattern": ({"key": SECRET, "vehicles": ["a "]}, "vehicles: a pattern is made of"),
    "an empty pattern": ({"key": SECRET, "vehicles": [""]}, "vehicles: a pattern is made of"),
    "no vehicles": ({"key": SECRET, "vehicles": []}, "vehicles: the list is empty"),
    "one vehicle": ({"key": SECRET, "vehicles": "a"}, "vehicles: Expected `array`"),
    "a negative rate": ({"key": SECRET, "rate": -1}, "rate: it is 0 to"),
    "a text as rate": ({"key": SECRET, "rate": "5"}, "rate: Expected `float`"),
    "a name with a blank": ({"key": SECRET, "name": "a b"}, "name: it is made of"),
    "a key as name": ({"key": SECRET, "name": SECRET}, "its name is its key"),
    "a time without offset": ({"key": SECRET, "expires": "2030-01-01T00:00:00"}, "expires: "),
    "no time": ({"key": SECRET, "expires": "soon"}, "expires: "),
    "half a hash": ({"hash": "sha256:ab:cd"}, "hash: it is sha256:SALT:DIGEST"),
    "a list": ([SECRET], "it is no object"),
    "a text": (SECRET, "it is no object"),
}


@pytest.mark.parametrize(("entry", "why"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_with_a_fault_is_named_by_its_place_and_never_by_its_key(path: Path, entry, why: str):
    with pytest.raises(KeysError) as refused:
        read(path, [{"key": "other"}, entry])
    said = str(refused.value)
    assert said.startswith(f"{path}: entry 2: ") or (
        entry == ENTRIES["no key"][0] and "entry 2 (n): " in said
    )
    assert why in said
    assert SECRET not in said
    assert "\n" not in said


CONTENTS = {
    "nothing": "",
    "half": '[{"key": "' + SECRET,
    "an object": json.dumps({"key": SECRET}),
    "not a number": '[{"key": "' + SECRET + '", "rate": NaN}]',
    "no end": '[{"key": "' + SECRET + '", "rate": Infinity}]',
    "too large a number": '[{"key": "' + SECRET + '", "rate": 1e999}]',
    "a field twice": '[{"key": "' + SECRET + '", "key": "b"}]',
    "depth": "[" * 100_000,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_with_a_fault_is_refused_in_one_line_without_a_key(path: Path, content: str):
    with pytest.raises(KeysError) as refused:
        read(path, content)
    assert str(refused.value).startswith(f"{path}: ")
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_in_another_encoding_and_one_that_is_not_there_are_refused(path: Path):
    with pytest.raises(KeysError, match="No such file"):
        KeysFile(path).read()
    path.write_bytes("[]".encode("utf-16"))
    with pytest.raises(KeysError, match="UTF-8"):
        KeysFile(path).read()


@pytest.mark.parametrize("form", ["plain and plain", "plain and hash", "hash and plain", "hash and hash"])
def test_a_key_that_comes_twice_is_named_by_both_entries(path: Path, form: str):
    entries = [Entry(key=SECRET, name="one"), Entry(key="x"), Entry(key=SECRET, name="two")]
    kinds = form.split(" and ")
    of = {
        name: next(each for each in hashed(entries) if each.name == name) if kind == "hash" else entry
        for kind, (name, entry) in zip(kinds, (("one", entries[0]), ("two", entries[2])), strict=True)
    }
    if form == "hash and hash":
        one, _, two = hashed(entries)
        of = {"one": one, "two": two}
    KeysFile(path).write([of["one"], entries[1], of["two"]])
    with pytest.raises(KeysError, match=r"entry 3 \(two\): it has the same key as one$") as refused:
        KeysFile(path).read()
    assert SECRET not in str(refused.value)


def test_a_name_that_comes_twice_is_refused(path: Path):
    with pytest.raises(KeysError, match=r"entry 2 \(a\): it has the name of entry 1"):
        read(path, [{"key": "1", "name": "a"}, {"key": "2", "name": "a"}])


def test_ten_thousand_keys_are_compared_in_no_time(path: Path):
    assert len(read(path, [{"key": f"k{n}"} for n in range(10_000)])) == 10_000


def test_a_key_that_is_added_is_kept_as_a_salted_hash_only(path: Path):
    file = KeysFile(path)
    keys = [file.add(Entry(name=name, vehicles=["a*"], rate=5)) for name in ("one", "two")]
    assert len(set(keys)) == 2
    assert not any(key in path.read_text() for key in keys)
    one, two = file.read()
    assert one.salt == two.salt
    assert (one.is_for(keys[0]), one.is_for(keys[1]), two.is_for(keys[1])) == (True, False, True)
    assert (one.name, list(one.vehicles), one.rate) == ("one", ["a*"], 5)
    assert keys[0] not in repr(one)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_in_the_file_stays(path: Path):
    read(path, [{"key": "plain", "rate": 3}])
    file = KeysFile(path)
    file.add(Entry(name="new"))
    plain, _ = file.read()
    assert (plain.key, plain.rate) == ("plain", 3)
    file.revoke("new")
    assert file.read() == [plain]
    file.revoke("entry 1")
    assert file.read() == []


def test_a_name_that_is_there_or_not_there_is_refused_and_nothing_changes(path: Path):
    file = KeysFile(path)
    file.add(Entry(name="one"))
    before = path.read_bytes()
    with pytest.raises(KeysError, match="there is a key with the name one"):
        file.add(Entry(name="one"))
    with pytest.raises(KeysError, match="there is no key with the name two"):
        file.revoke("two")
    with pytest.raises(KeysError, match="^vehicles: "):
        file.add(Entry(name="two", vehicles=["["]))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_a_fault_is_not_changed(path: Path):
    path.write_text('[{"key": ""}]')
    with pytest.raises(KeysError, match="entry 1"):
        KeysFile(path).add(Entry(name="one"))
    assert path.read_text() == '[{"key": ""}]'


def test_keys_that_are_added_at_one_time_are_all_kept(path: Path):
    adding = [threading.Thread(target=KeysFile(path).add, args=(Entry(name=f"k{n}"),)) for n in range(20)]
    for each in adding:
        each.start()
    for each in adding:
        each.join()
    assert {each.name for each in KeysFile(path).read()} == {f"k{n}" for n in range(20)}


def test_a_change_that_fails_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = KeysFile(path)
    file.add(Entry(name="one"))
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(KeysError, match="No space left"):
        file.add(Entry(name="two"))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_link_stays_a_link(path: Path, tmp_path: Path):
    real = tmp_path / "real.json"
    path.symlink_to(real)
    KeysFile(path).add(Entry(name="one"))
    assert path.is_symlink()
    assert real.exists()


def test_the_version_of_a_file_changes_with_it(path: Path):
    file = KeysFile(path)
    assert file.version() is None
    file.write([])
    first = file.version()
    assert first == file.version()
    file.write([Entry(key="k")])
    assert file.version() not in (None, first)
