from aiohttp import web

from suno_async import SunoClient

suno = SunoClient(callback_url="https://bot.example/suno")
receiver = suno.receiver()


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


app = web.Application()
app.router.add_post("/suno", receiver.aiohttp)
app.router.add_get("/", hello)
app.on_cleanup.append(lambda app: suno.aclose())

music = web.Application()
music.router.add_post("/suno", receiver.aiohttp)
music.router.add_get("/", hello)
music.on_cleanup.append(lambda app: suno.aclose())
mounted = web.Application()
mounted.add_subapp("/api", music)

token_in_path = web.Application()
token_in_path.router.add_post("/suno/{token}", receiver.aiohttp)
token_in_path.router.add_get("/", hello)
token_in_path.on_cleanup.append(lambda app: suno.aclose())
