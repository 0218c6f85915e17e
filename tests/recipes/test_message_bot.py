"""Guide 2's recipe: from a channel's logs to answers, killed and gone on with once."""

import json
import os
import shutil
import signal
import time
from types import SimpleNamespace

import pytest
from tests.recipes.copied import Copied

pytestmark = pytest.mark.recipes


@pytest.fixture(scope="module")
def bot(shared_data, tmp_path_factory):
    made = Copied.of("message-bot", tmp_path_factory.mktemp("bot"))
    logs = made.folder / "export"
    logs.mkdir()
    for path in sorted((shared_data / "ubuntu_irc/train").glob("*.txt"))[:5]:
        shutil.copy(path, logs)
    return made


def killed(bot, *words):
    """A night that is killed whole as soon as a checkpoint stands."""
    process = bot.start("training/train_lora.py", *words)
    run = bot.folder / "runs/bot"
    limit = time.monotonic() + 120
    while len(list(run.glob("checkpoint-*/COMPLETE"))) < 2:
        assert time.monotonic() < limit and process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_from_an_export_to_a_bot_that_answers(bot):
    made = bot.run("src/prepare.py", "export")
    assert made.status == 0, made.said
    assert "conversations were made of" in made.said
    first = json.loads((bot.folder / "data/messages.jsonl").read_text("utf-8").splitlines()[0])
    assert {turn["role"] for turn in first["messages"]} == {"user", "assistant"}

    words = ("--model", "base", "--within", "60s")
    killed(bot, *words)
    trained = bot.run("training/train_lora.py", *words)
    assert trained.status in (0, 4), trained.said
    report = json.loads((bot.folder / "runs/bot/report.json").read_text("utf-8"))
    assert report["profile"]["gradient_accumulation_steps"] == 16  # .env is the guide's, and kept
    log = (bot.folder / "logs/training.log").read_text("utf-8")
    assert "taken from .env: num_train_epochs=1, per_device_train_batch_size=1" in log
    assert "Found checkpoint: checkpoint-" in log and trained.said in log

    sampled = bot.run("src/samples.py")
    assert sampled.status == 0 and "Longest shared run of words" in sampled.said, sampled.said
    page = (bot.folder / "samples.md").read_text("utf-8")
    assert page.count("- **bot**:") == page.count("- **true**:") >= 5


def test_what_is_missing_is_said_in_one_line(tmp_path):
    fresh = Copied.of("message-bot", tmp_path)
    refused = fresh.run("training/train_lora.py", "--model", "base", "--within", "1m")
    assert refused.status == 1 and "python src/prepare.py EXPORT makes it" in refused.said
    (fresh.folder / "empty.json").write_text("{}", "utf-8")
    refused = fresh.run("src/prepare.py", "empty.json")
    assert refused.status == 1 and refused.said.startswith("prepare.py: error: ")


def test_on_discord_it_answers_who_calls_it(monkeypatch):
    discord = pytest.importorskip("discord")
    import asyncio
    import importlib.util

    from overnight.story.recipes import every

    (home,) = [one.folder for one in every() if one.name == "message-bot"]
    spec = importlib.util.spec_from_file_location("bot", home / "src/bot.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = []
    client = module.client(lambda turns: asked.append(turns) or "yes, use umask")
    me = SimpleNamespace(bot=True, id=1)
    monkeypatch.setattr(discord.Client, "user", property(lambda self: me))
    sent = []

    class Channel:
        async def history(self, limit, before):
            yield SimpleNamespace(author=me, clean_content="hello")
            yield SimpleNamespace(author="ann", clean_content="hi")

        def typing(self):
            return self

        async def __aenter__(self):
            return self

        async def __aexit__(self, *how):
            return None

        async def send(self, text):
            sent.append(text)

    said = SimpleNamespace(author=SimpleNamespace(bot=False), guild=object(), mentions=[me],
                           channel=Channel(), clean_content="@bot how do I mount it?")  # fmt: skip
    asyncio.run(client.on_message(said))
    asyncio.run(client.on_message(SimpleNamespace(**{**vars(said), "mentions": []})))
    assert sent == ["yes, use umask"]
    assert asked == [[("user", "hi"), ("assistant", "hello"), ("user", "@bot how do I mount it?")]]
