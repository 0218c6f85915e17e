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
    assert "1 x Tesla T4 (cuda, compute capability 7.5), 2 cores\n" in said
    assert "rates     fp16 65 TFLOP/s [the catalogue]" in said
    assert "1.0 GiB free of 15.0 GiB a device" in said
    assert "overnight 0.1.0" in said


def test_what_was_not_measured_here_is_named_with_its_source() -> None:
    assert "unproven  the pace of Tesla T4: figures are from the catalogue, not from here" in (
        doctor.doctor_lines(T4))  # fmt: skip
    cpu = replace(T4, device="cpu", flops_source="measured")
    assert doctor.doctor_object(cpu)["unproven"] == []


def test_another_system_than_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    assert "Darwin: the project is proven on Linux only" in doctor.doctor_object(T4)["unproven"]


def test_an_absent_package_is_said_to_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("no-such-package-here",))
    assert doctor.doctor_object(T4)["versions"] == {"no-such-package-here": None}
    assert "no-such-package-here (absent)" in "\n".join(doctor.doctor_lines(T4))


def test_every_figure_is_told_with_its_source() -> None:
    known = replace(
        T4, bandwidth=320e9, power_watts=70.0, power_limited=True, driver="580.1",
        peak_flops={"fp16": 65e12}, flops={"fp16": 42e12}, flops_source="measured",
        ceiling_flops=42.7e12, disk_bytes_per_second=1.3e9, others_bytes=2**30,
        sources={"bandwidth": "a sheet", "power_watts": "the driver", "peak_flops": "a sheet",
                 "ceiling_flops": "others"},
    )  # fmt: skip
    told = [line for line in doctor.doctor_lines(known) if not line.startswith("unproven")]
    assert told[2:-1] == [
        "device    1 x Tesla T4 (cuda, compute capability 7.5, driver 580.1), 2 cores",
        "rates     fp16 42 TFLOP/s [measured]",
        "rates     fp16 65 TFLOP/s by its data sheet [a sheet]",
        "rates     42.7 TFLOP/s is the most that others measured in 16 bits [others]",
        "rates     320 GB/s to and from memory [a sheet]",
        "rates     70 W, so low that it clocks far below its boost [the driver]",
        "memory    1.0 GiB free of 15.0 GiB a device, 12.0 GiB in the machine; 1.0 GiB of the "
        "device are held by other processes",
    ]
    assert told[-1] == "disk      1.0 GiB free here, 1.3 GB/s written and synced [measured]"


def test_what_was_never_measured_on_a_card_is_named() -> None:
    said = "\n".join(doctor.doctor_lines(replace(T4, varlen_attention="flash_attention_2")))
    assert "packing with flash_attention_2" in said and "use_liger_kernel" in said


def test_a_card_that_cannot_be_driven_is_named_first() -> None:
    said = doctor.doctor_object(replace(T4, undrivable="no code for it"))["unproven"]
    assert said[0] == "anything on Tesla T4: no code for it"


def test_a_card_outside_the_catalogue_is_named() -> None:
    assert any("not in the catalogue" in one for one in doctor.doctor_object(T4)["unproven"])


def test_the_cards_that_can_be_planned_for_are_listed() -> None:
    assert {"T4", "H200 SXM"} <= set(doctor.doctor_object(T4)["cards"])
