"""Closes this process for good: no network, no file outside a short list, bounded memory, CPU and file size.

What each layer needs: limits, any Unix; no network, Linux with user namespaces; files, Linux 5.13 with Landlock. A layer that
the kernel does not offer is left out, and the names of those in force are returned, so that nobody has to guess.
"""

import ctypes
import os
import platform
import resource
import struct
import threading
from collections.abc import Iterable
from pathlib import Path

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_DIR, _MAKE_FILE, _REMOVE_DIR = 1 << 5, 1 << 7, 1 << 8, 1 << 4
_TRUNCATE = 1 << 14
_FILES_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file access rights each version of Landlock knows; later ones know as many as 5."""


def die_with_parent() -> None:
    """End this process when the one that holds the other end of its standard input ends, in the middle of whatever it does."""
    threading.Thread(target=_watch, name="watch", daemon=True).start()


def _watch() -> None:
    while os.read(0, 4096):
        continue
    os._exit(1)


def limit(*, memory: int, cpu_s: int, file_size: int) -> list[str]:
    """Bound address space (bytes), CPU time (seconds) and the size of any file written (bytes)."""
    bounds = {resource.RLIMIT_CPU: cpu_s, resource.RLIMIT_FSIZE: file_size, resource.RLIMIT_CORE: 0}
    if platform.system() == "Linux":
        bounds[resource.RLIMIT_AS] = memory
    for which, bound in bounds.items():
        hard = resource.getrlimit(which)[1]
        value = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(which, (value, value))
    return ["limits"]


def close_network() -> list[str]:
    """Move this process, while it has one thread, into a network of its own without interfaces."""
    if platform.system() != "Linux" or ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NET):
        return []
    return ["network"]


def close_files(read: Iterable[Path], write: Iterable[Path], folders: Iterable[Path]) -> list[str]:
    """Refuse every file but these to the calling thread and to the threads it starts later.

    Args:
        read: Folders and files to read.
        write: Files that exist and may be read and written.
        folders: Folders to make, read, write and remove files in.
    """
    if platform.system() != "Linux":
        return []
    system = ctypes.CDLL(None, use_errno=True)
    abi = system.syscall(_CREATE_RULESET, None, 0, 1)
    if abi < 1:
        return []
    everything = (1 << _FILES_BY_ABI[min(abi, 5)]) - 1
    rules = struct.pack("<Q", everything)
    if abi >= 4:
        rules += struct.pack("<Q", 0)  # the network is closed by its namespace, UDP included
    ruleset = system.syscall(_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return []
    file_only = _READ_FILE | _WRITE_FILE | _TRUNCATE
    inside = file_only | _READ_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _REMOVE_DIR
    for paths, rights in ((read, _READ_FILE | _READ_DIR), (write, file_only), (folders, inside)):
        for path in paths:
            _allow(system, ruleset, path, rights & everything)
    done = not system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) and not system.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return ["files"] if done else []


def _allow(system: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    if not path.is_dir():
        rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", rights, descriptor)
        if system.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0):
            raise OSError(ctypes.get_errno(), f"cannot open {path} to the confined process")
    finally:
        os.close(descriptor)
