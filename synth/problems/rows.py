"""Rows of files (JSON lines, CSV, Parquet) and of Hugging Face data sets, with their numbers as they are written."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from storage.errors import ProblemError

_JSON_LINES = (".jsonl", ".json", ".ndjson")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_COMPRESSED = (".gz", ".bz2", ".zst")
_MARK = b"\xef\xbb\xbf"
_LONGEST_CELL = 1 << 30


class Rows(Protocol):
    """Where rows come from. Iterating gives each row with its number, counted from 1."""

    @property
    def label(self) -> str:
        """How an error message names the place."""
        ...

    @property
    def unit(self) -> str:
        """What a row is called there: `line` or `row`."""
        ...

    def __iter__(self) -> Iterator[tuple[int, Any]]: ...


class FileRows:
    """Rows of a `.jsonl`, `.csv`, `.tsv` or `.parquet` file; all but the last may be compressed (`.gz`, `.bz2`, `.zst`)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.label = str(path)
        compressed = path.suffix in _COMPRESSED
        self._kind = Path(path.stem).suffix if compressed else path.suffix
        self.unit = "line" if self._kind in _JSON_LINES else "row"
        self._readable = self._kind in (*_JSON_LINES, *_DELIMITERS) or (self._kind == ".parquet" and not compressed)

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if not self._path.is_file():
            raise ProblemError(f"{self.label}: there is no such file; correct `path`.")
        if not self._readable:
            raise ProblemError(
                f"{self.label}: {self._path.suffix!r} is not read; convert it to .jsonl, .csv, .tsv or .parquet "
                "(.jsonl.gz, .csv.zst and their like are read too)."
            )
        if self._kind == ".parquet":
            return self._parquet()
        return self._delimited() if self._kind in _DELIMITERS else self._json_lines()

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """Open the file, decompressed, and leave a byte order mark out."""
        import pyarrow

        try:
            with pyarrow.input_stream(str(self._path), compression="detect") as stream:
                file = io.BufferedReader(stream)
                if file.peek(len(_MARK)).startswith(_MARK):
                    file.read(len(_MARK))
                yield file
        except (pyarrow.ArrowException, OSError) as error:
            raise ProblemError(f"{self.label}: not readable ({error}); is it complete?") from None

    def _json_lines(self) -> Iterator[tuple[int, Any]]:
        with self._open() as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield number, json.loads(line, parse_float=Decimal, object_pairs_hook=_without_repetition)
                except (ValueError, RecursionError) as error:
                    raise ProblemError(
                        f"{self.label}, line {number}: not JSON ({error}); write one JSON object per line."
                    ) from None

    def _delimited(self) -> Iterator[tuple[int, Any]]:
        csv.field_size_limit(_LONGEST_CELL)
        with self._open() as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            number = 0
            try:
                reader = csv.DictReader(text, delimiter=_DELIMITERS[self._kind], strict=True)
                names = list(reader.fieldnames or [])
                if repeated := next((name for name in names if names.count(name) > 1), None):
                    raise ProblemError(f"{self.label}: two columns are named {repeated!r}; rename one of them.")
                for number, row in enumerate(reader, start=1):
                    if None in row:
                        raise ProblemError(
                            f"{self.label}, row {number}: more cells than the {len(names)} columns of the first line; "
                            "put quotes around a cell that holds the delimiter."
                        )
                    yield number, row
            except (csv.Error, UnicodeDecodeError) as error:
                raise ProblemError(
                    f"{self.label}, after row {number}: not readable as {self._kind[1:].upper()} in UTF-8 ({error})."
                ) from None

    def _parquet(self) -> Iterator[tuple[int, Any]]:
        import pyarrow
        import pyarrow.parquet

        number = 0
        try:
            with pyarrow.parquet.ParquetFile(self._path) as file:
                names = file.schema_arrow.names
                repeated = next((name for name in names if names.count(name) > 1), None)
                if repeated is not None:
                    raise ProblemError(f"{self.label}: two columns are named {repeated!r}; rename one of them.")
                narrow = {
                    field.name for field in file.schema_arrow if field.type in (pyarrow.float16(), pyarrow.float32())
                }
                for batch in file.iter_batches(batch_size=1_000):
                    columns = {name: batch.column(name) for name in narrow}
                    shown = {name: _shortest(column) for name, column in columns.items()}
                    for index, row in enumerate(batch.to_pylist()):
                        number += 1
                        yield number, row | {name: values[index] for name, values in shown.items()}
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise ProblemError(f"{self.label}, after row {number}: not readable as Parquet ({error}).") from None


class HubRows:
    """Rows of a Hugging Face data set, by name on the hub or as a local folder. `datasets` is imported on first use."""

    unit = "row"

    def __init__(
        self, name: str, *, config: str | None = None, split: str = "train", revision: str | None = None
    ) -> None:
        self._name, self._config, self._split, self._revision = name, config, split, revision
        self.label = f"data set {name}{'/' + config if config else ''} ({split})"

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        import datasets

        try:
            rows: Iterable[Any] = datasets.load_dataset(
                self._name, self._config, split=self._split, revision=self._revision
            )
        except Exception as error:  # the library raises many kinds, also of the network beneath it
            raise ProblemError(
                f"{self.label}: cannot be loaded ({type(error).__name__}: {str(error)[:200]}); "
                "check its name, configuration and split, or the network."
            ) from error
        yield from enumerate(rows, start=1)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, none of whose keys occurs twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} occurs twice")
    return row


def _shortest(column: Any) -> list[Any]:
    """Numbers of less than double precision as the shortest decimals that stand for them: 0.1, not 0.10000000149."""
    values = column.to_numpy(zero_copy_only=False)
    kind = "float16" if str(column.type) == "halffloat" else "float32"
    shown = values.astype(kind)
    return [
        None if null else Decimal(str(value)) for value, null in zip(shown, column.is_null().to_pylist(), strict=True)
    ]
