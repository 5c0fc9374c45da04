"""`suno-async trigger`: callbacks for an endpoint that is being developed."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner

from suno_async import SeparateStems, Stage
from suno_async.cli.app import app
from suno_async.cli.kinds import KINDS
from suno_async.webhooks.verification import signed
from suno_async.wire import callbacks

from .support import ran


class Endpoint(BaseHTTPRequestHandler):
    """A user's endpoint, with no code of ours."""

    status = 200
    taken: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, dict(self.headers), body))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"a\x1b[31m note")

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@contextmanager
def endpoint(status: int = 200) -> Generator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """Its address, and what was posted."""
    taken: list[tuple[str, dict[str, str], bytes]] = []
    kind = type("One", (Endpoint,), {"status": status, "taken": taken})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/suno?suno=secret", taken
        server.shutdown()
        thread.join()


def test_a_signed_callback_of_stems_arrives_as_the_service_would_post_it() -> None:
    with endpoint() as (url, taken):
        ended = ran("trigger", "complete", "--to", url, "--kind", "stems", "--sign", "k", "--task-id", "t1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "complete of task t1: 200 a\\x1b[31m note\n"
    ((path, headers, body),) = taken
    assert path == "/suno?suno=secret"
    stamp = float(headers["X-Webhook-Timestamp"])
    assert signed("t1", headers, ("k",), 1.0, stamp)
    callback = callbacks.parse(body)
    told = callbacks.update(callback, SeparateStems)
    assert (told.task_id, told.stage) == ("t1", Stage.COMPLETE)
    assert told.result is not None
    assert told.result.vocal_url


def test_an_answer_other_than_200_or_none_is_one_line_and_exit_code_1() -> None:
    with endpoint(503) as (url, _):
        refused = CliRunner().invoke(app, ["trigger", "error", "--to", url, "--task-id", "t1"])
    away = CliRunner().invoke(app, ["trigger", "text", "--to", url, "--task-id", "t1"])
    assert (refused.exit_code, refused.output) == (1, "Error: error of task t1: 503 a\\x1b[31m note\n")
    assert away.exit_code == 1
    assert away.output.startswith("Error: text of task t1: no answer: ")
    assert len(away.output.splitlines()) == 1
    assert "secret" not in refused.output + away.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["text", "--kind", "convert-to-wav"], "kie posts complete or error of convert-to-wav, not text"),
        (["complete", "--kind", "boost-style"], "kie posts no callbacks of boost-style, not complete"),
        (["complete", "--kind", "get-credits", "--provider", "kie-jobs"], "posts no callbacks of get-credits"),
        (["complete", "--kind", "voice"], "'voice' must be one of validate-voice, generate-voice, check-voice"),
        (["complete", "--kind", "songs"], "'songs' must be one of generate-music, "),
        (["complete", "--provider", "sunoapi", "--sign", "k"], "no signature is known for callbacks of sunoapi"),
        (["complete", "--to", "localhost/suno"], "must be an http(s) address, got 'localhost/suno'"),
        (["half"], "half"),
        (["complete", "--provider", "suno"], "provider must be one of kie"),
    ],
)
def test_what_no_gateway_posts_is_refused(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["trigger", "--to", "http://127.0.0.1:1/suno", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_every_endpoint_has_its_name() -> None:
    assert KINDS["separate-stems"] is SeparateStems
    assert {"generate-music", "upload-base64", "convert-to-wav", "get-download-url"} <= set(KINDS)
