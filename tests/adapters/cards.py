"""A card and works that the adapters' tests share."""

from overnight.adapters.estimate import Estimate, Job, estimated
from overnight.adapters.profiles import PROFILES, OptimizationProfile
from overnight.adapters.truth import Truth
from overnight.values.facts import Hardware

H100 = Hardware(
    device="cuda", name="H100 SXM", num_devices=1, memory_bytes=80 * 10**9,
    memory_free_bytes=77 * 2**30, host_memory_bytes=2**37, cpu_count=16, disk_free_bytes=2**39,
    compute_capability=(9, 0), flops={"fp32": 67e12, "bf16": 989e12},
    flops_source="the catalogue", catalogue="H100 SXM",
)  # fmt: skip
NOTHING_KNOWN = Truth(card="none", model="none", ways=(), sentences=(), source="none")


def job(*, num_samples: int = 8000, row: float = 500, epochs: float = 3, hours: float = 12.0,
         conservative: bool = False) -> Job:  # fmt: skip
    return Job(num_samples=num_samples, avg_tokens_per_sample=row, num_epochs=epochs,
                max_hours=hours, conservative=conservative)  # fmt: skip


def estimate(profile: OptimizationProfile = PROFILES["balanced"]) -> Estimate:
    """The guide's standard example."""
    return estimated(job(), profile, truth=NOTHING_KNOWN)
