"""Sends a published folder to the Hugging Face Hub, when somebody asks for it."""

import os
from pathlib import Path

from storage.errors import LakeError, RecipeError
from storage.releases.publish import STATE

TOKEN = "HF_TOKEN"  # noqa: S105 - the name of the variable
"""Environment variable that holds the token; it is read from nowhere else and written nowhere."""


def push(folder: Path, repo: str, *, private: bool = True, endpoint: str | None = None) -> str:
    """Upload the card and the shards of a folder; shards that the repository has already are not sent again.

    Args:
        folder: A folder that `publish` wrote.
        repo: `owner/name`.
        private: Whether a repository that is made for this is private.
        endpoint: Address of the Hub; None takes `HF_ENDPOINT`, or the public one.

    Returns:
        Address of the commit.

    Raises:
        RecipeError: The folder is none, the name is none, or there is no token.
        LakeError: The Hub refused, or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if not (folder / STATE).exists():
        raise RecipeError(f"{folder} is no published release; write one with `nightschool release publish` first")
    token = os.environ.get(TOKEN)
    if not token:
        raise RecipeError(f"pushing needs a token with write access in ${TOKEN}")
    api = HfApi(endpoint=endpoint, token=token, library_name="nightschool")
    try:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            repo_type="dataset",
            allow_patterns=["README.md", STATE, "data/*.parquet", "data-*/*.parquet"],
            commit_message=f"Release from {folder.name}",
        )
    except HFValidationError as error:
        raise RecipeError(f"repository {repo!r}: write owner/name ({error})") from None
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no answer"
        raise LakeError(f"the Hub refused {repo} ({status}): {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise LakeError(
            f"the Hub cannot be reached for {repo}: {type(error).__name__}; try the same command again"
        ) from None
    return str(done.commit_url)
