"""All of the client's traffic through a SOCKS proxy: API, paid requests, uploads and downloads.

aiohttp knows HTTP proxies only; `pip install aiohttp-socks` adds the connector. It is given as a function, since a
connector belongs to its event loop, and paid requests get one of their own. Names are looked up by the proxy.

    SUNO_API_KEY=… python examples/socks_proxy.py socks5://user:password@127.0.0.1:1080 "rain in Lisbon"
"""

import asyncio
import sys
from pathlib import Path

from aiohttp_socks import ProxyConnector

from suno_async import SunoClient, SunoError


async def main(proxy: str, prompt: str, folder: Path = Path("songs")) -> int:
    async with SunoClient(connector=lambda: ProxyConnector.from_url(proxy, rdns=True)) as suno:
        try:
            music = await (await suno.generate_music(prompt=prompt))
            for path in await suno.download(music, folder):
                print(path.name)
        except SunoError as exc:
            print(exc, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1], sys.argv[2])))
