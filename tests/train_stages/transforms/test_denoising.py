"""Denoising: what was hidden and what is left make the document again, and as much is hidden as was asked for."""

import itertools
import re

import numpy as np
import pytest

from storage.errors import RecipeError
from train_stages.transforms import TRANSFORMS
from train_stages.transforms.denoising import Denoising, spans

TEXT = " ".join(f"w{number}" for number in range(200)) + "\nand a  last line."


def filled(document):
    """The document as it was, from the two parts of a spans denoiser."""
    hidden = dict(re.findall(r"(<\d+>) (.*?)(?=\s<\d+> |$)", document.learned.strip(), re.DOTALL))
    text = document.given.partition(" ")[2]
    return re.sub(r"<\d+>", lambda mark: hidden[mark[0]], text)


@pytest.mark.parametrize("kinds", [(1, 0, 0), (0, 0, 1)])
def test_the_hidden_spans_fill_the_gaps(kinds):
    rng = np.random.default_rng(1)
    for _ in range(50):
        document = Denoising(kinds=kinds)(TEXT, rng)
        assert filled(document) == TEXT


def test_the_sequential_kind_hides_the_end():
    document = Denoising(kinds=(0, 1, 0))(TEXT, np.random.default_rng(1))
    given = document.given.removeprefix("[S] ")
    assert given + document.learned == TEXT
    assert len(document.learned.split()) == round(0.25 * len(TEXT.split()))


@pytest.mark.parametrize(("mean", "share"), [(3.0, 0.15), (8.0, 0.5), (1.0, 1.0), (1.0, 0.5)])
def test_spans_do_not_touch_and_hide_as_much_as_was_asked_for(mean, share):
    rng = np.random.default_rng(2)
    for count in (2, 3, 10, 101):
        for _ in range(30):
            found = spans(count, mean, share, rng)
            assert sum(end - start for start, end in found) == min(count, max(1, round(share * count)))
            assert all(end < start for (_, end), (start, _) in itertools.pairwise(found))
            assert found[0][0] >= 0 and found[-1][1] <= count


def test_every_word_is_hidden_as_often_as_another():
    """Hidden positions are spread over the document: first, middle and last third within five standard errors of each other."""
    rng, hits, rounds = np.random.default_rng(3), np.zeros(90), 4000
    for _ in range(rounds):
        for start, end in spans(90, 3.0, 0.15, rng):
            hits[start:end] += 1
    thirds = hits.reshape(3, 30).sum(1) / (rounds * 30)
    assert np.ptp(thirds) < 5 * (0.15 * 0.85 / (rounds * 30)) ** 0.5 * 3, thirds  # words of a span are not independent


def test_kinds_come_as_often_as_they_should():
    rng = np.random.default_rng(4)
    modes = [Denoising(kinds=(0.5, 0.2, 0.3))(TEXT, rng).given[:3] for _ in range(3000)]
    for mode, share in (("[R]", 0.5), ("[S]", 0.2), ("[X]", 0.3)):
        assert abs(modes.count(mode) / 3000 - share) < 4 * (share * (1 - share) / 3000) ** 0.5


def test_a_text_that_has_marks_of_its_own_is_left_alone():
    assert Denoising()("see <0> and <1> there", np.random.default_rng(0)) is None


def test_kinds_that_are_no_probabilities_are_refused():
    with pytest.raises(RecipeError, match="three probabilities that add up to 1"):
        TRANSFORMS.read({"kind": "denoising", "kinds": [1, 1, 0]}, "train.plan.0.cpt.transforms.0")
