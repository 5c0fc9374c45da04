"""What `suno-async doctor` looks at."""

import os
import time
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ConfigurationError, ConnectError, SunoError, Unauthorized
from .connection import connected, default_store, opened_store
from .output import amount

if TYPE_CHECKING:
    from ..client import SunoClient

__all__ = ["Check", "checked"]

APART = 60.0
"""Seconds by which the clocks may differ: signatures of callbacks are good for 300."""
TIMEOUT = 15.0


class Check(NamedTuple):
    """What was found of one thing."""

    name: str
    works: bool
    found: str
    advice: str = ""


async def checked(callback_url: str) -> list[Check]:
    """Return what works and what does not.

    Args:
        callback_url: The address of a receiver; empty for none.
    """
    found: list[Check] = []
    try:
        store = opened_store()
    except ConfigurationError as exc:
        return [_settings(exc)]
    try:
        suno = connected(store)
    except ConfigurationError as exc:
        found.append(_settings(exc))
        suno = None
    try:
        if suno is not None:
            async with suno:
                found += [await _key(suno), await _host_and_clock(suno)]
                found += [_proxy(), await _store(suno)]
        if callback_url:
            found.append(await _callback(callback_url))
    finally:
        await store.aclose()
    return found


def _settings(exc: ConfigurationError) -> Check:
    return Check("settings", False, str(exc), "see docs/network.md for the environment variables")


async def _key(suno: "SunoClient") -> Check:
    try:
        credits = await suno.get_credits()
    except Unauthorized as exc:
        return Check(
            "key", False, f"{suno.provider.name} refused it: {exc.message}", "check SUNO_API_KEY, SUNO_PROVIDER"
        )
    except ConnectError as exc:
        return Check("key", False, f"not tried: {exc}", "check the network and SUNO_BASE_URL")
    except SunoError as exc:
        return Check("key", False, str(exc), "try again later")
    advice = "top up the account: nothing can be made" if credits <= 0 else ""
    return Check("key", True, f"accepted by {suno.provider.name}, {amount(credits)} credits left", advice)


async def _host_and_clock(suno: "SunoClient") -> Check:
    import aiohttp

    url = os.environ.get("SUNO_BASE_URL", "").strip() or suno.provider.api
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    began = time.monotonic()
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
            proxy = os.environ.get("SUNO_PROXY") or None
            async with session.get(url, proxy=proxy, allow_redirects=False) as answer:
                said = answer.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        return Check("host", False, f"{url}: {type(exc).__name__}", "check the network, the proxy and SUNO_BASE_URL")
    took = (time.monotonic() - began) * 1000
    try:
        apart = time.time() - parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError):
        return Check("host", True, f"{url} answers in {took:.0f} ms")
    found = f"{url} answers in {took:.0f} ms; the clocks are {abs(apart):.0f} s apart"
    if abs(apart) > APART:
        return Check("host", False, found, "set this machine's clock: signed callbacks are refused after 300 s")
    return Check("host", True, found)


def _proxy() -> Check:
    from ..http.proxies import EnvironmentProxies

    named = {"SUNO_PROXY": os.environ["SUNO_PROXY"]} if os.environ.get("SUNO_PROXY") else EnvironmentProxies().addresses
    told = ", ".join(f"{name}={address.rpartition('@')[2]}" for name, address in named.items())
    return Check("proxy", True, told or "none")


async def _store(suno: "SunoClient") -> Check:
    place = os.environ.get("SUNO_STORE", "").partition("?")[0].split("@")[-1] or str(default_store())
    try:
        await suno.store.claim("doctor", "doctor", 1.0)
        await suno.store.claim("doctor", "doctor", 0.0)
        async with aclosing(suno.store.unfinished()) as records:
            unfinished = [record async for record in records]
        async with aclosing(suno.uncertain()) as records:
            uncertain = [record async for record in records]
    except SunoError as exc:
        return Check("store", False, f"{place}: {exc}", "check SUNO_STORE, and that its file or server can be written")
    advice = "suno-async uncertain" if uncertain else "suno-async resume" if unfinished else ""
    return Check("store", True, f"{place}: {len(unfinished)} unfinished, {len(uncertain)} uncertain", advice)


async def _callback(url: str) -> Check:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(url, json={}, allow_redirects=False) as answer,
        ):
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        advice = "no callback can arrive there: start your receiver"
        return Check("callback", False, f"{url}: {type(exc).__name__}", advice)
    if status in (400, 401):  # a receiver refuses what says nothing or proves nothing
        return Check("callback", True, f"{url} is a receiver, as seen from here")
    return Check("callback", False, f"{url} answered {status}, and a receiver answers 400 or 401", "check the path")
