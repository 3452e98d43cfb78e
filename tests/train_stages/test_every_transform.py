"""Every transform: by hand, a function of its seed that leaves the rest alone, and the same after a break."""

import pyarrow as pa
import pytest
from transformers import AutoTokenizer

from storage.errors import TrainingError
from tests.train_stages import every
from train_stages.config import CptConfig, SftConfig
from train_stages.data.documents import encode_documents
from train_stages.stages.sft import encode
from train_stages.transforms import TRANSFORMS
from train_stages.transforms.base import ChatTransform

PARTS = TRANSFORMS.all()
OF_CHATS = [name for name, part in PARTS.items() if issubclass(part, ChatTransform)]
OF_DOCUMENTS = [name for name in PARTS if name not in OF_CHATS]


def planted(rows, name):
    """Rows on which a transform has something to do: those of its example, where it looks for what arithmetic has not."""
    chats = [example.text for example in PARTS[name].examples if not isinstance(example.text, str)]
    return rows if not chats else pa.table({"messages": chats * 30})


@pytest.fixture(scope="module")
def documents(rows):
    texts = ["\n".join(turn["content"] for turn in chat) for chat in rows["messages"].to_pylist()]
    return pa.table({"text": texts, "id": [str(number) for number in range(len(texts))]})


def digest(tokenizer, documents, config, seed=0):
    texts, ids = documents["text"].to_pylist(), documents["id"].to_pylist()
    return encode_documents(tokenizer, texts, config.max_length, config.transforms, ids, seed).digest


@pytest.mark.parametrize("name", PARTS)
def test_it_is_described(name):
    every.check_described(TRANSFORMS, name)


@pytest.mark.parametrize("name", PARTS)
def test_it_is_what_was_worked_out_by_hand(name):
    every.check_transform(PARTS[name])


@pytest.mark.parametrize("name", OF_CHATS)
def test_what_is_encoded_is_transformed_or_was_encoded_before(base, rows, name):
    tokenizer, rows = AutoTokenizer.from_pretrained(base), planted(rows, name)
    digests = [encode(tokenizer, rows, SftConfig(transforms=[name]), seed).digest for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    if PARTS[name].neutral is not None:
        still = SftConfig(transforms=[PARTS[name](**PARTS[name].neutral)])
        assert encode(tokenizer, rows, still).digest == encode(tokenizer, rows, SftConfig()).digest
    ready = encode(tokenizer, rows.slice(0, 2), SftConfig()).table
    with pytest.raises(TrainingError, match="leave transforms out"):
        encode(tokenizer, ready, SftConfig(transforms=[name]))


@pytest.mark.parametrize("name", OF_DOCUMENTS)
def test_a_document_is_transformed_before_it_is_encoded(base, documents, name):
    tokenizer = AutoTokenizer.from_pretrained(base)
    digests = [digest(tokenizer, documents, CptConfig(transforms=[name]), seed) for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]
    still = CptConfig(transforms=[PARTS[name](**PARTS[name].neutral)])
    assert digest(tokenizer, documents, still) == digest(tokenizer, documents, CptConfig())


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_a_training_that_breaks_off_goes_on_to_the_same_weights(base, rows, documents, tmp_path, name):
    options = {"transforms": [name], "learning_rate": 1e-3, "batch_tokens": 256}
    stage, table = ("sft", planted(rows, name)) if name in OF_CHATS else ("cpt", documents)
    every.check_resume(stage, base, table.slice(0, 60), tmp_path, **options)
