"""Many writers, killed ones, and a full disk, on both kinds of catalogue."""

import os
import random
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from storage.lake.lake import Lake
from tests.storage.killing import kill_writers, look, start

pytestmark = pytest.mark.slow


def test_four_writers_of_fifty_commits_while_a_reader_looks(either):
    Lake(either).close()
    writers = [start(either, name, 0, 50) for name in "abcd"]
    counts = []
    with Lake(either, read_only=True) as reader:
        while any(writer.poll() is None for writer in writers):
            keys, partial = look(reader)
            assert partial == 0
            counts.append(len(keys))
            time.sleep(0.1)  # two cores are few
        keys, partial = look(reader)
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert partial == 0 and counts == sorted(counts) and len(set(counts)) > 1
    assert keys == {f"{name}:{number}": 1 for name in "abcd" for number in range(50)}


def test_a_writer_killed_at_random_moments(either):
    seed = int.from_bytes(os.urandom(4), "big")
    tally = kill_writers(either, 5, random.Random(seed))
    assert (tally.lost, tally.partial, tally.committed_twice) == (0, 0, 0), (seed, tally)
    assert tally.kills == 5 and tally.acknowledged >= 2


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs a file system of its own (Linux)")
def test_on_a_full_disk_a_commit_fails_in_words_and_the_lake_still_opens(tmp_path):
    """A real full disk: a file system of six megabytes, in a mount namespace of the test's own."""
    code = """
        import pathlib, sys
        from storage.errors import LakeError
        from storage.lake.lake import Lake, table_of
        from storage.workspace import Workspace

        place = Workspace.create(pathlib.Path(sys.argv[1]) / "w")
        (place.root / "ballast").write_bytes(bytes(3 << 20))
        noise = __import__("random").Random(0)
        done = []
        with Lake(place) as lake:
            for number in range(1000):
                rows = [{"problem_id": str(number), "prompt": noise.randbytes(50_000).hex()}] * 1 + [{}] * 20
                try:
                    lake.commit(f"k{number}", "test", {"problems": table_of("problems", rows)})
                except LakeError as error:
                    assert "is full" in str(error) and "free some space" in str(error), error
                    break
                done.append(f"k{number}")
            else:
                raise AssertionError("the disk never got full")
        with Lake(place, read_only=True) as lake:
            assert [row["key"] for row in lake.rows("select key from commits order by seq")] == done
        (place.root / "ballast").unlink()
        with Lake(place) as lake:
            assert lake.commit(f"k{number}", "test", {"problems": table_of("problems", rows)}).new
            assert lake.rows("select count(*) as n from problems") == [{"n": 21 * (len(done) + 1)}]
        print("commits before it was full:", len(done))
    """
    inside = f'mount -t tmpfs -o size=6m tmpfs {tmp_path} && exec {sys.executable} -c "$CODE" {tmp_path}'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", inside],
        env={**os.environ, "CODE": textwrap.dedent(code)}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    if ("mount" in done.stderr and "denied" in done.stderr) or "unshare failed" in done.stderr:
        pytest.skip("this system gives no file system to mount")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "commits before it was full" in done.stdout
