"""A release as a Hugging Face data set: Parquet shards, a card filled from the manifest, a push when asked.

    README.md                              the card
    published.json                         which releases are in it, and the hash of every shard
    data/train-0001-00000.parquet          every column, `test-...` beside it; 0001 is the first release published here
    data-<shape>/train-0001-00000.parquet  the same rows in a shape that a trainer reads; a configuration of the data set each

Shards are added, never rewritten: a later release of the same data set adds the rows that are new. Splits are drawn by a hash of
the problem's canonical structure, so that no problem, in whatever words, stands in two splits, now or after the next release.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from storage.atomic import write_text
from storage.errors import LakeError, RecipeError
from storage.releases.card import card
from storage.releases.reading import Release, columns_today
from storage.releases.shapes import Shape, first, known_shape, schema_of, shaped
from storage.releases.shards import SHARD_BYTES, ShardWriter

STATE = "published.json"
DEFAULT = "default"
_SPLITS = ("train", "test")


@dataclass
class Published:
    """What a folder holds.

    Attributes:
        releases: Ids, in the order in which they were published.
        test: Share of the problems in the test split.
        shapes: Shapes beside the whole rows.
        files: Rows and SHA-256 of every shard.
    """

    releases: list[str]
    test: float
    shapes: list[str]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def rows(self, config: str = DEFAULT) -> dict[str, int]:
        """Return rows by split."""
        by_split = dict.fromkeys(_SPLITS, 0)
        for name, entry in self.files.items():
            folder, _, file = name.partition("/")
            if folder == _folder(config):
                by_split[file.split("-")[0]] += entry["rows"]
        return {split: rows for split, rows in by_split.items() if rows}


def split_of(row: Mapping[str, Any], test: float) -> str:
    """Return the split of a row: by its problem's structure, or by the problem where it has none."""
    identity = str(row["structure_id"] or row["problem_id"])
    share = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big") / 2**64
    return "test" if share < test else "train"


def publish(
    release: Release,
    folder: Path,
    *,
    shapes: Sequence[str] = (),
    test: float = 0.05,
    shard_bytes: int = SHARD_BYTES,
) -> Published:
    """Write a release into a folder in the Hugging Face layout, or add what is new of it to one.

    Args:
        release: The release.
        folder: A new folder, or one that an earlier release of the same data set was published to.
        shapes: Shapes to write beside the whole rows.
        test: Share of the problems that go to the test split.
        shard_bytes: Bytes in memory per shard.

    Raises:
        RecipeError: The folder holds something else, or was begun with another split or other shapes.
        LakeError: Rows that are published there are no longer in the release: shards are never rewritten.
    """
    wanted = [known_shape(name) for name in shapes]
    if not 0 <= test < 1:
        raise RecipeError(f"test {test}: a share of the problems, from 0 to below 1")
    before = _state(folder)
    if before is None:
        before = Published([], test, list(wanted))
    elif (before.test, before.shapes) != (test, list(wanted)):
        raise RecipeError(
            f"{folder} was begun with test={before.test} and shapes {', '.join(before.shapes) or 'none'}; "
            "give the same, or a new folder"
        )
    if release.id in before.releases:
        return before
    _sweep(folder, before)
    _must_have_the_same_columns(folder, before, release)
    published_ids = _known(folder, before, release)
    problems = _problems(folder, before)
    number = len(before.releases) + 1
    making = folder / ".making"
    shutil.rmtree(making, ignore_errors=True)
    try:
        schemas = {shape: schema_of(release, shape) for shape in wanted}
        files = _write(_new(release, published_ids), making, problems, schemas, test, number, shard_bytes)
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (making / name).rename(folder / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    after = Published([*before.releases, release.id], test, list(wanted), {**before.files, **files})
    (folder / "README.md").write_text(card(release, after.releases, _configs(after)), encoding="utf-8")
    write_text(folder / STATE, json.dumps(vars(after), indent=2, sort_keys=True) + "\n")
    return after


def _state(folder: Path) -> Published | None:
    state = folder / STATE
    if state.exists():
        return Published(**json.loads(state.read_text(encoding="utf-8")))
    if folder.exists() and any(path.name != ".making" for path in folder.iterdir()):
        raise RecipeError(f"{folder} holds other things; name a new folder, or one that a release was published to")
    folder.mkdir(parents=True, exist_ok=True)
    return None


def _must_have_the_same_columns(folder: Path, before: Published, release: Release) -> None:
    """Refuse to add shards with other columns: `datasets` would not open them together."""
    first = next((name for name in sorted(before.files) if name.startswith("data/")), None)
    names = pq.read_schema(folder / first).names if first else []
    if columns_today(names) != names:
        raise LakeError(
            f"{folder} was begun by an older version, whose column `tokens` is `words` today: publish to a new folder, and "
            "replace the old one"
        )
    if names and ("model_tokens" in names) != ("model_tokens" in release.manifest):
        raise LakeError(
            f"{folder} and {release.id} do not both have the column `model_tokens`, which exports of an older version lack: "
            "publish to a new folder"
        )


def _known(folder: Path, before: Published, release: Release) -> set[str]:
    """Ids of the rows that stand in the folder already; each must still be in the release."""
    if before.releases and before.releases[-1].partition("@")[0] != release.name:
        raise RecipeError(
            f"{folder} holds {before.releases[-1]}; {release.id} is another data set and wants a folder of its own"
        )
    published: set[str] = set()
    for name in before.files:
        if name.startswith("data/"):
            published.update(pq.read_table(folder / name, columns=["sample_id"])["sample_id"].to_pylist())
    gone = set(published)
    for batch in release.batches(["sample_id"]) if published else ():
        gone.difference_update(batch["sample_id"].to_pylist())
    if gone:
        raise LakeError(
            f"{len(gone):,} rows published in {folder} are not in {release.id} any more, and shards are never rewritten: "
            "publish to a new folder, and replace the old one"
        )
    return published


def _problems(folder: Path, before: Published) -> set[str]:
    """Problems that stand in the verl shards already."""
    files = [folder / name for name in before.files if name.startswith(f"{_folder('verl')}/")]
    columns = [pq.read_table(file, columns=["extra_info"])["extra_info"].combine_chunks() for file in files]
    return {problem for column in columns for problem in column.field("problem_id").to_pylist()}


def _sweep(folder: Path, before: Published) -> None:
    """Remove shards that a run which died could not record any more."""
    for path in folder.glob("data*/*.parquet"):
        if path.relative_to(folder).as_posix() not in before.files:
            path.unlink()


def _write(
    batches: Iterable[pa.RecordBatch],
    making: Path,
    problems: set[str],
    schemas: Mapping[Shape, pa.Schema],
    test: float,
    number: int,
    shard_bytes: int,
) -> dict[str, dict[str, Any]]:
    with ExitStack() as stack:
        writers = {
            config: stack.enter_context(
                ShardWriter(making, "split", shard_bytes, folder=_folder(config), stem=f"{{}}-{number:04d}", keep=False)
            )
            for config in (DEFAULT, *schemas)
        }
        for batch in batches:
            rows = batch.to_pylist()
            splits = [split_of(row, test) for row in rows]
            writers[DEFAULT].write(batch.append_column("split", pa.array(splits, pa.string())))
            for shape in schemas:
                shaped_rows = list(_shaped(rows, splits, shape, problems))
                if shaped_rows:
                    schema = schemas[shape].append(pa.field("split", pa.string()))
                    writers[shape].write(pa.RecordBatch.from_pylist(shaped_rows, schema=schema))
        return {name: entry for writer in writers.values() for name, entry in writer.close().items()}


def _new(release: Release, published_ids: set[str]) -> Iterator[pa.RecordBatch]:
    for batch in release.batches():
        if published_ids:
            batch = batch.filter(pa.array([name not in published_ids for name in batch["sample_id"].to_pylist()]))
        if batch.num_rows:
            yield batch


def _shaped(
    rows: Sequence[Mapping[str, Any]], splits: Sequence[str], shape: Shape, problems: set[str]
) -> Iterator[dict[str, Any]]:
    """Rows in a shape with their split; for verl, one per problem."""
    for row, split in zip(rows, splits, strict=True):
        for shaped_row in shaped([row], shape):
            if first(row, shape, problems):
                yield {**shaped_row, "split": split}


def _folder(config: str) -> str:
    return "data" if config == DEFAULT else f"data-{config}"


def _configs(published: Published) -> dict[str, dict[str, int]]:
    return {config: published.rows(config) for config in (DEFAULT, *published.shapes) if published.rows(config)}
