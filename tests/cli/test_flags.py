import inspect
from dataclasses import fields

import typer
from typer.testing import CliRunner

from overnight.cli.flags import DATA_FLAGS, JSON, NIGHT_FLAGS, RUN, SET, TRAIN_FLAGS, with_flags
from overnight.cli.schema import keys
from overnight.values.request import Request

NOT_A_KEY = {"config", "set", "fresh", "renew", "report_to", "on_finish"}


def test_every_field_of_a_request_has_a_flag() -> None:
    covers = {"within": "window", "by": "window", "set": "settings"}
    reached = {covers.get(flag.key, flag.key) for flag in NIGHT_FLAGS}
    assert {each.name for each in fields(Request)} <= reached


def test_every_flag_of_a_night_fills_a_key_that_configuration_knows() -> None:
    given = {flag.key for flag in (*TRAIN_FLAGS, *DATA_FLAGS)}
    assert given - NOT_A_KEY <= set(keys())


def test_a_function_is_given_every_flag_by_its_key() -> None:
    seen: list[dict[str, object]] = []

    def command(given: dict[str, object]) -> int:
        """Say it."""
        seen.append(given)
        return 0

    app = typer.Typer()
    app.command()(with_flags(command, (RUN, SET, JSON)))
    assert CliRunner().invoke(app, ["night", "--set", "a=1", "--set", "b=2"]).exit_code == 0
    assert CliRunner().invoke(app, ["--json"]).exit_code == 0
    assert seen == [{"run": "night", "set": ["a=1", "b=2"], "json": False},
                    {"run": None, "set": [], "json": True}]  # fmt: skip


def test_the_signature_says_what_is_taken() -> None:
    made = with_flags(lambda given: 0, (RUN, JSON))
    assert list(inspect.signature(made).parameters) == ["run", "json"]
