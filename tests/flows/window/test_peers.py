"""Other users of the machine: who knows the cookie of the window is refused all the same, unless it is the window's own user."""

import os
import subprocess
import sys
import threading

import pytest

from flows.window.guard import Guard
from flows.window.peers import user_of

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 65534        0 2 1 0
   2: 0100007F:C351 0100007F:1F90 06 00000000:00000000 00:00000000 00000000  1000        0 3 1 0
"""


@pytest.mark.parametrize(
    ("client", "user"),
    [
        (("127.0.0.1", 0xC350), 65534),
        (("127.0.0.1", 0xC351), None),  # no longer connected
        (("127.0.0.1", 1), None),
        (("10.0.0.7", 0xC350), None),
        (("testclient", 50000), None),
        (None, None),
    ],
)
def test_the_kernels_table_says_whose_connection_it_is(tmp_path, client, user):
    (tmp_path / "tcp").write_text(TABLE)
    assert user_of(client, 8080, [tmp_path / "missing", tmp_path / "tcp"]) == user


ASK = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/", headers={"Cookie": sys.argv[2]})
try:
    print(urllib.request.urlopen(request).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="another user's process is started by root, on Linux"
)
def test_another_user_with_the_cookie_is_refused():
    import uvicorn
    from starlette.responses import PlainTextResponse

    from flows.service.orchestrator import free_port

    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(Guard(PlainTextResponse("open"), "secret", port), port=port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        ask = ["/usr/bin/env", sys.executable, "-c", ASK, str(port), f"nightschool_{port}=secret"]
        own = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
        as_nobody = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", *ask[2:]]
        other = subprocess.run(as_nobody, capture_output=True, text=True, check=False)
    finally:
        server.should_exit = True
        thread.join()
    if other.returncode:
        pytest.skip(f"another user's Python does not start here: {other.stderr[-200:]}")
    assert own == "200\n" and other.stdout == "403 this window is open to the user who started it\n"
