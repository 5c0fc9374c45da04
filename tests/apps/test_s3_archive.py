"""Songs in S3, by the real s3fs and the protocol as moto serves it on loopback, by `make examples`."""

import asyncio
import io
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from importlib import import_module
from typing import Any
from urllib.request import Request, urlopen

import pytest

from suno_async import GenerateMusic, SunoClient
from suno_async.emulator import Emulator, Fail, LateMedia, Slow

from ..programs import ROOT

pytest.importorskip("s3fs")
moto: Any = import_module("moto.server")
boto3: Any = import_module("boto3")
COMMAND = [sys.executable, "-m", "tests.apps.quick", "examples/s3_archive.py", "s3://bucket/songs"]


class Bucket:
    """What is in the bucket, as others see it."""

    def __init__(self) -> None:
        self._s3 = boto3.client("s3")
        self._s3.create_bucket(Bucket="bucket")

    def names(self) -> list[str]:
        listed = self._s3.list_objects_v2(Bucket="bucket").get("Contents", [])
        return [one["Key"].removeprefix("songs/") for one in listed]

    def read(self, name: str) -> tuple[bytes, str]:
        """The bytes of a file, and its type."""
        found = self._s3.get_object(Bucket="bucket", Key=f"songs/{name}")
        return found["Body"].read(), found["ContentType"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "anything")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield Bucket()
    with urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")):
        server.stop()


async def order(*titles: str) -> None:
    """Submit songs, and leave."""
    async with SunoClient() as suno:
        for title in titles:
            await suno.submit(GenerateMusic(title=title, style="fado", lyrics=f"[Verse]\n{title}"))


def run() -> subprocess.CompletedProcess[str]:
    return subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=90)


def check_whole(bucket: Bucket) -> None:
    """Each name stands for a whole file, as the `task.json` beside it says."""
    for name in bucket.names():
        if name.endswith("task.json"):
            folder = name.removesuffix("task.json")
            for one in json.loads(bucket.read(name)[0])["files"]:
                body, _ = bucket.read(folder + one["name"])
                assert (len(body), sha256(body).hexdigest()) == (one["size"], one["sha256"])


def test_songs_are_stored_with_what_belongs_to_them(emulator: Emulator, bucket: Bucket) -> None:
    """Files that are not there yet are tried again. A song that failed is told of once, and is not looked at again."""
    emulator.script(GenerateMusic, [None, LateMedia(80_000), Fail()])
    asyncio.run(order("Rain [live]", "Späte Sonne", "Wind"))
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not any(seen.status == 404 for seen in [*emulator.log]):
            assert process.poll() is None
            time.sleep(0.01)
        emulator.advance(80_000)
        stdout, stderr = process.communicate(timeout=90)
    assert (process.returncode, len(stdout.splitlines())) == (1, 2)
    assert "failed" in stderr
    check_whole(bucket)
    names = bucket.names()
    types = {name.rpartition(".")[2]: bucket.read(name)[1] for name in names}
    assert types == {"mp3": "audio/mpeg", "jpeg": "image/jpeg", "txt": "text/plain", "json": "application/json"}
    assert len(names) == 14
    (audio, *_) = [name for name in names if name.startswith("Rain [live]") and name.endswith(".mp3")]
    tags: Any = import_module("mutagen.id3").ID3(io.BytesIO(bucket.read(audio)[0]))
    assert (str(tags["TIT2"]), str(tags["TCON"])) == ("Rain [live]", "fado")
    again = run()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert len(emulator.runs) == 3


def test_one_that_is_killed_leaves_nothing_half_written(emulator: Emulator, bucket: Bucket) -> None:
    emulator.script("/files/", [None, None, *[Slow(3)] * 6])
    asyncio.run(order("Rain", "Sun"))
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while not [name for name in bucket.names() if name.endswith("task.json")]:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    check_whole(bucket)
    ran = run()
    assert (ran.returncode, ran.stderr) == (0, "")
    check_whole(bucket)
    assert Counter(name.rpartition(".")[2] for name in bucket.names()) == {"jpeg": 4, "mp3": 4, "txt": 4, "json": 2}
    assert len(emulator.runs) == 2
