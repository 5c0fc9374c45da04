"""`python -m suno_async emulator`: the emulator as a process of its own, until it is interrupted."""

import argparse
import asyncio
import sys
from contextlib import suppress


async def emulate(arguments: argparse.Namespace) -> None:
    from .api.providers import PROVIDERS
    from .emulator import Emulator

    provider, key = PROVIDERS[arguments.provider], arguments.webhook_key
    async with Emulator(provider=provider, speed=arguments.speed, port=arguments.port, webhook_key=key) as emulator:
        sys.stdout.write(f"SUNO_BASE_URL={emulator.url} SUNO_API_KEY={emulator.api_key}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m suno_async", description=__doc__)
    parser.add_argument("command", choices=["emulator"])
    parser.add_argument("--port", type=int, default=8737, help="0 takes any free port")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the service's time in one second")
    parser.add_argument("--provider", choices=["kie", "kie-jobs", "sunoapi", "apikley"], default="kie")
    parser.add_argument("--webhook-key", default="", help="sign callbacks with it, as KIE does")
    with suppress(KeyboardInterrupt):
        asyncio.run(emulate(parser.parse_args()))


if __name__ == "__main__":
    main()
