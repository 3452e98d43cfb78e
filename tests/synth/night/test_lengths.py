import pyarrow as pa
import pytest

from storage.errors import CheckpointError
from storage.lake.lake import table_of
from synth.night.lengths import with_tokens
from tests.tiny_llama import make_tiny

ROW = {
    "messages": [{"role": "user", "content": "2+2?"}],
    "response": "It is 4.",
    "rejected": None,
    "text": None,
    "words": 4,
}


def test_tokens_are_those_of_the_learners_tokenizer_without_its_marks(tmp_path):
    from transformers import AutoTokenizer

    folder = make_tiny(tmp_path / "model")
    samples = table_of("samples", [ROW, {**ROW, "messages": [], "response": None, "text": "abc"}])
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    counted = lambda text: len(tokenizer(text, add_special_tokens=False)["input_ids"])  # noqa: E731
    assert with_tokens(samples, folder)["tokens"].to_pylist() == [counted("2+2?") + counted("It is 4."), counted("abc")]


def test_without_a_tokenizer_only_words_are_known(tmp_path):
    samples = table_of("samples", [ROW])
    assert (
        with_tokens(samples, None)["tokens"].to_pylist()
        == with_tokens(samples, tmp_path)["tokens"].to_pylist()
        == [None]
    )
    assert isinstance(with_tokens(samples, None), pa.Table)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="cannot be read as a tokenizer"):
        with_tokens(samples, tmp_path)
