"""Programs that are forked from a server are processes like those that Python starts."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from .programs import Program, run


def test_each_has_its_own_arguments_environment_directory_and_outputs(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1:], dict(os.environ), os.getcwd()); sys.exit(len(sys.argv))"
    for argument in ("one", "two"):
        ended = run("-c", code, argument, cwd=tmp_path, env={"NAME": argument})
        assert ended == (2, f"{[argument]} { ({'NAME': argument}) } {tmp_path}\n", "")


def test_what_python_runs_is_run(tmp_path: Path) -> None:
    """A module, code or a file; and warnings are what they are for Python, or what is asked for."""
    file = tmp_path / "program.py"
    file.write_text("import sys; print(__name__, sys.argv)")
    said = f"__main__ {[str(file), 'x']}\n"
    assert [run("-m", "program", "x", cwd=tmp_path).stdout, run(file, "x").stdout] == [said, said]
    code, _, said = run("-W", "error", "-c", "open('/dev/null'); import warnings; warnings.warn('careful')")
    assert run("-c", "open('/dev/null')").stderr == ""
    assert code == 1
    assert "UserWarning: careful" in said
    assert "ResourceWarning" in said


def test_what_python_does_when_it_starts_is_done(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('first')")
    (tmp_path / "there.py").write_text("print('then')")
    assert run("-c", "import there", env={"PYTHONPATH": str(tmp_path)}).stdout == "first\nthen\n"


def test_one_changes_nothing_for_the_next() -> None:
    assert run("-c", "import suno_async; suno_async.changed = True").returncode == 0
    assert run("-c", "import suno_async; print(hasattr(suno_async, 'changed'))").stdout == "False\n"


def test_signals_end_it_and_nothing_of_others_is_open() -> None:
    shown = "import os; print(*os.listdir('/proc/self/fd'), flush=True); input = open('/proc/self/fd/0').read()"
    with Program("-c", f"{shown}; import time; time.sleep(100)") as program, Program("-c", shown) as other:
        assert other.communicate()[0] == program.stdout.readline() == "0 1 2 3\n"  # 3 lists them
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        program.send_signal(signal.SIGINT)
        assert program.wait() == -signal.SIGINT
        assert "KeyboardInterrupt" in program.communicate()[1]
    with Program("-c", "import time; time.sleep(100)", start_new_session=True) as program:
        os.killpg(program.pid, signal.SIGKILL)
        assert program.wait() == -signal.SIGKILL
