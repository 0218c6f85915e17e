"""What each command does: settings in, one call, its answer printed.

In: the flags as typer read them. Out: the exit status. Never: deciding anything. Everything but
typer is imported where it is used, so that `--help` costs nothing.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from overnight.values.request import Request


def _request(
    flags: Mapping[str, Any], *, need: str = "night", past: bool = False
) -> tuple["Request", tuple[str, ...]]:
    from overnight.cli.settings import Surroundings, gather
    from overnight.probe.clock import SystemClock

    around = Surroundings(environ=os.environ, folder=Path.cwd(), clock=SystemClock())
    return gather(flags, around=around, need=need, past=past)


def _print_json(value: object) -> int:
    from overnight.report.words import json_text

    typer.echo(json_text(value))
    return 0


def _say(lines: tuple[str, ...]) -> None:
    """Remarks go to stderr, so that what a program reads stays clean."""
    from overnight.report.words import inert

    for line in lines:
        typer.echo(inert(line), err=True)


def train(given: dict[str, Any]) -> int:
    """Fine-tune a model, over in time. Run it again to resume."""
    from overnight import supervise
    from overnight.probe.clock import SystemClock
    from overnight.story.beside import Wishes

    fresh, renew = given.pop("fresh"), given.pop("renew")
    wishes = Wishes(on_finish=given.pop("on_finish"), report_to=given.pop("report_to") or "")
    request, echoes = _request(given, past=True)
    return supervise.run(request, clock=SystemClock(), fresh=fresh, renew=renew, echoes=echoes,
                         wishes=wishes)  # fmt: skip


def plan(given: dict[str, Any]) -> int:
    """What `train` would do: settings, reasons, end."""
    from overnight.cli.case import case, others
    from overnight.cli.objects import against_object, plan_object
    from overnight.probe.clock import SystemClock
    from overnight.story import foresight

    as_json, clock, instead = given.pop("json"), SystemClock(), case(given)
    names = given.pop("against")
    request, echoes = _request(given, need="night" if instead.samples is None else "imagined")
    against, more = others(names, request)
    _say((*echoes, *more))
    ends = _deadline(request)
    found = foresight.propose(request, clock, instead, against)
    _say(ends)
    if as_json:
        told = plan_object(request, found.plan, dataset=found.dataset, model=found.model,
                           hardware=found.hardware)  # fmt: skip
        return _print_json(told | against_object(found.others))
    from rich.console import Console

    from overnight.report.proposal import print_plan

    console = Console()
    print_plan(found.plan, dataset=found.dataset, model=found.model, hardware=found.hardware,
               console=console, now_utc=clock.utc())  # fmt: skip
    if found.others:
        from overnight.report.proposal import print_against

        print_against(found.plan, found.others, console=console, now_utc=clock.utc())
    return 0


def _deadline(request: "Request") -> tuple[str, ...]:
    """What the window resolves to, if the night started now."""
    from overnight.probe.clock import SystemClock, echo, local_zone

    now, window = SystemClock().utc(), request.window
    ends = window.ends_utc if window.seconds is None else now + window.seconds
    return () if ends is None else (echo(ends, now_utc=now, zone=local_zone()),)


def data(given: dict[str, Any]) -> int:
    """What is in DATA, what would be trained on, what looks wrong."""
    from overnight import night
    from overnight.cli.objects import dataset_object

    as_json = given.pop("json")
    request, echoes = _request(given, need="data")
    _say(echoes)
    profile, examples = night.survey(request)
    if as_json:
        return _print_json(dataset_object(profile) | {"examples": examples})
    from rich.console import Console

    from overnight.report.terminal import print_dataset

    print_dataset(profile, examples=examples, console=Console())
    return 0


def status(given: dict[str, Any]) -> int:
    """How a night is doing, in two lines."""
    import psutil

    from overnight.cli.runs import find_run, read_status, status_lines
    from overnight.codec import to_json
    from overnight.probe.clock import SystemClock, local_zone

    found = read_status(find_run(given["run"], folder=Path.cwd()))
    if given["json"]:
        return _print_json(to_json(found))
    alive = psutil.pid_exists(found.pid)
    for line in status_lines(found, now_utc=SystemClock().utc(), zone=local_zone(), alive=alive):
        typer.echo(line)
    return 0


def watch(given: dict[str, Any]) -> int:
    """Follow a night in the terminal, or with --web in a browser."""
    from overnight.cli.runs import find_run
    from overnight.probe.clock import SystemClock

    folder = find_run(given["run"], folder=Path.cwd())
    if given["web"] or given["port"] is not None:
        return _served(folder, given["port"])
    from rich.console import Console

    from overnight import watch as story

    return story.run(folder, clock=SystemClock(), console=Console())


def _served(folder: Path, port: str | None) -> int:
    from overnight.story import serving
    from overnight.values.errors import InputError

    if port is not None and not (port.isdecimal() and int(port) < 65536):
        raise InputError(f"--port {port}: it takes a number from 0 to 65535")
    with serving.server(folder, None if port is None else int(port)) as server:
        typer.echo(f"http://{serving.HOST}:{server.server_port}/  (Ctrl-C ends this page, not the "
                   "night)")  # fmt: skip
        server.serve_forever()
    return 0


def stop(given: dict[str, Any]) -> int:
    """Let a running night anneal and end, with its model."""
    from overnight.cli.runs import find_run
    from overnight.story import wishes

    typer.echo(wishes.stop(find_run(given["run"], folder=Path.cwd()), now=given["now"]))
    return 0


def extend(given: dict[str, Any]) -> int:
    """Move a night's deadline; one that has ended then goes on."""
    from overnight.cli.extending import more_time
    from overnight.cli.runs import find_run
    from overnight.probe.clock import SystemClock, local_zone
    from overnight.story import wishes

    clock = SystemClock()
    run, more = more_time(given, now_utc=clock.utc(), zone=local_zone())
    typer.echo(wishes.extend(find_run(run, folder=Path.cwd()), clock, more))
    return 0


def report(given: dict[str, Any]) -> int:
    """A night's report: promised against done."""
    from overnight.cli.runs import find_run
    from overnight.report import pages, summary
    from overnight.report.verdict import judge

    run = find_run(given["run"], folder=Path.cwd())
    told = summary.load(run)
    pages.write(told, run)
    if given["json"]:
        return _print_json(json.loads((run / "report.json").read_text(encoding="utf-8")))
    verdict = judge(told)
    typer.echo(" ".join((f"{verdict.title}:", *verdict.sentences)))
    for name in ("report.html", "report.json"):
        typer.echo(str(run / name))
    return 0


def doctor(given: dict[str, Any]) -> int:
    """This machine, and what of it is unmeasured."""
    from overnight.cli.doctor import doctor_lines, doctor_object
    from overnight.probe import hardware

    found = hardware.look()
    if given["json"]:
        return _print_json(doctor_object(found))
    for line in doctor_lines(found):
        typer.echo(line)
    return 0


def demo(given: dict[str, Any]) -> int:
    """The whole thing in minutes on this machine, nothing to download."""
    from overnight import demo as story
    from overnight.probe.clock import SystemClock
    from overnight.values.units import parse_duration

    within = "3m" if given["within"] is None else given["within"]
    seconds = parse_duration(within)
    return story.run(seconds, clock=SystemClock(), output_dir=given["output_dir"])


def run_night(given: dict[str, Any]) -> int:
    """The night itself, in the child process that the supervisor starts."""
    from overnight import night
    from overnight.probe.clock import SystemClock

    return night.run(Path(given["run"]), clock=SystemClock())


def page(given: dict[str, Any]) -> int:
    """Draw the page of a night that goes on, yielding to it."""
    from overnight.report import pages, summary

    if hasattr(os, "nice"):
        os.nice(19)
    run = Path(given["run"])
    pages.write(summary.load(run), run)
    return 0


def track(given: dict[str, Any]) -> int:
    """Feed a night's trackers until it is over."""
    from overnight.story import tracking

    return tracking.track(Path(given["run"]), tracking.named(given["name"]))


def export(given: dict[str, Any]) -> int:
    """A night's model or settings for other tools."""
    from overnight.cli.runs import find_run
    from overnight.story import exporting
    from overnight.values.errors import InputError

    if not given["to"]:
        raise InputError(f"--to what? {', '.join(exporting.KINDS)}")
    output = Path(given["output"]) if given["output"] else None
    run = find_run(given["run"], folder=Path.cwd())
    for line in exporting.export_as(exporting.Wish(run=run, to=given["to"], output=output,
                                    trust_remote_code=given["trust_remote_code"])):  # fmt: skip
        typer.echo(line)
    return 0


def publish(given: dict[str, Any]) -> int:
    """Load, test and put into place a checkpoint, in a process of its own."""
    from overnight.story import libraries
    from overnight.story.alone import writing
    from overnight.story.children import die_with_parent
    from overnight.story.examiner import NAMED_LATER
    from overnight.training import export as publishing

    run, name = Path(given["run"]), given["name"]
    if name == NAMED_LATER:
        libraries.load()
        name = sys.stdin.readline().strip()
    if not name:
        return 1  # whoever would have named it is gone, or needs it no more
    die_with_parent()
    with writing(run):
        return publishing.publish(run, name, trust_remote_code=given["trust_remote_code"])
