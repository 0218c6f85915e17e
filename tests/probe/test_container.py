"""Control groups of both versions, as files."""

from pathlib import Path

import pytest

from overnight.probe.container import Limits, limits, memory_kills

GIB = 2**30


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="ascii")
    return root


def test_a_machine_without_groups_has_no_limits(tmp_path: Path) -> None:
    assert limits(tmp_path) == Limits(memory_bytes=None, memory_used_bytes=0, processors=None)


def test_version_2_leaves_out_the_cache_that_can_be_given_back(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/memory.max": str(8 * GIB),
        "sys/fs/cgroup/memory.current": str(3 * GIB),
        "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {GIB}\nslab 7",
        "sys/fs/cgroup/cpu.max": "150000 100000",
    }
    assert limits(put(tmp_path, files)) == Limits(
        memory_bytes=8 * GIB, memory_used_bytes=2 * GIB, processors=1.5
    )


def test_version_1_is_read_from_its_controllers(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n1:name=systemd:/",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": str(4 * GIB),
        "sys/fs/cgroup/memory/job/memory.usage_in_bytes": str(GIB),
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "400000",
        "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "100000",
    }
    assert limits(put(tmp_path, files)) == Limits(
        memory_bytes=4 * GIB, memory_used_bytes=GIB, processors=4.0
    )


@pytest.mark.parametrize(("inner", "outer", "tightest"), [("max", "9", 9), ("7", "9", 7)])
def test_a_group_is_held_by_those_around_it(
    tmp_path: Path, inner: str, outer: str, tightest: int
) -> None:
    files = {
        "proc/self/cgroup": "0::/slice/job",
        "sys/fs/cgroup/slice/job/memory.max": inner,
        "sys/fs/cgroup/slice/memory.max": outer,
    }
    assert limits(put(tmp_path, files)).memory_bytes == tightest


def test_a_path_that_only_the_host_sees_means_the_mounted_top(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "123",
    }
    assert limits(put(tmp_path, files)).memory_bytes == 123


def test_no_quota_is_no_limit(tmp_path: Path) -> None:
    files = {
        "proc/self/cgroup": "0::/\n1:cpu:/",
        "sys/fs/cgroup/cpu.max": "max 100000",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    }
    assert limits(put(tmp_path, files)).processors is None


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({}, None),
        ({"proc/vmstat": "nr_free 5\noom_kill 3"}, 3),
        ({"proc/self/cgroup": "0::/job", "sys/fs/cgroup/job/memory.events": "oom 2\noom_kill 1",
          "proc/vmstat": "oom_kill 9"}, 1),
        ({"proc/self/cgroup": "4:memory:/job", "proc/vmstat": "oom_kill 9",
          "sys/fs/cgroup/memory/job/memory.oom_control": "under_oom 0\noom_kill 2"}, 2),
        ({"proc/self/cgroup": "0::/", "proc/vmstat": "oom_kill 9"}, 9),
    ],
)  # fmt: skip
def test_the_kernels_count_of_kills_is_the_groups_before_the_machines(
    tmp_path: Path, files: dict[str, str], kills: int | None
) -> None:
    assert memory_kills(put(tmp_path, files)) == kills
