"""A seccomp filter (classic BPF) that refuses system calls no solution needs: new processes and threads, sockets, tracing, mounts.

Namespaces already keep a program apart; this leaves less of the kernel to attack, and holds the number of processes at one even
where the caller is root, whom RLIMIT_NPROC does not bind. Numbers: Linux's `unistd_64.h` and `asm-generic/unistd.h`.
"""

import platform
import struct

_NUMBERS: dict[str, dict[str, int]] = {
    "x86_64": {
        "clone": 56, "fork": 57, "vfork": 58, "clone3": 435, "socket": 41, "socketpair": 53, "ptrace": 101, "mount": 165,
        "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308, "process_vm_readv": 310,
        "process_vm_writev": 311, "keyctl": 250, "add_key": 248, "request_key": 249, "bpf": 321, "perf_event_open": 298,
        "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "kexec_load": 246,
        "init_module": 175, "finit_module": 313, "name_to_handle_at": 303, "open_by_handle_at": 304, "memfd_create": 319,
        "shmget": 29, "shmat": 30, "msgget": 68, "semget": 64, "mq_open": 240, "fanotify_init": 300, "inotify_init": 253,
        "inotify_init1": 294, "personality": 135, "setpriority": 141, "sched_setscheduler": 144, "pidfd_open": 434,
        "pidfd_getfd": 438, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
        "execveat": 322, "syslog": 103, "io_setup": 206, "splice": 275, "tee": 276, "vmsplice": 278, "modify_ldt": 154,
        "kcmp": 312, "kexec_file_load": 320, "delete_module": 176, "quotactl": 179, "acct": 163, "migrate_pages": 256,
        "move_pages": 279, "mbind": 237, "set_mempolicy": 238, "remap_file_pages": 216, "seccomp": 317,
    },
    "aarch64": {
        "clone": 220, "clone3": 435, "socket": 198, "socketpair": 199, "ptrace": 117, "mount": 40, "umount2": 39,
        "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
        "keyctl": 219, "add_key": 217, "request_key": 218, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "kexec_load": 104, "init_module": 105,
        "finit_module": 273, "name_to_handle_at": 264, "open_by_handle_at": 265, "memfd_create": 279, "shmget": 194,
        "shmat": 196, "msgget": 186, "semget": 190, "mq_open": 180, "fanotify_init": 262, "inotify_init1": 26,
        "personality": 92, "setpriority": 140, "sched_setscheduler": 119, "pidfd_open": 434, "pidfd_getfd": 438,
        "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "execveat": 281,
        "syslog": 116, "io_setup": 0, "splice": 76, "tee": 77, "vmsplice": 75, "kcmp": 272, "kexec_file_load": 294,
        "delete_module": 106, "quotactl": 60, "acct": 89, "migrate_pages": 238, "move_pages": 239, "mbind": 235,
        "set_mempolicy": 237, "remap_file_pages": 234, "seccomp": 277,
    },
}  # fmt: skip
"""`execve` is not among them: bubblewrap needs it to start the interpreter, and there is no other program to start."""
_NEW = 440
"""From here on numbers are the same everywhere, and no Python needs a call; so what newer kernels add is refused as well."""
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD_WORD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # the last: errno 1, EPERM


def known_machine() -> bool:
    """Whether the numbers of this machine's system calls are known."""
    return platform.machine() in _NUMBERS


def seccomp_filter() -> bytes:
    """Return the filter for this machine, as bubblewrap reads it."""
    machine = platform.machine()
    refused = sorted(set(_NUMBERS[machine].values()))
    checks = [(_AT_LEAST, len(refused) + 1, 0, _NEW)]  # on x86_64 those of x32 too, which have bit 30
    checks += [(_EQUAL, len(refused) - place, 0, number) for place, number in enumerate(refused)]
    program = [
        (_LOAD_WORD, 0, 0, 4),  # the architecture
        (_EQUAL, 1, 0, _ARCHITECTURES[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD_WORD, 0, 0, 0),  # the number of the call
        *checks,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
