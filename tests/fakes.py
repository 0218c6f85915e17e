"""Stand-ins for what a test must hold in its hand."""


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, *, boot: float = 1_000.0, utc: float = 1_800_000_000.0) -> None:
        self._boot = boot
        self._utc = utc
        self._slept = 0.0
        self._boot_id = "boot-1"

    def boot(self) -> float:
        return self._boot

    def utc(self) -> float:
        return self._utc

    def awake(self) -> float:
        return self._boot - self._slept

    def boot_id(self) -> str:
        return self._boot_id

    def advance(self, seconds: float) -> None:
        """Time goes by: both clocks count it."""
        self._boot += seconds
        self._utc += seconds

    def sleep(self, seconds: float) -> None:
        """The machine sleeps: time goes by, and nobody is there to do anything in it."""
        self.advance(seconds)
        self._slept += seconds

    def set_wall(self, utc: float) -> None:
        """Somebody sets the machine's time: only the wall clock jumps."""
        self._utc = utc

    def reboot(self, *, down_seconds: float = 60.0) -> None:
        """The machine starts anew: the boot clock begins again, the wall clock went on."""
        self._utc += down_seconds
        self._boot = 0.0
        self._boot_id = f"boot-{int(self._boot_id.rpartition('-')[2]) + 1}"
