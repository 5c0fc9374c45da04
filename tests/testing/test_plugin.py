"""The pytest plugin, in suites of its users: each is run as a process of its own, with its settings."""

import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from ..promises.test_layout import loaded_by

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASYNCIO = ("-o", "asyncio_default_fixture_loop_scope=function")
AUTO = (*ASYNCIO, "-o", "asyncio_mode=auto")
HAS_MODE = tuple(int(part) for part in version("anyio").split(".")[:2]) >= (4, 11)
ANYIO = ("-p", "no:asyncio", *(("-o", "anyio_mode=auto") if HAS_MODE else ()))
OLD_ANYIO = """
import pytest
from tests.anyio_auto import pytest_pycollect_makeitem

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

SONGS = """
import os, time
import pytest
from suno_async import ConfigurationError, GenerateMusic, Source, Stage, SunoClient, TaskFailed
from suno_async.emulator import Fail

async def test_three_generations_take_no_time(suno_client):
    await suno_client.get_credits()
    best = 1.0
    for _ in range(3):
        began = time.process_time()
        for _ in range(3):
            assert len((await suno_client.run(GenerateMusic(prompt="rain"))).tracks) == 2
        best = min(best, time.process_time() - began)
    assert best < 0.1

async def test_the_environment_leads_to_the_emulator(suno_emulator):
    assert "SUNO_STORE" not in os.environ
    async with SunoClient() as suno:
        assert await suno.get_credits() == 1000
    assert len(suno_emulator.log) == 1

async def test_many_songs_are_no_rate_limit(suno_client):
    for _ in range(50):
        await suno_client.generate_music(prompt="rain")

@pytest.mark.suno_fault_rates(GenerateMusic, {Fail(): 1})
async def test_faults_by_chance(suno_client):
    with pytest.raises(TaskFailed):
        await suno_client.run(GenerateMusic(prompt="rain"))

@pytest.mark.suno_script(GenerateMusic, [None, Fail()])
@pytest.mark.suno_emulator(provider="kie-legacy", webhook_key="w")
class TestMarks:
    @pytest.mark.suno_emulator(credits=30)
    async def test_the_nearer_options_are_added(self, suno_client, suno_emulator, suno_receiver):
        heard = []
        suno_receiver.observe(lambda update, record: heard.append((update.stage, record.context)))
        await (await suno_client.submit(GenerateMusic(prompt="x"), context={"chat": 7}))
        await suno_emulator.advance(0)
        assert heard == [(stage, {"chat": 7}) for stage in (Stage.TEXT, Stage.FIRST, Stage.COMPLETE)]
        assert {update.source for update in suno_receiver.updates} == {Source.CALLBACK}
        with pytest.raises(TaskFailed):
            await suno_client.run(GenerateMusic(prompt="x"))
        assert suno_emulator.credits == 18

    @pytest.mark.suno_emulator(speed=0)
    async def test_time_goes_in_steps(self, suno_client, suno_emulator):
        task = await suno_client.generate_music(prompt="x")
        task.add_done_callback(lambda task: None)
        seen = []
        for seconds in (5, 15, 25, 150):
            await suno_emulator.advance(seconds)
            seen.append(task.stage)
        assert seen == [Stage.PENDING, Stage.TEXT, Stage.FIRST, Stage.COMPLETE]

ids = []

@pytest.mark.parametrize("n", range(2))
async def test_ids_are_the_same_in_each_run_and_others_in_each_test(suno_client, suno_emulator, n):
    ids.append((await suno_client.generate_music(prompt="x")).id)
    assert len(set(ids)) == len(ids)
"""

EARLY = """
import pytest
from suno_async import ConfigurationError, GenerateMusic, SunoClient, UploadFromUrl

suno = SunoClient(api_key="real", store="memory:")  # as one that has read the environment of whoever runs the tests

async def test_an_early_client_sends_nothing(suno_emulator):
    for request in (
        suno.generate_music(prompt="rain"),
        suno.get_credits(),
        suno.upload(b"x" * 100_000_000, name="x.mp3"),
        suno.attach(GenerateMusic, "5c79"),
    ):
        with pytest.raises(ConfigurationError, match="api.kie.ai|redpanda") as raised:
            await request
        assert "suno_client" in str(raised.value)
    assert not suno_emulator.log
    assert [record async for record in suno.uncertain()] == []
    await suno.aclose()

async def test_it_is_closed_by_an_application(suno_emulator):
    client = SunoClient(base_url="https://api.kie.ai")
    async with client.lifespan():
        pass
"""

STRICT = """
import asyncio
import pytest, pytest_asyncio
from suno_async import GenerateLyrics

@pytest_asyncio.fixture
async def lyrics(suno_client):
    return await suno_client.run(GenerateLyrics(prompt="rain"))

@pytest.mark.asyncio
async def test_a_fixture(lyrics):
    assert lyrics.variants

loops = set()

@pytest.mark.parametrize("n", range(2))
@pytest.mark.asyncio(loop_scope="module")
async def test_a_shared_loop(suno_client, suno_receiver, n):
    loops.add(asyncio.get_running_loop())
    assert len(loops) == 1
    assert await suno_client.run(GenerateLyrics(prompt="rain"))
"""


FAILING = """
import pytest

def test_awaited_by_nobody(suno_emulator): ...

@pytest.mark.suno_emulator(0)
@pytest.mark.asyncio
async def test_options_without_names(suno_emulator): ...
"""


def run(folder: Path, *arguments: str, status: int = 0, **files: str) -> str:
    """What a run of pytest prints in a folder with these files, where this package is installed with its entry points.

    Plugins that no promise here is about are left out: to load them takes as long as the rest of a run.
    """
    installed = folder / "installed" / "suno_async_here-0.dist-info"
    installed.mkdir(parents=True)
    entries = "".join(f"{one} = {module}\n" for one, module in PROJECT["entry-points"]["pytest11"].items())
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{entries}")
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: suno-async-here\nVersion: 0\n")
    (folder / "pytest.ini").write_text("[pytest]\n")
    if not HAS_MODE and "no:asyncio" in arguments:
        (folder / "conftest.py").write_text(OLD_ANYIO)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_", "SUNO_"))}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(installed.parent), *sys.path]), "SUNO_STORE": "no"}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers", "-p", "no:cacheprovider"]
    for plugin in ("faker", "hypothesispytest", *(() if "-n" in arguments else ("xdist", "xdist.looponfail"))):
        command += ["-p", f"no:{plugin}"]
    ran = subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stdout


def test_suites_with_pytest_asyncio(tmp_path: Path) -> None:
    """Songs in no time, a client that was made before the tests, and the bot of the examples as its author tests it."""
    (tmp_path / "song_bot").mkdir()
    for path in (ROOT / "examples" / "song_bot").glob("*.py"):
        (tmp_path / "song_bot" / path.name).write_text(path.read_text())
    printed = run(tmp_path, *AUTO, "-rA", test_songs=SONGS, test_early=EARLY)
    assert passed(printed) == {"test_songs.py": 8, "test_early.py": 2, "song_bot/test_bot.py": 8}


def test_suites_with_anyio(tmp_path: Path) -> None:
    """The same, and the web application of docs/testing.md: its program, its test and its settings of pytest."""
    page = (ROOT / "docs" / "testing.md").read_text()
    [songs] = [one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def make(" in one]
    [test] = [one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "from songs" in one]
    [settings] = re.findall(r"```ini\n(.*?)```", page, re.DOTALL)
    assert settings == "[pytest]\nanyio_mode = auto\n"
    printed = run(tmp_path, *ANYIO, "-rA", test_songs=SONGS, test_early=EARLY, songs=songs, test_page=test)
    assert passed(printed) == {"test_songs.py": 8, "test_early.py": 2, "test_page.py": 1}


def test_songs_in_no_time_with_xdist(tmp_path: Path) -> None:
    assert passed(run(tmp_path, *ANYIO, "-n", "2", "-rA", test_songs=SONGS)) == {"test_songs.py": 8}


def passed(printed: str) -> dict[str, int]:
    """How many tests of each file passed."""
    return dict(Counter(re.findall(r"^PASSED (\S+?)::", printed, re.MULTILINE)))


def test_the_strict_mode_of_pytest_asyncio_and_its_shared_loops(tmp_path: Path) -> None:
    """And what is said of a test that nobody awaits, and of options without names."""
    printed = run(tmp_path, *ASYNCIO, "-rA", test_strict=STRICT, test_failing=FAILING, status=1)
    assert passed(printed) == {"test_strict.py": 3}
    unawaited, unnamed = re.findall(r"^ERROR (\S+ - .*)$", printed, re.MULTILINE)
    assert unawaited.startswith("test_failing.py::test_awaited_by_nobody")
    assert "mark the test with pytest.mark.anyio or pytest.mark.asyncio" in printed
    assert unnamed.startswith("test_failing.py::test_options_without_names")
    assert "takes named options only, got (0,)" in printed


def test_a_client_of_a_module_without_a_key_is_told_what_to_do(tmp_path: Path) -> None:
    printed = run(tmp_path, *AUTO, status=2, test_it="from suno_async import SunoClient\nsuno = SunoClient()")
    assert "no API key" in printed
    assert "make the client in a function" in printed


def test_it_can_be_left_out(tmp_path: Path) -> None:
    text = "async def test_it(suno_emulator): ..."
    assert "fixture 'suno_emulator' not found" in run(tmp_path, *AUTO, "-p", "no:suno_async", status=1, test_it=text)


def test_other_suites_load_next_to_nothing_of_it() -> None:
    """An empty package, its version, and two modules without imports of their own."""
    more = loaded_by("import pytest; import suno_async.testing.plugin") - loaded_by("import pytest")
    assert more == {"suno_async", "suno_async.version", "suno_async.testing", "suno_async.testing.plugin"}


def test_fixtures_and_markers_are_described(tmp_path: Path) -> None:
    assert "suno_emulator(**options)" in run(tmp_path, *ASYNCIO, "--markers")
