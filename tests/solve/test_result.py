"""Is a result a dict with attributes, and does its status speak?"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from onepass.solve import OptimizeResult, Status


def test_entries_are_attributes() -> None:
    result = OptimizeResult(x=np.ones(2), status=Status.VALUE)
    assert result.x is result["x"]
    assert (result.success, result.message) == (True, Status.VALUE.message)
    result.note = 3
    assert result["note"] == 3
    assert "note" in dir(result)
    del result.note
    for wrong in ("note", "nothing"):
        with pytest.raises(AttributeError, match=wrong):
            getattr(result, wrong)
        with pytest.raises(AttributeError, match=wrong):
            delattr(result, wrong)


def test_repr_and_copies() -> None:
    result = OptimizeResult(x=np.eye(2), status=Status.MAX_ITERATIONS)
    assert repr(result).splitlines()[:3] == ["      x: [[1. 0.]", "          [0. 1.]]", " status: -1 (MAX_ITERATIONS)"]
    assert not result.success
    assert repr(OptimizeResult()) == ""
    for twin in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert twin.status is Status.MAX_ITERATIONS
        assert (twin.x == result.x).all()


def test_only_convergence_is_a_success() -> None:
    assert [status for status in Status if status.success] == [
        *(Status.GRADIENT, Status.VALUE, Status.STEP, Status.STATIONARY, Status.FLAT)
    ]
    assert len({status.message for status in Status}) == len(Status)
