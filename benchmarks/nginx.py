"""The server behind the clients: nginx, on a port of its own, with constant pages. It is never what limits them."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .bodies import GOING, PAGE

__all__ = ["DETAILS", "POLLS", "SUBMIT", "Server", "nginx", "nginx_version"]

MISSING = "nginx is not installed: `make nginx`, or `apt-get install nginx-light`, `brew install nginx`"
SUBMIT, DETAILS = "/api/v1/generate", "/api/v1/generate/record-info"
POLLS = 5
"""Polls until a song ends below `/ending`, in the mean: nginx remembers nothing, so each poll may be the last."""
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 600;
    open_file_cache max=16 inactive=600;
    split_clients "$request_id" $page {{ {share}% final; * going; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /going{details} {{ alias {folder}/going.json; }}
        location = /ending{details} {{ alias {folder}/$page.json; }}
        location = /going{submit} {{ return 200 '{accepted}'; }}
        location = /ending{submit} {{ return 200 '{accepted}'; }}
        location = /requests {{ stub_status; }}
    }}
}}
"""
ACCEPTED = json.dumps({"code": 200, "msg": "success", "data": {"taskId": "$request_id"}})


class Server(NamedTuple):
    """A running one."""

    port: int

    @property
    def going(self) -> str:
        """Base address where no song ends."""
        return f"http://127.0.0.1:{self.port}/going"

    @property
    def ending(self) -> str:
        """Base address where they do."""
        return f"http://127.0.0.1:{self.port}/ending"

    def requests(self) -> int:
        """Return how many requests it has answered before this one."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"GET /requests HTTP/1.0\r\n\r\n")
            told = b"".join(iter(lambda: connection.recv(4096), b""))
        return int(told.partition(b"handled requests")[2].split()[2]) - 1


def program() -> str | None:
    """Return where nginx is; Debian does not put it in the PATH of users."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def nginx_version() -> str:
    """Return its version; empty if it is not there."""
    path = program()
    ran = subprocess.run([path, "-v"], capture_output=True, text=True, check=True) if path else None
    return ran.stderr.strip().rpartition("/")[2] if ran else ""


@contextmanager
def nginx() -> Generator[Server]:
    """Run it while the block runs."""
    path = program()
    if path is None:
        raise SystemExit(MISSING)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        Path(folder, "going.json").write_bytes(GOING)
        Path(folder, "final.json").write_bytes(PAGE)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        places = {"folder": folder, "port": port, "details": DETAILS, "submit": SUBMIT}
        configured = CONFIGURATION.format(**places, accepted=ACCEPTED, share=100 // POLLS)
        Path(folder, "nginx.conf").write_text(configured)
        command = [path, "-p", folder, "-c", f"{folder}/nginx.conf", "-e", f"{folder}/log"]
        with subprocess.Popen(command) as process:
            try:
                _wait_for(port, process)
                yield Server(port)
            finally:
                process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit("nginx does not start")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("nginx does not answer")
