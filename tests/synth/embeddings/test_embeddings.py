import sys

import numpy as np
import pytest

from storage.errors import CheckpointError
from synth.embeddings.base import TF_IDF, dense
from synth.embeddings.neighbours import nearest
from synth.embeddings.opening import open_embedding
from synth.embeddings.static import EmbeddingError, StaticEmbedding
from tests.synth.embeddings.static_model import SYNONYMS, write_static_model

CORPUS = ["a dog runs fast", "a cat sleeps", "a dog sleeps", "the stock market fell"]


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    return write_static_model(tmp_path_factory.mktemp("static"))


def test_tf_idf_weighs_rare_words_more():
    vectors = open_embedding(TF_IDF, CORPUS).encode(["a dog", "a stock", "a", "", "neverheard"])
    products = (vectors @ vectors.T).toarray()
    assert np.allclose(products.diagonal(), [1, 1, 1, 0, 1])
    a, dog = np.log(5 / 4) + 1, np.log(5 / 3) + 1
    assert products[0, 2] == pytest.approx(a / np.hypot(a, dog)), "the formula of TfidfVectorizer"
    assert products[1, 2] < products[0, 2], "`stock` is rarer than `dog`"
    assert not products[4, :3].any()


def test_tf_idf_counts_repeated_words_by_their_logarithm():
    once, often = open_embedding(TF_IDF).encode(["x y", "x x x y"]).toarray()
    assert once[once > 0] == pytest.approx([2**-0.5] * 2)
    assert sorted(often[often > 0] / often[often > 0].min()) == pytest.approx([1, 1 + np.log(3)])


def test_identities_change_with_what_decides():
    assert open_embedding(TF_IDF, CORPUS).identity == open_embedding(TF_IDF, CORPUS[::-1]).identity
    assert open_embedding(TF_IDF, CORPUS).identity != open_embedding(TF_IDF, CORPUS[1:]).identity


def test_a_static_model_finds_synonyms_that_words_do_not(static):
    pairs = [first for first, _ in SYNONYMS], [second for _, second in SYNONYMS]
    embedding = open_embedding(str(static))
    near = embedding.encode(pairs[0]) @ embedding.encode(pairs[1]).T
    assert near.diagonal().min() > 0.9 and near[0, 1] < 0.5
    words = open_embedding(TF_IDF, [*pairs[0], *pairs[1]])
    assert (words.encode(pairs[0]) @ words.encode(pairs[1]).T).diagonal().max() == 0
    assert embedding.encode(["", "qqq"]).tolist()[0] == [0.0] * 4 and embedding.encode([]).shape == (0, 4)
    assert embedding.identity == StaticEmbedding(str(static)).identity


def test_what_is_no_static_model_is_refused(static, tmp_path, monkeypatch):
    with pytest.raises(EmbeddingError, match=r"has no model\.safetensors"):
        open_embedding(str(tmp_path))
    for file in static.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(EmbeddingError, match="no static model"):
        open_embedding(str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError):
        open_embedding("nobody/nothing")
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(EmbeddingError, match=r"nightschool\[embeddings\]"):
        open_embedding(str(static))


@pytest.mark.parametrize("sparse", [False, True])
def test_the_nearest_are_those_of_a_full_sort(sparse, monkeypatch):
    rng = np.random.default_rng(0)
    queries, vectors = rng.normal(size=(7, 5)), rng.normal(size=(40, 5))
    queries, vectors = (
        (block / np.linalg.norm(block, axis=1, keepdims=True)).astype(np.float32) for block in (queries, vectors)
    )
    vectors[11] = vectors[3]  # of equals the first is taken
    expected = []
    for number, similarities in enumerate((queries @ vectors.T).astype(float).round(4)):
        best = sorted(range(40), key=lambda row, of=similarities: (-of[row], row))[:3]
        expected += [(number, row) for row in best if similarities[row] >= 0.5]
    if sparse:
        from scipy.sparse import csr_matrix

        queries, vectors = csr_matrix(queries), csr_matrix(vectors)
    for products in (1 << 23, 100):  # in one block, and in blocks of two
        monkeypatch.setattr("synth.embeddings.neighbours._PRODUCTS", products)
        near = nearest([queries], [vectors], most=3, least=0.5)
        assert list(zip(near.queries.tolist(), near.rows.tolist(), strict=True)) == expected
    assert len(nearest([queries], [vectors[:0]], most=3, least=0.5).rows) == 0


def test_several_embeddings_count_by_their_weights():
    queries = np.eye(2, dtype=np.float32)[:1]
    texts, numbers = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)[::-1]
    near = nearest([queries, queries], [texts, numbers], most=2, least=0.1, weights=(0.7, 0.3))
    assert near.rows.tolist() == [0, 1] and near.similarity == pytest.approx([0.7, 0.3])


def test_dense_vectors_keep_their_products():
    vectors = open_embedding(TF_IDF, CORPUS).encode(CORPUS)
    small = dense(vectors)
    assert small.shape == (4, 10) and np.allclose(small @ small.T, (vectors @ vectors.T).toarray())
    assert dense(small) is small
