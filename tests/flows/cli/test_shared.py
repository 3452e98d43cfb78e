import errno
import os

import pytest
import typer

from flows.cli.shared import sentences


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "make room; the same command goes on"),
        (errno.ENAMETOOLONG, "choose a shorter name"),
        (errno.EADDRINUSE, "the port is taken"),
        (errno.EROFS, "name a place that you may use"),
        (errno.EISDIR, "name a file"),
        (errno.EIO, "the disk fails: see to it"),
        (errno.ELOOP, "remove the link"),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(code, remedy, capsys):
    with pytest.raises(typer.Exit), sentences():
        raise OSError(code, os.strerror(code), "/some/\x1b[2Jplace")
    error = capsys.readouterr().err
    assert remedy in error and os.strerror(code) in error and "\x1b[2J" not in error


def test_an_error_of_the_program_is_not_hidden():
    with pytest.raises(OSError, match="Bad file descriptor"), sentences():
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
