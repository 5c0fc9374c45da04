"""Frameworks that make event loops of their own: one client of a module works in all of them, one after the other."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from suno_async import GenerateLyrics, Pace, SunoClient

from .processes import served

ROOT = Path(__file__).parents[2]


def test_requests_of_the_test_client_of_fastapi() -> None:
    """Each request has a thread and an event loop of its own; with a lifespan, all of one `with` share them."""
    with served() as emulator:
        pace = Pace(first=0.02, growth=1, cap=0.05, patience=20)
        suno = SunoClient(api_key=emulator.api_key, base_url=emulator.url, pace=pace)
        app = FastAPI()

        @app.get("/write")
        async def write(about: str) -> str | None:
            return (await suno.run(GenerateLyrics(prompt=about))).variants[0].text

        alone = TestClient(app)
        for number in range(3):
            assert f"song {number}" in alone.get("/write", params={"about": f"song {number}"}).text
        for _ in range(2):
            with TestClient(app) as together:
                for number in range(2):
                    assert f"song {number}" in together.get("/write", params={"about": f"song {number}"}).text
        assert len(emulator.runs) == 7


def test_jobs_of_a_forked_pool_of_celery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("messages", "control", "results"):
        (tmp_path / name).mkdir()
    with served() as emulator:
        monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
        monkeypatch.setenv("SUNO_BASE_URL", emulator.url)
        monkeypatch.setenv("SUNO_API_KEY", emulator.api_key)
        program: Any = import_module("tests.frameworks.with_celery")
        command = [sys.executable, "-m", "celery", "-A", "tests.frameworks.with_celery", "worker"]
        options = ["--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle", "-l", "ERROR"]
        with subprocess.Popen(
            [*command, *options], cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL
        ) as worker:
            try:
                asked = [program.lyrics.delay(f"song {number}") for number in range(6)]
                texts = [one.get(timeout=60, interval=0.05) for one in asked]
            finally:
                worker.terminate()
        assert all(f"song {number}" in text for number, text in enumerate(texts))
        assert len(emulator.runs) == 6
