"""Exit statuses are a promise to scripts."""

import pytest

from overnight.values import errors


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.OvernightError, 1),
        (errors.InputError, 2),
        (errors.DataError, 2),
        (errors.ModelError, 2),
        (errors.ArgumentError, 2),
        (errors.NoPlanFits, 3),
        (errors.NothingToPublish, 3),
        (errors.EndedEarly, 4),
    ],
)
def test_every_error_carries_its_exit_status(
    kind: type[errors.OvernightError], status: int
) -> None:
    assert kind("why").exit_status == status


def test_one_clause_catches_every_error_and_another_all_bad_input() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert all(issubclass(kind, errors.OvernightError) for kind in kinds)
    assert issubclass(errors.DataError, errors.InputError)
    assert issubclass(errors.ArgumentError, ValueError)
    assert not issubclass(errors.NoPlanFits, errors.InputError)


def test_an_error_prints_as_its_sentence() -> None:
    assert str(errors.ModelError("no config.json")) == "no config.json"
