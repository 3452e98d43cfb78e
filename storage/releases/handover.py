"""Releases handed to pyarrow and to `datasets` without a copy.

Parquet must be decoded; Arrow IPC need not be. A release's rows are written once as Arrow files beside its Parquet
files (`arrow/`, part of the release's folder, gone with it), and mapped into memory from then on: opening takes
milliseconds and no memory however large the set is, and the pages are shared between processes.
"""

import errno
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from storage.releases.reading import Release, columns_today

_FOLDER = "arrow"


def arrow_files(release: Release) -> list[Path]:
    """Return the release's rows as Arrow IPC files, one per Parquet file, made at first use in bounded memory.

    Raises:
        LakeError: A file of the export is missing or not what the manifest says, or the release was redacted.
    """
    release.must_be_readable()
    folder = release.path / _FOLDER
    if not folder.exists():
        making = Path(tempfile.mkdtemp(prefix=f".{_FOLDER}.", dir=release.path))
        try:
            for file in release.files():
                _convert(file, making / f"{file.stem}.arrow")
            with suppress(FileExistsError):  # another process was first; its files are the same
                making.rename(folder)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)
    return [folder / f"{file.stem}.arrow" for file in release.files()]  # `datasets` keeps what it maps beside them


def open_table(release: Release) -> pa.Table:
    """Return the release's rows as a table that is mapped into memory: method by method, by sample id within each.

    Raises:
        LakeError: A file of the export is missing or not what the manifest says, or the release was redacted.
    """
    tables = [pa.ipc.open_stream(pa.memory_map(str(path))).read_all() for path in arrow_files(release)]
    whole = pa.concat_tables(tables)
    return whole.rename_columns(columns_today(whole.column_names))


def open_dataset(release: Release) -> Any:
    """Return the release as a `datasets.Dataset` over the same mapped files; its fingerprint is the release's content hash.

    Raises:
        LakeError: A file of the export is missing or not what the manifest says, or the release was redacted.
    """
    import datasets

    parts = [datasets.Dataset.from_file(str(path)) for path in arrow_files(release)]
    whole = datasets.concatenate_datasets(parts) if len(parts) > 1 else parts[0]
    for name, today in zip(whole.column_names, columns_today(whole.column_names), strict=True):
        whole = whole if name == today else whole.rename_column(name, today)
    return datasets.Dataset(whole.data, info=whole.info, fingerprint=release.content_hash[:16])


def to_dataset(table: pa.Table, fingerprint: str) -> Any:
    """Hand a table in memory to `datasets` without a copy.

    Args:
        table: The rows.
        fingerprint: What determines them. Without one, `datasets` would hash every row by pickling it.
    """
    import datasets

    return datasets.Dataset(table, fingerprint=fingerprint)


def _convert(source: Path, target: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file, pa.ipc.new_stream(target, file.schema_arrow) as writer:
        for batch in file.iter_batches(10_000):
            writer.write_batch(batch)
