"""Ctrl-C while the answer to a paid request is awaited."""

import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ..servers import HANGS
from .support import called, documents, started


class Slow(BaseHTTPRequestHandler):
    """A service that takes its time to accept."""

    arrived = threading.Event()
    interrupted = threading.Event()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived.set()
        self.interrupted.wait(20)
        body = b'{"code": 200, "msg": "success", "data": {"taskId": "accepted-late"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def test_a_submit_that_is_under_way_ends_first_and_its_task_is_known(
    shell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("SUNO_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        with started("generate-music", "--prompt", "rain") as process:
            assert Slow.arrived.wait(20)
            process.send_signal(signal.SIGINT)
            Slow.interrupted.set()
            printed, said = process.communicate(timeout=HANGS)
        server.shutdown()
        thread.join()
    assert (process.returncode, printed) == (130, "")
    assert "Interrupted: task accepted-late goes on at the service. To come back: suno-async wait accepted-late" in said
    (record,) = documents(called("tasks", "--json").stdout)
    assert (record["task_id"], record["state"]) == ("accepted-late", "running")
