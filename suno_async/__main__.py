"""`python -m suno_async emulator`: run the emulator as a process until it is interrupted."""

import argparse
import asyncio
import sys
from contextlib import suppress


async def emulate(arguments: argparse.Namespace) -> None:
    """Run an emulator, and print the environment variables that lead a client to it."""
    from .api.providers import PROVIDERS
    from .emulator import Emulator

    provider, key = PROVIDERS[arguments.provider], arguments.webhook_key
    async with Emulator(provider=provider, speed=arguments.speed, port=arguments.port, webhook_key=key) as emulator:
        sys.stdout.write(f"SUNO_BASE_URL={emulator.url} SUNO_API_KEY={emulator.api_key}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m suno_async", description=__doc__)
    parser.add_argument("command", choices=["emulator"])
    parser.add_argument("--port", type=int, default=8737, help="TCP port; 0 takes any free one (default: %(default)s)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="seconds of its clock in one real second (default: %(default)s)"
    )
    parser.add_argument(
        "--provider", choices=["kie", "kie-jobs", "sunoapi", "apikley"], default="kie", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--webhook-key", default="", help="sign callbacks with this key, as KIE does (default: unsigned)"
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(emulate(parser.parse_args()))


if __name__ == "__main__":
    main()
