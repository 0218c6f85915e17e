from dataclasses import replace

import pytest

from overnight.cli import doctor
from overnight.values.facts import Hardware

T4 = Hardware(
    device="cuda", name="Tesla T4", num_devices=1, memory_bytes=15 * 2**30, memory_free_bytes=2**30,
    host_memory_bytes=12 * 2**30, cpu_count=2, disk_free_bytes=2**30, compute_capability=(7, 5),
    flops={"fp16": 65e12}, flops_source="the catalogue",
)  # fmt: skip


def test_the_machine_is_told_in_lines_that_can_be_pasted() -> None:
    said = "\n".join(doctor.doctor_lines(T4))
    assert "1 x Tesla T4 (cuda, compute capability 7.5), 2 cores, fp16 65 TFLOP/s" in said
    assert "1.0 GiB free of 15.0 GiB a device" in said
    assert "overnight 0.1.0" in said


def test_what_was_not_measured_here_is_named_with_its_source() -> None:
    assert "unproven  the pace of Tesla T4: figures are from the catalogue, not from here" in (
        doctor.doctor_lines(T4))  # fmt: skip
    assert doctor.doctor_object(replace(T4, flops_source="measured"))["unproven"] == []


def test_another_system_than_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    assert "Darwin: the project is proven on Linux only" in doctor.doctor_object(T4)["unproven"]


def test_an_absent_package_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package-here",))
    assert doctor.doctor_object(T4)["versions"] == {"no-such-package-here": None}
    assert "no-such-package-here (absent)" in "\n".join(doctor.doctor_lines(T4))
