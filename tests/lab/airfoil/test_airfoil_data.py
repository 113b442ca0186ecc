"""Are the airfoil measurements found, standardised and refused when damaged; has the generated problem their shape?"""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from onepass.lab.airfoil.fitting import exact_minimum
from onepass.lab.airfoil.generated import MINIMUM, SOLUTION, SPECTRUM, generated
from onepass.lab.data.airfoil import FILE, BadAirfoilFile, airfoil


def a_table(rows: int = 1503, columns: int = 6) -> np.ndarray:
    return np.random.default_rng(1).normal(5, 2, (rows, columns))


@pytest.mark.parametrize("subfolder", ["", "airfoil"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_found_and_standardised_over_all_rows(
    suffix: str, subfolder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = a_table()
    (tmp_path / subfolder).mkdir(exist_ok=True)
    np.savetxt(tmp_path / subfolder / f"{FILE}{suffix}", table)  # savetxt gzips what ends in .gz
    monkeypatch.setenv("ONEPASS_DATA", str(tmp_path))
    for data in (airfoil(tmp_path), airfoil()):
        assert (data.features.shape, data.targets.shape, len(data)) == ((1500, 5), (1500,), 1500)
        back = np.column_stack([data.features, data.targets]) * table.std(axis=0) + table.mean(axis=0)
        np.testing.assert_allclose(back, table[:1500], rtol=1e-12)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (a_table(rows=1499), "holds 1499 x 6 numbers, not at least 1500 x 6"),
        (a_table(columns=5), "holds 1503 x 5 numbers"),
        (np.where(np.arange(6) == 2, 7.0, a_table()), "column 2 has the same number in every row"),
        (np.where(np.arange(6) == 4, np.nan, a_table()), "holds an infinity or a NaN"),
    ],
)
def test_a_table_that_is_not_the_one(table: np.ndarray, message: str, tmp_path: Path) -> None:
    np.savetxt(tmp_path / FILE, table)
    with pytest.raises(BadAirfoilFile, match=f"^{re.escape(str(tmp_path / FILE))}: {message}"):
        airfoil(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_of_something_else(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"{FILE}{suffix}"
    file.write_bytes(gzip.compress(b"800 zero 0.3\n") if suffix else b"800 zero 0.3\n")
    with pytest.raises(BadAirfoilFile, match=f"^{re.escape(str(file))}: .*zero"):
        airfoil(tmp_path)


def test_the_way_out_without_the_file(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"^The airfoil data: there is no {FILE} .* a problem is then generated$"
    ):
        airfoil(tmp_path)


def test_the_exact_minimum_of_the_measurements(airfoil_folder: Path) -> None:
    data = airfoil(airfoil_folder)
    assert exact_minimum(data) == pytest.approx(0.24168795509193775, abs=1e-14)
    spectrum = np.linalg.eigvalsh(data.features.T @ data.features / len(data))
    np.testing.assert_allclose(spectrum, SPECTRUM, atol=5e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_generated_problem_has_size_conditioning_and_minimum(seed: int) -> None:
    data = generated(seed)
    inputs = np.column_stack([data.features, np.ones(len(data))])
    assert inputs.shape == (1500, 6)
    np.testing.assert_allclose(np.linalg.eigvalsh(inputs.T @ inputs / 1500), sorted((*SPECTRUM, 1)), rtol=1e-12)
    assert exact_minimum(data) == pytest.approx(MINIMUM, rel=1e-12)
    solution = np.linalg.lstsq(inputs, data.targets, rcond=None)[0]
    assert np.linalg.norm(solution) == pytest.approx(np.linalg.norm(SOLUTION), rel=1e-12)
    assert solution[-1] == pytest.approx(0, abs=1e-12)


def test_the_generated_problem_depends_on_its_seed_alone() -> None:
    assert np.array_equal(generated(3).features, generated(3).features)
    assert not np.allclose(generated(3).features, generated(4).features)
