import hashlib
import json
from pathlib import Path

import pytest

from server.run_directory import journal


def lines(count):
    linked, previous = [], journal.GENESIS
    for number in range(count):
        linked.append(
            journal.link(previous, {"kind": "round", "round": number, "reports": {"10": {}, "9": {"é": None}}})
        )
        previous = linked[-1].hash
    return linked


def chain(count):
    return [line.record for line in lines(count)]


def test_an_intact_chain_has_no_problems():
    assert journal.problems(chain(5)) == []


def test_an_edited_line_is_found():
    records = chain(5)
    records[2]["round"] = 7
    assert journal.problems(records) == ["line 3 was edited: its hash does not match its content"]


def test_a_deleted_line_is_found():
    records = chain(5)
    del records[2]
    assert journal.problems(records) == ["line 3 does not follow line 2: a line was deleted, added or moved"]


def test_swapped_lines_are_found():
    records = chain(5)
    records[1], records[2] = records[2], records[1]
    assert len(journal.problems(records)) == 3


def test_a_journal_survives_the_disk(tmp_path):
    path = tmp_path / "journal.jsonl"
    for line in lines(3):
        journal.append(path, line)
    assert journal.read(path) == chain(3)


def test_a_line_is_written_in_its_one_canonical_form():
    [line] = lines(1)
    told = json.dumps(line.record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert line.text == told
    content = {key: value for key, value in line.record.items() if key != "hash"}
    told = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert line.hash == hashlib.sha256(told.encode()).hexdigest()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_disk_without_room_is_told_with_the_file_that_did_not_fit(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*journal\.jsonl'"):
        journal.append(path, *lines(1))


def test_a_torn_last_line_keeps_the_lines_before_it(tmp_path):
    path = tmp_path / "journal.jsonl"
    for line in lines(3):
        journal.append(path, line)
    path.write_text(path.read_text()[:-5])
    with pytest.raises(journal.TornLine) as torn:
        journal.read(path)
    assert torn.value.records == chain(2)


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"a": 1}\nnonsense\n')
    with pytest.raises(ValueError, match=r"journal\.jsonl:2"):
        journal.read(path)
