"""The ledger: durable, shared, never half-read, and quick when large."""

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tune_jobs.errors import StorageError, StorageRefusedError, UserError
from tune_jobs.ledger.file_names import trials_in
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.parquet import to_parquet
from tune_jobs.ledger.record import Record
from tune_jobs.ledger.schema import PREDICTIONS
from tune_jobs.ledger.targets import read_targets, write_targets
from tune_jobs.ledger.trial_files import TrialFiles
from tune_jobs.storage.storage import Storage

Make = Callable[..., Record]


def reopened(ledger: Ledger) -> Ledger:
    return Ledger.open(Storage.at(ledger.storage.uri))


def test_a_record_comes_back_as_it_was_written(ledger: Ledger, make_record: Make) -> None:
    record = make_record(epochs=3, measured=(1, 3), validation_loss=(1.0, float("inf"), 0.1), reason="ß")
    ledger.write(record)
    assert reopened(ledger).read(predictions=True).records == {record.key: record}
    without = reopened(ledger).read().records[record.key]
    assert without == replace(record, **dict.fromkeys(PREDICTIONS, ()))


def test_reading_some_keys(ledger: Ledger, make_record: Make) -> None:
    records = [make_record(seed=seed) for seed in range(6)]
    for record in records:
        ledger.write(record)
    wanted = {records[1].key, records[4].key, "absent"}
    assert set(ledger.read(keys=wanted).records) == wanted - {"absent"}
    ledger.compact(at_least=1)
    assert set(ledger.read(keys=wanted).records) == wanted - {"absent"}
    assert ledger.read(keys=[]).records == {}


def test_doubles_are_dropped_and_checked(ledger: Ledger, make_record: Make) -> None:
    ledger.write(make_record())
    ledger.write(make_record(host="other"))
    contents = ledger.read()
    assert len(contents.records) == 1
    assert contents.disagreements == []
    ledger.write(make_record(train_loss=(9.0, 9.0, 9.0)))
    assert ledger.read().disagreements == [make_record().key]


def test_compaction_loses_nothing(ledger: Ledger, make_record: Make) -> None:
    for seed in range(7):
        ledger.write(make_record(seed=seed))
    before = ledger.read(predictions=True)
    assert ledger.compact(at_least=8) == 0
    assert ledger.compact(at_least=7) == 7
    assert ledger.read(predictions=True) == before
    assert len(list(Path(ledger.storage.path("ledger")).glob("*.parquet"))) == 1
    ledger.write(make_record(seed=99))
    assert len(ledger.read().records) == 8


def test_records_that_are_written_together_are_one_file_that_compaction_gathers(
    ledger: Ledger, make_record: Make
) -> None:
    folder = Path(ledger.storage.path("ledger"))
    ledger.write(*(make_record(seed=seed) for seed in range(300)))
    ledger.write(*(make_record(seed=seed) for seed in range(300, 600)))
    ledger.write(make_record(seed=600))
    ledger.write()
    names = sorted(path.name for path in folder.glob("*.parquet"))
    assert [trials_in(name) for name in names] == [300, 300, 1]
    before = ledger.read(predictions=True)
    assert len(before.records) == 601
    assert len(ledger.lookup().keys) == 601
    assert ledger.compact(at_least=4) == 0
    assert ledger.compact(at_least=3) == 3
    assert ledger.read(predictions=True) == before
    assert len(list(folder.glob("*.parquet"))) == 2, "a pack takes no more than it should"
    assert ledger.compact(at_least=1) == 0, "packs stay as they are"
    assert ledger.remove([make_record(seed=0).key]) == 1
    assert len(ledger.read().records) == 600


def test_new_trials_do_not_make_a_reader_start_again(
    ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write(make_record(seed=0), make_record(seed=1))
    read = TrialFiles._table_unless_cut
    reads = []

    def beside(self: TrialFiles, name: str, *arguments: Any, **more: Any) -> Any:
        reads.append(name)
        ledger.write(make_record(seed=2 * len(reads)), make_record(seed=2 * len(reads) + 1))
        return read(self, name, *arguments, **more)

    monkeypatch.setattr(TrialFiles, "_table_unless_cut", beside)
    assert len(reopened(ledger).read().records) == 2
    assert len(reads) == 1


def test_readers_beside_writers_and_compactions_always_see_whole_records(ledger: Ledger, make_record: Make) -> None:
    records = [make_record(seed=seed) for seed in range(80)]
    written: set[str] = set()
    stop = threading.Event()
    errors: list[BaseException] = []

    def compacting() -> None:
        try:
            while not stop.is_set():
                ledger.compact(at_least=5)
        except BaseException as error:
            errors.append(error)

    def reading() -> None:
        try:
            while not stop.is_set():
                before = set(written)
                seen = set(reopened(ledger).read().records)
                assert before <= seen, "a record that was durable was not seen"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for work in (compacting, compacting, reading, reading)]
    for thread in threads:
        thread.start()
    for number in range(0, len(records), 4):
        single, *chunk = records[number : number + 4]
        ledger.write(single)
        ledger.write(*chunk)
        written |= {single.key, *(record.key for record in chunk)}
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(ledger.read().records) == {record.key for record in records}


def test_a_writer_killed_at_any_moment_leaves_whole_records(ledger: Ledger, tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import sys
        from tune_jobs.ledger.ledger import Ledger
        from tune_jobs.ledger.record import Record
        from tune_jobs.storage.storage import Storage
        ledger = Ledger.open(Storage.at(sys.argv[1]), create=True)
        n = 0
        while True:
            n += 1
            ledger.write(Record(key=f"{n:020x}", fields="{}", dataset="d", fingerprint="f", engine_version=1, seed=n,
                outcome="completed", epochs=1, metric="accuracy", target_unit="", train_loss=(1.0,) * 500))
            print(f"{n:020x}", flush=True)
            if n % 10 == 0:
                ledger.compact(at_least=10)
        """
    )
    for lines in (3, 8, 12, 25):
        process = subprocess.Popen([sys.executable, "-c", code, ledger.storage.uri], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        reported = {process.stdout.readline().strip() for _ in range(lines)}
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert reported <= set(reopened(ledger).read().records)


def test_remove_takes_out_those_and_no_others(ledger: Ledger, make_record: Make) -> None:
    records = [make_record(seed=seed) for seed in range(5)]
    for record in records[:4]:
        ledger.write(record)
    ledger.compact(at_least=1)
    ledger.write(records[4])
    before = ledger.read(predictions=True).records
    gone = {records[0].key, records[4].key}
    assert ledger.remove(gone) == 2
    assert ledger.remove(gone) == 0
    assert ledger.read(predictions=True).records == {k: r for k, r in before.items() if k not in gone}


def test_merge_adds_what_is_new_once(ledger: Ledger, make_record: Make, tmp_path: Path) -> None:
    other = Ledger.open(Storage.at(str(tmp_path / "other")), create=True)
    shared, mine, theirs = (make_record(seed=seed) for seed in range(3))
    for record in (shared, mine):
        ledger.write(record)
    for record in (shared, theirs):
        other.write(record)
    write_targets(other.storage, "data-0-3", {"targets": np.arange(3)})
    assert ledger.merge(other) == 1
    assert ledger.merge(other) == 0
    assert set(ledger.read().records) == {shared.key, mine.key, theirs.key}
    assert read_targets(ledger.storage, "data-0-3")["targets"].tolist() == [0, 1, 2]


def test_a_folder_that_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no ledger"):
        Ledger.open(Storage.at(str(tmp_path)))
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match=r"holiday\.jpg: does not belong to a ledger; move it away"):
        Ledger.open(Storage.at(str(tmp_path)), create=True)


def test_files_that_file_systems_leave_are_no_offence(ledger: Ledger) -> None:
    Path(ledger.storage.path("ledger", ".nfs0001")).write_bytes(b"x")
    assert reopened(ledger).read().records == {}


def other_parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"holiday": [1, 2]}), stream)
    return stream.getvalue()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "the end is missing": lambda content: content[:-40],
    "the beginning is missing": lambda content: content[40:],
    "garbage": lambda content: os.urandom(500),
    "zeros": lambda content: bytes(len(content)),
    "zeros in the middle": lambda content: content[:100] + bytes(len(content) - 400) + content[-300:],
    "another table": lambda content: other_parquet(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("packed", [False, True], ids=["single", "pack"])
def test_a_cut_file_is_named_once_and_the_others_are_read(
    damage: str, packed: bool, ledger: Ledger, make_record: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.write(make_record(seed=1))
    if packed:
        ledger.compact(at_least=1)
    (path,) = Path(ledger.storage.path("ledger")).glob("*.parquet")
    content = DAMAGES[damage](path.read_bytes())
    path.write_bytes(content)
    whole = [make_record(seed=2), make_record(seed=3)]
    for record in whole:
        ledger.write(record)
    before = reopened(ledger)
    assert before.read(predictions=True).records == {record.key: record for record in whole}
    assert before.patient().read().records.keys() == {record.key for record in whole}
    (line,) = caplog.messages
    assert line == (
        f"{path.parent}: 1 file is cut or damaged ({path.name}): its trials count as missing; `ablatune ledger check "
        f"--storage {ledger.storage.uri}` says what to do"
    )
    assert list(before.cut_files()) == [path.name]
    lookup = before.lookup()
    assert lookup(make_record(seed=1).key) is None
    assert lookup(whole[0].key) is not None
    assert before.compact(at_least=1) == 2, "the two whole files are gathered"
    assert before.remove({whole[0].key}) == 1
    other = Ledger.open(Storage.at(f"{ledger.storage.uri}-other"), create=True)
    assert other.merge(before) == 1
    assert path.read_bytes() == content, "what is cut stays as it is"


def test_nothing_is_removed_from_a_pack_that_is_damaged_elsewhere(ledger: Ledger, make_record: Make) -> None:
    records = [make_record(seed=seed) for seed in range(3)]
    for record in records:
        ledger.write(record)
    ledger.compact(at_least=1)
    (path,) = Path(ledger.storage.path("ledger")).glob("pack-*")
    content = path.read_bytes()
    columns = pq.ParquetFile(path).metadata.row_group(0)
    names = [columns.column(index).path_in_schema for index in range(columns.num_columns)]
    damaged = columns.column(names.index("train_loss.list.element"))
    start = damaged.dictionary_page_offset or damaged.data_page_offset
    path.write_bytes(
        content[:start] + os.urandom(damaged.total_compressed_size) + content[start + damaged.total_compressed_size :]
    )
    with pytest.raises(UserError, match="so no trial can be taken out of it; restore it from a copy"):
        ledger.remove({records[0].key})
    assert path.exists()


def test_a_trial_whose_file_is_cut_is_written_to_another_file(ledger: Ledger, make_record: Make) -> None:
    record = make_record()
    ledger.write(record)
    (cut,) = Path(ledger.storage.path("ledger")).glob("*.parquet")
    cut.write_bytes(b"PAR1")
    ledger.write(record)
    assert ledger.read(predictions=True).records == {record.key: record}
    assert cut.read_bytes() == b"PAR1"


def test_a_file_that_cannot_be_read_now_is_not_taken_for_a_cut_one(
    ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write(make_record())

    def fail(*args: object, **keywords: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(pq, "ParquetFile", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        ledger.read()


def test_a_record_that_the_storage_refuses_is_in_the_refusal(
    ledger: Ledger, make_record: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record()

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tune_jobs.storage.storage.replace_file", full)
        with pytest.raises(StorageRefusedError, match="no space is left on its disk") as raised:
            ledger.write(record)
    ((path, content),) = raised.value.unwritten.items()
    ledger.storage.write(content, *path)
    assert ledger.read(predictions=True).records == {record.key: record}


@pytest.mark.parametrize("content", [b"", b"torn", b"PK"])
def test_cut_targets_count_as_not_kept_and_are_written_again(
    content: bytes, ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    targets = {"targets": np.arange(3)}
    write_targets(ledger.storage, "data-0-3", targets)
    for cut in (content, Path(ledger.storage.path("validation", "data-0-3.npz")).read_bytes()[:-30]):
        ledger.storage.write(cut, "validation", "data-0-3.npz")
        with pytest.raises(FileNotFoundError):
            read_targets(ledger.storage, "data-0-3")
        assert "data-0-3.npz: is cut or damaged" in caplog.text
        write_targets(ledger.storage, "data-0-3", targets)
        assert read_targets(ledger.storage, "data-0-3")["targets"].tolist() == [0, 1, 2]


def test_a_ledger_of_a_later_format_is_refused_and_a_cut_marker_written_anew(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    marker = Path(ledger.storage.path("ledger", "ledger.json"))
    marker.write_text('{"format": 2}')
    with pytest.raises(UserError, match="has format 2, this version reads 1"):
        reopened(ledger)
    for cut in ("", "{", "[1]", '{"format": null}'):
        marker.write_text(cut)
        caplog.clear()
        assert not Ledger.open(ledger.storage).marker_is_whole()
        assert caplog.messages == [f"{marker}: is cut or damaged; no trial is lost, and the next run writes it anew"]
        assert Ledger.open(ledger.storage, create=True).marker_is_whole()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be"):
        Ledger.open(Storage.at(str(tmp_path / "file" / "below")), create=True)
    with pytest.raises(UserError, match="cannot be written"):
        Ledger.open(Storage.at("/proc/ablatune"), create=True)


def test_an_unknown_kind_of_place() -> None:
    with pytest.raises(UserError, match="give a folder or s3"):
        Storage.at("ftp://host/path")


def test_records_of_before_their_node_was_kept_are_read(ledger: Ledger, make_record: Make) -> None:
    record = make_record(seed=3, host="h")
    table = pq.read_table(io.BytesIO(to_parquet([record]))).drop_columns(["node", "gpu", "process"])
    stream = io.BytesIO()
    pq.write_table(table, stream)
    ledger.storage.write(stream.getvalue(), "ledger", f"trial-{record.key}-{'0' * 12}.parquet")
    (found,) = ledger.read(predictions=True).records.values()
    assert found == record
    ledger.compact(at_least=1)
    (packed,) = ledger.read(predictions=True).records.values()
    assert packed == record


def test_a_ledger_that_may_not_be_read_is_not_called_cut(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(storage: Storage, *parts: str) -> bytes:
        raise StorageRefusedError("access is denied")

    monkeypatch.setattr(Storage, "read", refuse)
    with pytest.raises(StorageRefusedError, match="access is denied"):
        Ledger.find(ledger.storage)
    assert not caplog.records
