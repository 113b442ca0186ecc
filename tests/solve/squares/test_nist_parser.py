"""Is a file of NIST's format read as it is meant?"""

from __future__ import annotations

from pathlib import Path

import nist
import numpy as np
import pytest

HEAD = """NIST/ITL StRD
Dataset Name:  Misra1a           (Misra1a.dat)

File Format:   ASCII
               Starting Values   (lines 9 to 10)
               Certified Values  (lines 9 to 15)
               Data              (lines 18 to 20)
        Start 1     Start 2           Parameter     Standard Deviation
  b1 =   500         250           2.0E+02  2.5E+00
  b2 =     0.0001      0.0005      5.0E-04  7.0E-06

Residual Sum of Squares:                    1.25E-01


Data:

Data:   y               x
      10.07E0      77.6E0
      14.73E0     114.9E0
"""


def test_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Misra1a.dat").write_text(HEAD)
    monkeypatch.setattr(nist, "FOLDER", tmp_path)
    assert nist.names() == ["Misra1a"]
    data = nist.read("Misra1a")
    assert [start.tolist() for start in data.starts] == [[500, 0.0001], [250, 0.0005]]
    assert data.certified.tolist() == [200, 5e-4]
    assert data.deviations.tolist() == [2.5, 7e-6]
    assert (data.y.tolist(), data.x.tolist()) == ([10.07, 14.73], [77.6, 114.9])
    assert data.sum_of_squares == 0.125
    assert data.residual(data.certified) == pytest.approx(200 * (1 - np.exp(-5e-4 * data.x)) - data.y)


def test_digits() -> None:
    assert nist.certified_digits(np.array([1.0, 2.0 + 2e-7]), np.array([1.0, 2.0])) == pytest.approx(7)
    assert nist.certified_digits(np.array([1.0]), np.array([1.0])) == 11
    assert nist.certified_digits(np.array([np.nan]), np.array([1.0])) == -np.inf
