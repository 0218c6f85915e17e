"""What the environment says about the end of a session, and what it does not."""

import os

import pytest

from overnight.probe.session_limits import find, remark, written_utc

NOW = 1_800_000_000.0


def begun(path: str) -> float | None:
    return NOW - 600.0 if path == "/aux/nodes" else None


def found(**environ: str):
    return find(environ, now_utc=NOW, written=begun)


def test_slurm_says_the_very_instant():
    limit = found(SLURM_JOB_END_TIME="1800028800")
    assert limit is not None
    assert limit.ends_utc == NOW + 28_800.0
    assert limit.leave_utc == NOW + 28_740.0
    assert limit.name == "SLURM (SLURM_JOB_END_TIME)"


@pytest.mark.parametrize(
    ("who", "environ"),
    [
        ("OAR", {"OAR_JOB_WALLTIME_SECONDS": "7200", "OAR_NODE_FILE": "/aux/nodes"}),
        ("PBS", {"PBS_WALLTIME": "7200", "PBS_NODEFILE": "/aux/nodes"}),
    ],
)
def test_a_length_counts_from_the_file_that_was_written_when_the_job_began(who, environ):
    limit = found(**environ)
    assert limit is not None and limit.who == who
    assert limit.ends_utc == NOW + 7200.0 - 600.0


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_JOB_ID": "7"},
        {"SLURM_JOB_END_TIME": ""},
        {"SLURM_JOB_END_TIME": "soon"},
        {"SLURM_JOB_END_TIME": "-1"},
        {"SLURM_JOB_END_TIME": "0"},
        {"SLURM_JOB_END_TIME": "1799999999"},
        {"PBS_WALLTIME": "7200"},
        {"PBS_WALLTIME": "7200", "PBS_NODEFILE": "/gone"},
        {"OAR_JOB_WALLTIME_SECONDS": "2:00:00", "OAR_NODE_FILE": "/aux/nodes"},
    ],
    ids=str,
)
def test_what_says_no_end_that_is_still_to_come_limits_nothing(environ: dict[str, str]):
    assert found(**environ) is None


def test_of_a_short_session_little_is_given_away():
    limit = found(SLURM_JOB_END_TIME="1800000120")
    assert limit is not None and limit.leave_utc == pytest.approx(NOW + 108.0)


def test_the_age_of_a_file_is_read_from_the_disk(tmp_path):
    (tmp_path / "nodes").write_text("node-1\n")
    os.utime(tmp_path / "nodes", (NOW, NOW))
    assert written_utc(str(tmp_path / "nodes")) == NOW
    assert written_utc(str(tmp_path / "none")) is None


@pytest.mark.parametrize(
    ("variable", "name"), [("COLAB_RELEASE_TAG", "Colab"), ("KAGGLE_KERNEL_RUN_TYPE", "Kaggle")]
)
def test_a_notebook_that_may_not_last_is_remarked_once_and_nothing_is_cut(variable, name):
    assert remark({variable: "x"}, 12 * 3600.0) == ""
    said = remark({variable: "x"}, 14 * 3600.0)
    assert said.startswith(f"{name} says to no program") and "12 h 00 m" in said


def test_elsewhere_there_is_nothing_to_remark():
    assert remark({"HOME": "/root"}, 1e6) == ""
    assert remark({"COLAB_GPU": "1"}, None) == ""
