"""Asks the questions, cheapest first, within a budget, and saves the answers."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import typer

from ...api.providers import provider_named
from ...api.requests import GetCredits
from ...errors import ConfigurationError, SunoError
from ...http import options
from ...http.network import Network
from ...http.transport import HTTP
from ...secret import Secret
from ..connection import opened_store, pace_of_environment
from ..output import amount, document
from .gateway import Gateway
from .questions import QUESTIONS, SONG_PRICE, Question
from .recorder import Recorder, Recording

__all__ = ["Answer", "ask_all", "inquire", "save_recording"]

REFUSED = re.compile(r"refused|[45]\d\d,")
"""How answers begin that cost nothing: a refusal, or its code."""


class Answer(NamedTuple):
    """What came of one question."""

    question: Question
    verdict: str
    """agrees, differs, new, not asked or failed."""
    answer: str
    spent: float


async def inquire(budget: float, folder: Path, *, as_json: bool) -> None:
    """Ask the gateway of the environment, print each answer and save its recording.

    Args:
        budget: Credits that may be spent.
        folder: Where recordings are saved.
        as_json: Print documents.
    """
    provider = provider_named(os.environ.get("SUNO_PROVIDER") or "kie")
    if not provider.name.startswith("kie"):
        raise ConfigurationError(f"--live knows the prices of KIE only, and cannot keep a budget at {provider.name}")
    key = Secret(os.environ.get("SUNO_API_KEY", "").split(",")[0].strip())
    base = (os.environ.get("SUNO_BASE_URL", "").strip() or provider.api).rstrip("/").removesuffix("/api/v1")
    store = opened_store()
    http = HTTP(key, options.completed(Network()), (base,))
    recorder = Recorder(http, provider.path(GetCredits))
    gateway = Gateway(recorder, base, key=key, store=store, pace=pace_of_environment())

    def tell(one: Answer) -> None:
        save_recording(folder, one, recorder)
        if as_json:
            question = one.question
            told = {"documented": question.documented, "answer": one.answer, "credits": one.spent}
            document({"question": question.name, "verdict": one.verdict, **told})
        else:
            typer.echo(f"{one.verdict:<9} {one.question.name:<20} {one.question.asks}: {one.answer or '-'}")

    try:
        spent = await ask_all(gateway, recorder, budget, tell)
    finally:
        await gateway.aclose()
        await http.aclose()
        await store.aclose()
    if not as_json:
        typer.echo(f"{amount(spent)} of {amount(budget)} credits spent; recordings in {folder}")


async def ask_all(gateway: Gateway, recorder: Recorder, budget: float, tell: Callable[[Answer], Any]) -> float:
    """Ask all questions that the budget allows, cheapest first. Return what was spent.

    Args:
        gateway: Whom to ask.
        recorder: Its transport.
        budget: Credits that may be spent.
        tell: Takes each answer; the recorder holds its exchanges then.
    """
    left, spent = list(QUESTIONS), 0.0
    committed = 0.0  # as spent, but with the price of what may be charged later
    balance = await gateway.balance()

    def price(question: Question) -> float:
        return question.credits + (SONG_PRICE if question.needs_song and gateway.song is None else 0.0)

    while left:
        question = min(left, key=price)
        left.remove(question)
        most = price(question)
        if most > min(budget - committed, balance) + 1e-6:
            tell(Answer(question, "not asked", f"it may cost {most:g} credits", 0.0))
            continue
        answer = failure = ""
        try:
            if question.needs_song:
                await gateway.a_song()
            recorder.exchanges.clear()  # the song is part of no recording
            answer = await question.ask(gateway)
        except SunoError as exc:
            failure = f"{type(exc).__name__}: {exc}"
        now = await gateway.balance()
        cost, balance = round(balance - now, 6), now
        spent += cost
        committed += max(cost, most - question.credits if REFUSED.match(answer) else most)
        if failure:
            tell(Answer(question, "failed", failure, cost))
            continue
        verdict = "new" if not question.documented else "agrees" if answer == question.documented else "differs"
        tell(Answer(question, verdict, answer, cost))
    return spent


def save_recording(folder: Path, one: Answer, recorder: Recorder) -> None:
    """Write what was asked and answered to a file, if there was an answer."""
    if one.verdict not in ("agrees", "differs", "new"):
        return
    recording = Recording(
        question=one.question.name,
        gateway="kie",
        month=time.strftime("%Y-%m"),
        answer=one.answer,
        exchanges=list(recorder.exchanges),
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(recording), indent=1)
    (folder / f"{recording.gateway}-{one.question.name}.json").write_bytes(text + b"\n")
