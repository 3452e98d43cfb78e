"""A model of the Hub: as it is here, else downloaded, else a sentence."""

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from storage.errors import CheckpointError
from storage.models.hub import hub_folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub whose models are the keys; a value says whether the model is here already."""
    models: dict[str, bool] = {}
    asked: list[bool] = []

    def snapshot_download(name, *, allow_patterns, local_files_only=False):
        asked.append(local_files_only)
        assert "*.safetensors" in allow_patterns
        if local_files_only and not models.get(name):
            raise LocalEntryNotFoundError("not here")
        if name not in models:
            raise OSError("404 no such\nmodel")
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return models, asked


def test_what_is_here_is_taken_and_the_hub_not_asked(hub, tmp_path):
    models, asked = hub
    models["a/here"] = True
    assert hub_folder("a/here") == tmp_path / "a/here" and asked == [True]


def test_what_is_not_here_is_downloaded_unless_it_may_not(hub, tmp_path):
    models, asked = hub
    models["a/far"] = False
    assert hub_folder("a/far", download=False) is None and asked == [True]
    assert hub_folder("a/far") == tmp_path / "a/far" and asked == [True, True, False]


def test_a_model_that_cannot_be_had_is_a_sentence(hub):
    with pytest.raises(CheckpointError, match=r"'a/none' is no folder here and cannot .* 404 no such model.*HF_TOKEN"):
        hub_folder("a/none")


@pytest.mark.parametrize("name", ["/etc/passwd", "a/b/c", "../x", "a b/c"])
def test_what_is_neither_folder_nor_name_is_a_sentence(name):
    with pytest.raises(CheckpointError, match=r"no folder here, and no name of the Hugging Face Hub"):
        hub_folder(name)
