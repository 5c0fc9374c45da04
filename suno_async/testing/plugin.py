"""The pytest plugin: an emulator for each test that asks for one, and a client of it.

pytest loads this module in every suite, so that it imports nothing else until a test asks for a fixture.
"""

import os
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..client import SunoClient
    from ..emulator import Emulator
    from .callbacks import CallbackServer

LOOP_SCOPES = ("function", "class", "module", "package", "session")
"""What pytest-asyncio can share an event loop among; a fixture must be made in the one of its test."""
PLANS = {"suno_script": "script", "suno_fault_rates": "set_fault_rates"}
"""Markers whose arguments are handed to a method of the emulator as they are."""
MARKERS = (
    "suno_emulator(**options): options of the Emulator of a test, as speed=0 for time in steps, or credits=10",
    "suno_script(target, faults): faults of the next requests, as Emulator.script takes them",
    "suno_fault_rates(target, rates): faults by chance, as Emulator.set_fault_rates takes them",
)


NO_KEY = (
    "A client at module level is made when the tests are collected, with what the environment says then. For tests, "
    "make the client in a function, and hand it suno_client (docs/testing.md)."
)
"""What is said of a module whose client has no key."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and the fixtures that pytest-asyncio runs if that is there."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.pluginmanager.has_plugin("asyncio"):
        config.pluginmanager.register(_for_pytest_asyncio(), "suno_async_for_pytest_asyncio")


def pytest_exception_interact(call: pytest.CallInfo[Any], report: pytest.CollectReport | pytest.TestReport) -> None:
    """Say what to do where a module that is collected makes a client without a key."""
    if isinstance(report, pytest.CollectReport) and "no API key:" in str(call.excinfo and call.excinfo.value):
        report.sections.append(("suno_async", NO_KEY))


# ---- what a test asks for --------------------------------------------------------------------------------------------


@pytest.fixture
def suno_emulator(request: pytest.FixtureRequest) -> "Generator[Emulator]":
    """An emulator of the service. Its clock moves to the next stage when only polls wait, so that no time passes.

    The marker `suno_emulator` gives options of `Emulator`, and `suno_script` plans faults. SUNO_* variables of the
    environment lead to it, so that no test uses a real key. A client that was made before, as at module level, raises a
    ConfigurationError instead of sending anything to another machine.
    """
    from .loopback import only_loopback

    emulator: Emulator = _in_its_loop(request, "emulator")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("SUNO_") and name != "SUNO_LOG"]:
            patch.delenv(name)
        patch.setenv("SUNO_API_KEY", emulator.api_key)
        patch.setenv("SUNO_BASE_URL", emulator.url)
        patch.setenv("SUNO_PROVIDER", emulator.provider.name)
        only_loopback(patch)
        yield emulator


@pytest.fixture
def suno_client(request: pytest.FixtureRequest, suno_emulator: "Emulator") -> "SunoClient":
    """A client of the emulator, closed after the test. If the test asks for `suno_receiver`, it gets callbacks."""
    options: dict[str, Any] = {}
    if "suno_receiver" in request.fixturenames:
        options["callback_url"] = _in_its_loop(request, "receiver").url
    closing: AsyncExitStack = _in_its_loop(request, "closing")
    client = suno_emulator.client(**options)
    closing.push_async_exit(client)
    return client


@pytest.fixture
def suno_receiver(request: pytest.FixtureRequest, suno_client: "SunoClient") -> "CallbackServer":
    """A server that receives the callbacks of `suno_client`, with the updates that came."""
    receiver: CallbackServer = _in_its_loop(request, "receiver")
    receiver.serve(suno_client)
    return receiver


# ---- how it is made --------------------------------------------------------------------------------------------------


def _in_its_loop(request: pytest.FixtureRequest, part: str) -> Any:
    """What one of the fixtures below makes in the event loop that the test will run in."""
    marker = request.node.get_closest_marker("asyncio")
    if "anyio_backend" in request.fixturenames:
        runner = "anyio"
    elif marker is not None and request.config.pluginmanager.has_plugin("asyncio"):
        default = request.config.getini("asyncio_default_test_loop_scope")
        runner = marker.kwargs.get("loop_scope") or default or "function"
    else:
        raise pytest.UsageError(
            "the fixtures of suno_async are for async tests that anyio or pytest-asyncio runs: mark the test with "
            "pytest.mark.anyio or pytest.mark.asyncio"
        )
    return request.getfixturevalue(_name(part, runner))


def _name(part: str, runner: str) -> str:
    return f"_suno_{part}_{runner}"


def _parts() -> Mapping[str, Callable[..., AsyncGenerator[Any]]]:
    """The async fixtures, new functions at each call, since pytest-asyncio notes on each which loop it is for."""

    async def emulator(request: pytest.FixtureRequest) -> "AsyncGenerator[Emulator]":
        import asyncio
        import math
        import zlib

        from ..emulator import Emulator

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise pytest.UsageError('suno_async needs asyncio: let anyio_backend be "asyncio"') from None
        # The same ids and durations in each run, and other ids in each test.
        seed = zlib.crc32(request.node.nodeid.encode())
        options: dict[str, Any] = {"speed": math.inf, "rate_limits": False, "media_seconds": 5.0, "seed": seed}
        for marker in reversed([*request.node.iter_markers("suno_emulator")]):  # the nearest counts
            if marker.args:
                raise pytest.UsageError(f"the marker suno_emulator takes named options only, got {marker.args}")
            options |= marker.kwargs
        async with Emulator(**options) as made:
            for name, method in PLANS.items():
                for marker in reversed([*request.node.iter_markers(name)]):
                    getattr(made, method)(*marker.args, **marker.kwargs)
            yield made

    async def closing() -> AsyncGenerator[AsyncExitStack]:
        async with AsyncExitStack() as stack:
            yield stack

    async def receiver() -> "AsyncGenerator[CallbackServer]":
        from .callbacks import CallbackServer

        async with CallbackServer() as server:
            yield server

    return {"emulator": emulator, "closing": closing, "receiver": receiver}


_suno_emulator_anyio, _suno_closing_anyio, _suno_receiver_anyio = (
    pytest.fixture(name=_name(part, "anyio"))(function) for part, function in _parts().items()
)


def _for_pytest_asyncio() -> ModuleType:
    """A plugin with the same fixtures for each loop that pytest-asyncio has."""
    made_for: Any = import_module("pytest_asyncio")  # the plugin is loaded, but need not be there for type checkers
    plugin = ModuleType("suno_async_for_pytest_asyncio")
    for scope in LOOP_SCOPES:
        for part, function in _parts().items():
            name = _name(part, scope)
            setattr(plugin, name, made_for.fixture(loop_scope=scope, name=name)(function))
    return plugin
