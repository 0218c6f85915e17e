"""Cards by name, and every figure with its source."""

import csv
import tomllib
from pathlib import Path

import pytest

from overnight.probe import catalogue
from overnight.values.errors import InputError

ALL = catalogue.names()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("t4", "T4"),
        ("Tesla T4", "T4"),
        ("T4 16GB", "T4"),
        ("rtx2080ti", "RTX 2080 Ti"),
        ("2080 Ti", "RTX 2080 Ti"),
        ("4090", "RTX 4090"),
        ("A100-80GB", "A100-80GB SXM"),
        ("a100 40g", "A100-40GB SXM"),
        ("80GB A100 PCIe", "A100-80GB PCIe"),
        ("A100_80GB", "A100-80GB SXM"),
        ("h100", "H100 SXM"),
        ("H200", "H200 SXM"),
        ("a10g", "A10G"),
        ("A10", "A10"),
        ("rtx6000ada", "RTX 6000 Ada"),
        ("A6000", "RTX A6000"),
        ("NVIDIA A100-SXM4-40GB", "A100-40GB SXM"),
    ],
)
def test_a_card_is_found_however_it_is_written(written: str, meant: str) -> None:
    assert catalogue.find(written).name == meant


@pytest.mark.parametrize("name", ALL)
def test_every_card_is_found_by_its_own_name_and_torch_s(name: str) -> None:
    found = catalogue.find(name)
    assert (found.name, found.catalogue) == (name, name)
    entry = next(one for one in _file()["cards"] if one["name"] == name)
    for device in entry["devices"]:
        card = catalogue.of_device(device, found.memory_bytes + 2**28)
        assert card is not None
        assert card.name == name


def _file() -> dict[str, list[dict[str, object]]]:
    return tomllib.loads(catalogue.FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("A100", "A100 was taken to be A100-80GB SXM; also: A100-40GB SXM"),
        ("V100", "V100 was taken to be V100-16GB SXM; also: V100-32GB SXM"),
        ("V100 32GB", "V100 32GB was taken to be V100-32GB SXM; also: V100-32GB PCIe"),
        ("H100", "H100 was taken to be H100 SXM; also: H100 PCIe"),
    ],
)
def test_the_usual_one_of_several_is_taken_and_said(written: str, said: str) -> None:
    assert catalogue.find(written).sources["name"].startswith(said)


@pytest.mark.parametrize("written", ["T4", "A10", "H200", "RTX 3090", "A100-80GB PCIe"])
def test_a_name_that_fits_one_card_needs_no_word(written: str) -> None:
    assert "name" not in catalogue.find(written).sources


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("H100 NVL", "near it: H100 SXM, H100 PCIe"),
        ("4090 laptop", "near it: RTX 4090"),
        ("T40", "near it: T4"),
        ("Radeon", "known: T4, RTX 2080 Ti"),
        ("", "known: T4"),
    ],
)
def test_an_unknown_card_is_refused_with_the_near_ones(written: str, near: str) -> None:
    with pytest.raises(InputError) as caught:
        catalogue.find(written)
    assert str(caught.value).startswith(f"no card {written!r} in the catalogue; {near}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "device",
    [
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA GeForce RTX 4090 D",
        "NVIDIA A100-SXM4-40GB MIG 3g.20gb",
        "NVIDIA L40",
        "Quadro RTX 6000",
    ],
)
def test_a_card_that_only_resembles_one_is_not_taken_for_it(device: str) -> None:
    assert all(catalogue.of_device(device, size * 2**30) is None for size in range(96))


def test_the_same_name_with_other_memory_is_another_card() -> None:
    assert catalogue.of_device("NVIDIA GeForce RTX 3080", int(9.65 * 2**30)) is not None
    assert catalogue.of_device("NVIDIA GeForce RTX 3080", int(11.6 * 2**30)) is None


@pytest.mark.parametrize("name", ALL)
def test_every_figure_has_a_source_that_says_how_sure_it_is(name: str) -> None:
    found = catalogue.find(name)
    fields = ["memory_bytes", "bandwidth", "flops", "power_watts"]
    fields += ["ceiling_flops"] if found.ceiling_flops else []
    sure = ("(verified)", "(derived)", "(known)", "(others' measurement)")
    assert all(found.sources[field].endswith(sure) for field in fields)


@pytest.mark.parametrize("name", ALL)
def test_no_card_has_what_its_generation_cannot_do(name: str) -> None:
    found = catalogue.find(name)
    capability = found.compute_capability or (0, 0)
    assert ("bf16" in found.flops) == (capability >= (8, 0))
    assert ("fp16" in found.flops) == (capability >= (7, 0))
    assert bool(found.undrivable) == (capability < (7, 5))
    # Sums in fp16 or sparse matrices would give twice this or more.
    assert found.flops.get("fp16", 0) <= 40 * found.flops["fp32"]


@pytest.mark.parametrize("name", ALL)
def test_usable_memory_is_less_than_the_box_says(name: str) -> None:
    found = catalogue.find(name)
    size = next(one["size_gb"] for one in _file()["cards"] if one["name"] == name)
    assert isinstance(size, int)
    assert 0.9 * size < found.memory_bytes / 2**30 < size


def test_a_v100_is_said_to_need_another_torch() -> None:
    said = catalogue.find("V100").undrivable
    assert "none for the 7.0 of V100-16GB SXM" in said
    assert said.endswith("install torch's build for CUDA 12.6 (up to torch 2.14), which has it")


def test_low_power_limits_are_known() -> None:
    limited = [name for name in ALL if catalogue.find(name).power_limited]
    assert limited == ["T4", "L4"]


@pytest.mark.parametrize(
    ("capability", "built", "runs"),
    [
        ((8, 9), [[8, 6]], True),
        ((8, 6), [[8, 9]], False),
        ((9, 0), [[8, 0]], False),
        ((12, 1), [[12, 0]], True),
    ],
)
def test_code_runs_on_later_cards_of_its_generation(
    capability: tuple[int, int], built: list[list[int]], runs: bool
) -> None:
    assert catalogue.has_code(capability, built) is runs


def test_the_researched_table_agrees(shared_data: Path) -> None:
    table = shared_data.parent / "gpus.csv"
    if not table.is_file():
        pytest.skip("the table is not here")
    with table.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found = catalogue.find(row["gpu"])
            rate = float(row["fp16_tensor_dense_fp32acc_tflops"])
            assert found.flops["fp16"] == pytest.approx(rate * 1e12, rel=0.01)
            assert found.bandwidth == pytest.approx(float(row["bandwidth_gbs"]) * 1e9, rel=0.05)
            assert bool(found.undrivable) == row["torch213_cu130_wheel"].startswith("NO")
