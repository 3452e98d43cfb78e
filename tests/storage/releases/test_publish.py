"""Releases as Hugging Face data sets: what `datasets` opens, splits that share no problem, shards that are only added."""

import gc
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from storage.errors import LakeError, RecipeError
from storage.ids import file_hash
from storage.lake.lake import Lake
from storage.releases.making import create_release
from storage.releases.publish import publish, split_of
from storage.releases.push import push
from storage.releases.reading import get_release
from storage.releases.shapes import SCHEMAS, export
from tests.storage.small import build

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    with Lake(build(tmp_path_factory.mktemp("publish") / "w")) as opened:
        yield opened


def load(folder, config: str, cache) -> datasets.DatasetDict:
    return datasets.load_dataset(str(folder), config, cache_dir=str(cache))


@pytest.mark.slow
def test_datasets_opens_the_folder_and_no_problem_stands_in_two_splits(lake, tmp_path):
    done = publish(get_release(lake, "set"), tmp_path / "out", shapes=["messages", "verl"], test=0.3)
    whole = load(tmp_path / "out", "default", tmp_path / "cache")
    assert {split: len(rows) for split, rows in whole.items()} == done.rows() and sum(done.rows().values()) == 20
    problems = {split: set(rows["problem_id"]) for split, rows in whole.items()}
    assert problems["train"] and problems["test"] and not problems["train"] & problems["test"]
    chats = load(tmp_path / "out", "messages", tmp_path / "cache")
    assert chats["train"].column_names == ["messages"] and len(chats["train"]) == done.rows()["train"]
    verl = load(tmp_path / "out", "verl", tmp_path / "cache")
    assert sum(map(len, verl.values())) == len(problems["train"] | problems["test"]), "one per problem"
    first = verl["train"][0]
    assert first["reward_model"]["style"] == "rule" and first["prompt"][0]["role"] == "user"
    assert set(first) == {"data_source", "prompt", "ability", "reward_model", "extra_info"}


def test_the_card_is_filled_from_the_manifest(lake, tmp_path):
    publish(get_release(lake, "set"), tmp_path / "out", test=0.3)
    text = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert front["license"] == "mit" and front["size_categories"] == ["n<1K"] and "cot" in front["tags"]
    assert front["configs"][0]["default"] is True
    assert {"split": "train", "path": "data/train-*"} in front["configs"][0]["data_files"]
    assert '| teacher@1 | teacher | {"temperature": 1.0} | 20 |' in text
    assert "| cot | 16 | 12 | 4 |" in text and "| answer:wrong | 4 |" in text and "none was looked for" in text
    assert get_release(lake, "set").content_hash in text


def test_a_later_release_adds_shards_and_rewrites_none(lake, tmp_path):
    folder = tmp_path / "out"
    first = publish(get_release(lake, "set@1"), folder, shapes=["verl"], test=0.3)
    before = {name: file_hash(folder / name) for name in first.files}
    (folder / "data" / "train-0002-00099.parquet").write_bytes(b"left by a run that died")
    second = publish(get_release(lake, "set@2"), folder, shapes=["verl"], test=0.3)
    assert second.releases == ["set@1", "set@2"] and sum(second.rows().values()) == 20
    assert {name: file_hash(folder / name) for name in before} == before
    assert set(second.files) == {path.relative_to(folder).as_posix() for path in folder.glob("data*/*.parquet")}
    ids = [name for file in folder.glob("data/*.parquet") for name in pq.read_table(file)["sample_id"].to_pylist()]
    assert len(ids) == len(set(ids)) == 20
    assert publish(get_release(lake, "set@2"), folder, shapes=["verl"], test=0.3) == second, "once"
    assert load(folder, "default", tmp_path / "cache")["train"].num_rows == second.rows()["train"]


def test_what_cannot_be_added_is_a_sentence(lake, tmp_path):
    folder = tmp_path / "out"
    publish(get_release(lake, "set@2"), folder)
    with pytest.raises(RecipeError, match=r"begun with test=0.05"):
        publish(get_release(lake, "set@1"), folder, test=0.5)
    with pytest.raises(LakeError, match=r"10 rows published .* never rewritten"):
        publish(get_release(lake, "set@1"), folder)
    other = create_release(lake, "other", night=None, condition="method = 'cot'")
    with pytest.raises(RecipeError, match="another data set"):
        publish(other, folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(RecipeError, match="holds other things"):
        publish(other, tmp_path / "mine")
    with pytest.raises(RecipeError, match="did you mean 'messages'"):
        publish(other, tmp_path / "new", shapes=["mesages"])
    assert not (tmp_path / "new").exists()


def test_the_same_problem_in_other_words_is_in_the_same_split():
    rows = [{"problem_id": str(n), "structure_id": f"s{n // 2}"} for n in range(2000)]
    splits = [split_of(row, 0.2) for row in rows]
    assert splits[::2] == splits[1::2] and 300 < splits.count("test") < 500
    assert {split_of(row, 0) for row in rows} == {"train"}
    grown = [split_of(row, 0.4) for row in rows]
    assert all(later == "test" for early, later in zip(splits, grown, strict=True) if early == "test")


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as a push speaks to; it keeps what it was sent."""

    asked: list[tuple[str, str, str]]
    commits: list[list[dict]]
    refuse: bool

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        Hub.asked.append((self.path, self.headers.get("Authorization", ""), body[:200]))
        if Hub.refuse:
            return self._say({"error": "Invalid token"}, 401)
        if self.path.endswith("/create"):
            return self._say({"url": "http://127.0.0.1/datasets/me/set", "id": "me/set", "name": "me/set"})
        if self.path.endswith("/validate-yaml"):
            return self._say({"errors": [], "warnings": []})
        if "/preupload/" in self.path:
            files = [
                {"path": operation["path"], "uploadMode": "regular", "shouldIgnore": False}
                for operation in json.loads(body)["files"]
            ]
            return self._say({"files": files})
        if "/commit/" in self.path:
            Hub.commits.append([json.loads(line) for line in body.splitlines()])
            return self._say(
                {"commitUrl": "http://127.0.0.1/datasets/me/set/commit/1", "commitOid": "1" * 40, "success": True}
            )
        return self._say({}, 404)

    def do_GET(self) -> None:
        Hub.asked.append((self.path, self.headers.get("Authorization", ""), ""))
        self._say({"error": "nothing here"}, 404)

    def _say(self, content: dict, code: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def hub():
    Hub.asked, Hub.commits, Hub.refuse = [], [], False
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.filterwarnings("ignore")
def test_a_push_sends_card_and_shards_with_the_token_of_the_environment(lake, tmp_path, hub, monkeypatch):
    done = publish(get_release(lake, "set"), tmp_path / "out", test=0.3)
    (tmp_path / "out" / "private.txt").write_text("not ours to send")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert "commit/1" in push(tmp_path / "out", "me/set", endpoint=hub)
    assert all(authorization == "Bearer hf_secret" for _, authorization, _ in Hub.asked)
    sent = {line["value"]["path"] for line in Hub.commits[0] if line["key"] == "file"}
    assert sent == {"README.md", "published.json", *done.files}


@pytest.mark.filterwarnings("ignore")
def test_what_the_hub_refuses_is_a_sentence_without_the_token(lake, tmp_path, hub, monkeypatch):
    publish(get_release(lake, "set"), tmp_path / "out")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(RecipeError, match=r"\$HF_TOKEN"):
        push(tmp_path / "out", "me/set", endpoint=hub)
    assert not Hub.asked
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    Hub.refuse = True
    with pytest.raises(LakeError, match=r"refused me/set \(401\)") as refused:
        push(tmp_path / "out", "me/set", endpoint=hub)
    assert "hf_secret" not in str(refused.value)
    with pytest.raises(RecipeError, match="write owner/name"):
        push(tmp_path / "out", "a/b/c/d", endpoint=hub)
    with pytest.raises(RecipeError, match="no published release"):
        push(tmp_path, "me/set", endpoint=hub)


def test_a_full_disk_leaves_nothing_behind_that_complains_later(lake, tmp_path, monkeypatch):
    complaints = []

    def full(writer):
        if writer.is_open:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "close", full)
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with pytest.raises(OSError, match="No space left"):
        publish(get_release(lake, "set"), tmp_path / "out", shapes=["messages"])
    gc.collect()
    assert complaints == [] and list((tmp_path / "out").iterdir()) == []
    monkeypatch.undo()
    assert sum(publish(get_release(lake, "set"), tmp_path / "out", shapes=["messages"]).rows().values()) == 20


@pytest.mark.parametrize("shape", ["messages", "prompt_completion", "prompt", "text", "verl"])
def test_an_exported_file_is_read_by_datasets_with_its_columns_as_they_are(lake, tmp_path, shape):
    release, rows = get_release(lake, "set"), {}
    for kind, ending in (("parquet", "parquet"), ("json", "jsonl")):
        count = export(release, shape, tmp_path / f"rows.{ending}")
        rows[kind] = datasets.load_dataset(
            kind, data_files=str(tmp_path / f"rows.{ending}"), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert len(rows[kind]) == count and rows[kind].column_names == SCHEMAS[shape].names
    assert rows["parquet"].to_list() == rows["json"].to_list()


def test_verl_finds_what_it_asks_of_a_row(lake, tmp_path):
    """As its data set (`verl/utils/dataset/rl_dataset.py`) and its rewards (`reward_score`) take a row apart."""
    export(get_release(lake, "set"), "verl", tmp_path / "rl.parquet")
    rows = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "rl.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"?": 0}, unk_token="?")), unk_token="?")
    tokenizer.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    gold = dict(lake.connection.execute("select problem_id, gold from problems").fetchall())
    for row in rows:
        text = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
        assert text.startswith("<user>What is ") and text.endswith("<assistant>")
        assert (row["extra_info"] or {}).get("index", 0) == 0 and "tools_kwargs" not in row["extra_info"]
        reward = row["reward_model"]
        assert reward == {"style": "rule", "ground_truth": gold[row["extra_info"]["problem_id"]]}
        assert row["data_source"] == "made" and row["ability"] == "arithmetic"
    assert len(rows) == len({row["extra_info"]["problem_id"] for row in rows}) == 12
