"""What is wrong with the disk, a file or the catalogue, as sentences; and file systems that SQLite must not be on."""

import json
import re
from pathlib import Path

from storage.errors import WorkspaceError

_FULL = re.compile(r"No space left|database or disk is full|Disk quota exceeded|could not extend file", re.I)
_FAILING = re.compile(r"disk I/O error|unable to open database file|Input/output error", re.I)
"""What SQLite says of a disk that does not take what it writes beside its file, be it full or broken."""
_PASSING = re.compile(
    r"database is locked|could not serialize|Duplicate key|maximum retry count|Failed to commit DuckLake transaction"
)
_FILE = re.compile(r"""['"]([^'"]+\.(?:parquet|puffin))['"]""")
_MISSING = re.compile(r"No such file|Cannot open file|does not exist|HTTP 404|404 \(Not Found\)", re.I)
_DAMAGED = re.compile(
    r"magic bytes|too small to be a Parquet file|Snappy|zstd|decompress|TProtocol|thrift|Corrupt|invalid.*(page|footer|metadata)",
    re.I,
)
_FORMAT = re.compile(r"catalog version is ([\w.-]+), but the extension requires version ([\w.-]*\w)")
_NO_DUCKLAKE = re.compile(r'No snapshot found in DuckLake|does not exist!.*__ducklake_metadata_lake"?\.', re.S)
"""What DuckDB says of a catalogue that lacks rows or tables of DuckLake's."""
_QUOTING = re.compile(
    r"(Conversion|Binder|Parser|Out of Range|Constraint|Mismatch Type) Error:"
    r"|Invalid Input Error: (?!DuckLake |No snapshot found in DuckLake|Attempting to fetch from an unsuccessful)"
)
"""How DuckDB's errors about a statement or a value begin: they quote either, whose words say nothing of a disk or a file."""
_NO_DATABASE = re.compile(
    r"file is not a database|disk image is malformed|malformed database schema|file is encrypted|could not decode to UTF-8",
    re.I,
)
_NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "smb2", "afs", "ceph", "glusterfs", "lustre", "beegfs", "gpfs", "ncpfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.goofys", "ocfs2",
}  # fmt: skip


def is_passing(error: Exception) -> bool:
    """Return whether a commit that failed like this may succeed when it is tried again."""
    message = str(error)
    return bool(_PASSING.search(message)) and not (_FULL.search(message) or _FAILING.search(message))


def is_damage(error: Exception) -> bool:
    """Return whether a database could not be read because its file is not what SQLite wrote."""
    return bool(_NO_DATABASE.search(str(error)))


def irregular(path: Path) -> str | None:
    """Return what stands where a file belongs, for people; None where there is a file, or nothing."""
    if path.is_symlink() and not path.exists():
        return f"a link to {path.readlink()}, where nothing is"
    if not path.exists() or path.is_file():
        return None
    return "a folder" if path.is_dir() else "no regular file"


def bring_back(root: Path) -> str:
    """Say how the catalogue of a workspace comes back: from its youngest back-up, or a copy that is elsewhere."""
    backups = sorted(filter(_is_json, (root / "backups").glob("*/backup.json")), key=lambda file: file.stat().st_mtime)
    if backups:
        name = backups[-1].parent.name
        return (
            f"bring one back with `nightschool lake restore {name}` (the youngest back-up; --dry-run says what is lost)"
        )
    return (
        f"there is no back-up in {root / 'backups'}: copy one there and bring it back with `nightschool lake restore NAME`, "
        "or put catalog.sqlite back from a copy of yours"
    )


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_text(encoding="utf-8")), dict)
    except (OSError, ValueError, RecursionError):
        return False


def explain(error: Exception, root: Path) -> str:
    """Say what an error of a database or of its disk means and what to do about it; an error that nobody knows stays as it is."""
    message = str(error).strip()
    if not _QUOTING.match(message) and (fault := _of_disk_or_catalogue(error, message, root)):
        return fault
    file = _FILE.search(message)
    if file and (_MISSING.search(message) or _DAMAGED.search(message)):
        what = "missing" if _MISSING.search(message) else "damaged"
        return (
            f"lake file {file[1]} is {what} ({message.splitlines()[0]}); put it back from a copy, "
            "`nightschool lake check` names all that are lost"
        )
    return message


def _of_disk_or_catalogue(error: Exception, message: str, root: Path) -> str | None:
    if _FULL.search(message):
        return (
            f"the disk of {root} is full ({message}). What was committed before is whole, nothing of this commit is "
            "there: free some space and run the same command again"
        )
    if _FAILING.search(message):
        return (
            f"the disk of {root} does not take what is written, it is full or fails ({message}). What was committed before is "
            "whole: free some space (or see to the disk) and run the same command again"
        )
    if formats := _FORMAT.search(message):
        older = [int(part) for part in re.findall(r"\d+", formats[1])] < [
            int(part) for part in re.findall(r"\d+", formats[2])
        ]
        remedy = f"take the Nightschool that made it, or {bring_back(root)}" if older else "update Nightschool"
        return f"the catalogue has DuckLake's format {formats[1]}, this version reads {formats[2]}; nothing was changed: {remedy}"
    if is_damage(error) or _NO_DUCKLAKE.search(message):
        return f"the catalogue is damaged ({message.splitlines()[0]}); {bring_back(root)}"
    return None


def refuse_network_file_system(root: Path, mounts: str | None = None) -> None:
    """Refuse a folder on a file system where SQLite's locks do not hold between machines.

    Args:
        root: The folder, absolute.
        mounts: Text of `/proc/mounts`; read when None. Without one (macOS) nothing is refused.

    Raises:
        WorkspaceError: It is on NFS, SMB or their like.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
    kinds = {}
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) > 2:
            kinds[Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), parts[1]))] = parts[2]
    for folder in (root, *root.parents):
        if folder in kinds:
            if kinds[folder] in _NETWORK:
                raise WorkspaceError(
                    f"workspace {root} is on a network file system ({kinds[folder]} at {folder}), where SQLite's locks do not "
                    "hold; put it on a local disk. Many machines share a lake through PostgreSQL: "
                    "`nightschool lake init --catalog postgres:...`"
                )
            return
