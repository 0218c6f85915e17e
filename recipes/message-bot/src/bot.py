"""The bot: in the terminal, or on Discord.

python src/bot.py [--compare] [--checkpoint K]     any flag of `overnight chat`
DISCORD_TOKEN=... python src/bot.py --discord      pip install discord.py
"""

import os
import subprocess
import sys
from typing import Any

RUN = "bot"
REMEMBERED = 12
"""Messages of a channel that an answer knows of."""
LONGEST = 2000
"""Letters of a message on Discord."""


def answering() -> Any:
    """A function from the turns of a conversation to the bot's answer."""
    from pathlib import Path

    from overnight.chat import Asked, opened
    from overnight.cli.runs import find_run
    from overnight.training.talking import Said

    chat = opened(Asked(run=find_run(RUN, folder=Path.cwd())), write=lambda text: None, say=print)

    def answer(turns: list[tuple[str, str]]) -> str:
        *before, (_, asked) = turns
        chat.turns = [Said(role, text) for role, text in before]
        return chat.ask(asked)

    return answer


def turns_of(history: list[Any], me: Any) -> list[tuple[str, str]]:
    """A channel's last messages, the oldest first, as turns that take turns."""
    turns: list[tuple[str, str]] = []
    for message in history:
        role = "assistant" if message.author == me else "user"
        text = message.clean_content.strip()
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n{text}")
        elif turns or role == "user":
            turns.append((role, text))
    return turns


def client(answer: Any) -> Any:
    """Answers whoever mentions it or writes to it alone."""
    import asyncio

    import discord

    intents = discord.Intents.default()
    intents.message_content = True
    bot = discord.Client(intents=intents, allowed_mentions=discord.AllowedMentions.none())

    @bot.event
    async def on_message(message: Any) -> None:
        called = message.guild is None or bot.user in message.mentions
        if message.author.bot or not called:
            return
        history = [one async for one in message.channel.history(limit=REMEMBERED, before=message)]
        turns = turns_of([*reversed(history), message], bot.user)
        async with message.channel.typing():
            said = await asyncio.to_thread(answer, turns)
        await message.channel.send(said[:LONGEST] or "...")

    return bot


def main() -> int:
    """Talks."""
    words = sys.argv[1:]
    if "--discord" not in words:
        return subprocess.call([sys.executable, "-m", "overnight", "chat", RUN, *words])
    token = os.environ.get("DISCORD_TOKEN")
    if not token:
        raise SystemExit("bot.py: error: DISCORD_TOKEN is not set (Discord's developer pages)")
    client(answering()).run(token)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
