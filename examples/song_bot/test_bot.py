"""The tests of the bot. They need pytest and pytest-asyncio, and no key: `pytest examples/song_bot`."""

from unittest.mock import create_autospec

import pytest

from suno_async import ConnectError, GenerateMusic, Source, SunoClient, Task
from suno_async.emulator import Emulator, Fail
from suno_async.testing import CallbackServer, make_music

from .bot import NEWS, SongBot

LYRICS, FIRST = NEWS.values()


class Chat:
    """What the bot sent, in the place of a chat library."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, chat: int, text: str) -> None:
        self.sent.append(text)


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def bot(suno_client: SunoClient, chat: Chat) -> SongBot:
    return SongBot(suno_client, chat.send)


# ---- time passes by itself -------------------------------------------------------------------------------------------


async def test_a_song_is_sent(bot: SongBot, chat: Chat, suno_emulator: Emulator) -> None:
    await bot.hear(1, "/song rain in Lisbon")
    await bot.finish()
    assert suno_emulator.url in chat.sent[-1]
    assert suno_emulator.credits == 988


@pytest.mark.suno_script(GenerateMusic, [Fail()])
async def test_who_asked_hears_of_a_failure(bot: SongBot, chat: Chat) -> None:
    await bot.hear(1, "/song rain in Lisbon")
    await bot.finish()
    assert chat.sent[-1].startswith("The song failed")


@pytest.mark.suno_emulator(credits=5)
async def test_without_credits_nothing_is_promised(bot: SongBot, chat: Chat, suno_emulator: Emulator) -> None:
    await bot.hear(1, "/song rain in Lisbon")
    assert chat.sent[0].startswith("Not now")
    assert not suno_emulator.runs


async def test_a_text_that_is_too_long_costs_nothing(bot: SongBot, chat: Chat, suno_emulator: Emulator) -> None:
    await bot.hear(1, "/song " + "la " * 5000)
    assert chat.sent[0].startswith("That cannot be sung")
    assert not suno_emulator.log


async def test_callbacks_arrive(bot: SongBot, suno_emulator: Emulator, suno_receiver: CallbackServer) -> None:
    await bot.hear(1, "/song rain in Lisbon")
    await bot.finish()
    await suno_emulator.advance(0)  # what the receiver has to tell is told after its answer
    assert suno_receiver.updates
    assert {update.source for update in suno_receiver.updates} == {Source.CALLBACK}


# ---- time passes in steps --------------------------------------------------------------------------------------------


@pytest.mark.suno_emulator(speed=0, provider="kie-legacy")
async def test_the_bot_says_how_far_the_song_is(bot: SongBot, chat: Chat, suno_emulator: Emulator) -> None:
    await bot.hear(1, "/song rain in Lisbon")
    await suno_emulator.advance(5)
    assert chat.sent == []
    await suno_emulator.advance(15)
    assert chat.sent == [LYRICS]
    await suno_emulator.advance(25)
    assert chat.sent == [LYRICS, FIRST]
    await suno_emulator.advance(150)
    assert len(chat.sent) == 3


# ---- without a service -----------------------------------------------------------------------------------------------


async def test_both_takes_are_named(bot: SongBot, chat: Chat) -> None:
    await bot.tell(1, Task.resolved(make_music(title="Fado", audio_url="https://files.example/fado.mp3")))
    assert chat.sent == ["\n".join(["Fado: https://files.example/fado.mp3"] * 2)]


async def test_a_network_that_is_down_is_no_crash(chat: Chat) -> None:
    suno = create_autospec(SunoClient, instance=True)
    suno.submit.side_effect = ConnectError("no route to host")
    await SongBot(suno, chat.send).hear(1, "/song rain")
    assert chat.sent == ["Not now: no route to host"]
