import subprocess
import sys

import pyarrow as pa
import pytest

from storage.errors import LakeError
from storage.lake.lake import Lake
from storage.releases.handover import arrow_files, open_dataset, open_table, to_dataset
from storage.releases.reading import get_release
from tests.storage.small import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    with Lake(build(tmp_path_factory.mktemp("handover") / "w"), read_only=True) as lake:
        yield get_release(lake, "set")


def test_a_release_is_mapped_not_read(release):
    table = open_table(release)
    assert table.sort_by("sample_id").equals(release.table())
    before = pa.total_allocated_bytes()
    again = open_table(release)
    assert pa.total_allocated_bytes() - before < again.nbytes / 4, "the columns are views of the files"


def test_datasets_takes_it_with_the_content_hash_as_fingerprint(release):
    data = open_dataset(release)
    assert len(data) == 20 and data._fingerprint == release.content_hash[:16] and data.cache_files
    assert data[0]["messages"][0]["role"] == "user" and set(data.column_names) == set(release.table().column_names)
    assert data.map(lambda row: {"n": row["words"] + 1}, load_from_cache_file=False)[0]["n"] == 4
    assert open_table(release).num_rows == 20, "what datasets keeps beside the files is not taken for one of them"


def test_a_table_in_memory_is_handed_over_as_it_is(release):
    table = release.table()
    data = to_dataset(table, release.content_hash)
    ours, theirs = table["response"].chunk(0).buffers(), data.data.column("response").chunk(0).buffers()
    assert [buffer and buffer.address for buffer in ours] == [buffer and buffer.address for buffer in theirs]


def test_several_processes_make_the_files_once(release):
    import shutil

    shutil.rmtree(release.path / "arrow", ignore_errors=True)
    code = (
        "import sys, pathlib\nfrom storage import Lake, Workspace, get_release, open_table\n"
        "with Lake(Workspace.open(pathlib.Path(sys.argv[1])), read_only=True) as lake:\n"
        "    print(open_table(get_release(lake, 'set')).num_rows)\n"
    )
    command = [sys.executable, "-c", code, str(release.path.parents[2])]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0].strip() for process in started] == ["20"] * 3
    assert not list(release.path.glob(".arrow*")) and len(arrow_files(release)) == 2


def test_a_damaged_release_is_not_handed_over(release, tmp_path):
    import shutil
    from dataclasses import replace

    copy = replace(release, path=tmp_path / "copy")
    shutil.copytree(release.path, copy.path, ignore=shutil.ignore_patterns("arrow"))
    next((copy.path / "data").iterdir()).unlink()
    with pytest.raises(LakeError, match="missing or changed"):
        open_table(copy)
    assert not list(copy.path.glob(".arrow*")) and not (copy.path / "arrow").exists()
