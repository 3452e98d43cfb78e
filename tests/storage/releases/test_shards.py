"""Files of a release are written in threads, and little waits for them."""

import threading

import pyarrow as pa
import pyarrow.parquet as pq

from storage.releases import shards
from storage.releases.shards import ShardWriter


def test_few_pieces_of_many_groups_wait_in_memory(tmp_path, monkeypatch):
    lock, waiting, most = threading.Lock(), 0, 0
    submit, write = ShardWriter._write, pq.ParquetWriter.write_table

    def submitted(writer, file, table):
        nonlocal waiting, most
        with lock:
            waiting += 1
            most = max(most, waiting)
        submit(writer, file, table)

    def written(writer, table):
        nonlocal waiting
        write(writer, table)
        with lock:
            waiting -= 1

    monkeypatch.setattr(shards, "_GROUP_BYTES", 1)
    monkeypatch.setattr(ShardWriter, "_write", submitted)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", written)
    names = [f"m{number % 20:02d}" for number in range(200)]
    with ShardWriter(tmp_path) as writer:
        for start in range(0, 200, 20):
            part = pa.table({"method": names[start : start + 20], "n": list(range(start, start + 20))})
            for batch in part.to_batches():
                writer.write(batch)
        files = writer.close()
    assert most <= 2 * shards._THREADS + 1 and waiting == 0
    assert sum(file["rows"] for file in files.values()) == 200 and len(files) == 20
    rows = [row for name in files for row in pq.read_table(tmp_path / name).to_pylist()]
    assert {row["n"]: row["method"] for row in rows} == dict(enumerate(names))
