"""Models of the Hugging Face Hub as folders on this machine."""

from pathlib import Path

from storage.errors import CheckpointError

_WANTED = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model"]
"""Weights, configuration, tokenizer and chat template; no second copy of the weights in another format."""


def hub_folder(name: str, *, download: bool = True) -> Path | None:
    """Return the folder of a model of the Hub, downloaded at the first use.

    What is here already is taken as it is: a model changes only when it is removed from the cache of `huggingface_hub`.

    Args:
        name: `owner/model`.
        download: Whether it may be downloaded.

    Returns:
        The folder; None where it is not here and may not be downloaded.

    Raises:
        CheckpointError: There is no such model, it may not be read, or the Hub cannot be reached.
    """
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_WANTED, local_files_only=True))
    except LocalEntryNotFoundError:
        if not download:
            return None
    except HFValidationError:
        raise CheckpointError(
            f"{name!r} is no folder here, and no name of the Hugging Face Hub, owner/model; name a folder"
        ) from None
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_WANTED))
    except Exception as error:  # its errors have no common base
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{name!r} is no folder here and cannot be taken from the Hugging Face Hub ({type(error).__name__}: {reason}); name a "
            "folder, or check the name, the network and HF_TOKEN"
        ) from None
