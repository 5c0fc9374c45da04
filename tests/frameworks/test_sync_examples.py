"""The examples of docs/sync.md, in the real frameworks, as a user runs them, against the emulator. In real time."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from suno_async.emulator import Emulator

from ..programs import ROOT
from ..servers import HANGS
from .processes import free_port, listening, running

EXAMPLES = ROOT / "examples"
pytestmark = pytest.mark.usefixtures("quick")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=HANGS) as answer:
        return json.load(answer)


def texts(answers: list[Any]) -> set[str]:
    return {answer["variants"][0]["title"] for answer in answers}


def test_celery(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked processes, a loop for each task; a message that is delivered twice is paid once."""
    for name in ("messages", "control", "results"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("CELERY_FOLDER", str(tmp_path))
    tasks: Any = import_module("tests.frameworks.celery_worker").tasks
    command = ("-m", "celery", "-A", "tests.frameworks.celery_worker", "worker", "-l", "ERROR")
    with running(*command, "--pool=prefork", "--concurrency=2", "--without-gossip", "--without-mingle"):
        asked = [tasks.write.apply_async((about,), task_id=about) for about in ("rain", "sun", "rain")]
        assert all(about in one.get(timeout=60, interval=0.05) for one in asked for about in [one.id])
        deadline = time.monotonic() + 30
        while list((tmp_path / "messages").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(emulator.runs) == 2


def test_flask_with_threads(emulator: Emulator) -> None:
    """Requests at the same time, in threads of their own, share one client and one loop."""
    port = free_port()
    with running("-m", "flask", "--app", "examples/flask_view.py", "run", "--port", str(port)):
        listening(port)
        with ThreadPoolExecutor(5) as pool:
            urls = [f"http://127.0.0.1:{port}/lyrics?about=song{number}" for number in range(5)]
            answers = list(pool.map(get, urls))
        assert texts(answers) == {f"Song{number}" for number in range(5)}
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"http://127.0.0.1:{port}/lyrics")
        assert refused.value.code == 400
        assert "prompt" in json.load(refused.value)["error"]
    assert len(emulator.runs) == 5


def test_flask_closes_its_client_when_the_process_ends(emulator: Emulator) -> None:
    program = "from examples.flask_view import app; print(app.test_client().get('/lyrics?about=rain').json)"
    ran = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=HANGS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "rain" in ran.stdout


def test_django_under_asgi(emulator: Emulator) -> None:
    """Async and sync views at the same time, in one loop."""
    port = free_port()
    command = ("-m", "uvicorn", "examples.django_view:application", "--log-level", "error", "--port", str(port))
    with running(*command):
        listening(port)
        with ThreadPoolExecutor(4) as pool:
            urls = [f"http://127.0.0.1:{port}/{view}?about=song{n}" for n, view in enumerate(["async", "sync"] * 2)]
            answers = list(pool.map(get, urls))
        for view in ("async", "sync"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(f"http://127.0.0.1:{port}/{view}")
            assert refused.value.code == 400
            assert "prompt" in json.load(refused.value)["error"]
    assert texts(answers) == {f"Song{number}" for number in range(4)}
    assert len(emulator.runs) == 4


def test_taskiq(emulator: Emulator) -> None:
    command = [sys.executable, "-W", "error", "examples/taskiq_worker.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANGS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "rain in Lisbon" in ran.stdout
    assert len(emulator.runs) == 1


def test_the_notebook(emulator: Emulator) -> None:
    """In a real kernel, which has a running loop."""
    program = (
        "import nbformat, nbclient; notebook = nbformat.read('examples/notebook.ipynb', 4); "
        "nbclient.NotebookClient(notebook, kernel_name='python3').execute(); print(nbformat.writes(notebook))"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    cells = {cell["id"]: cell["outputs"] for cell in json.loads(ran.stdout)["cells"] if cell["cell_type"] == "code"}
    shown = {name: outputs[-1]["data"] for name, outputs in cells.items() if outputs}
    assert "".join(shown["client"]["text/plain"]) == "<SunoClient kie 0 waited for>"
    assert "".join(shown["play"]["text/html"]).count("<audio controls") == 2
    assert "close" not in shown


PAGE = (ROOT / "docs" / "sync.md").read_text()


def test_the_program_of_the_page(emulator: Emulator) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=HANGS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ("rain" in ran.stdout, "sun" in ran.stdout, len(emulator.runs)) == (True, True, 2)


def test_every_example_of_the_page_is_there() -> None:
    named = set(re.findall(r"examples/(\w+\.\w+)", PAGE))
    assert named == {path.name for path in EXAMPLES.iterdir() if path.name in named}
    assert {"celery_tasks.py", "flask_view.py", "django_view.py", "taskiq_worker.py", "arq_worker.py"} < named


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
