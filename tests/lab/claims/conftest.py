"""What came of all claims? Tested once, shortened."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def outcomes() -> dict[str, object]:
    """By the claim's name."""
    pytest.importorskip("sklearn")
    from onepass.lab.claims.claim import Setup
    from onepass.lab.claims.registry import all_claims

    return {name: claim.experiment(Setup(quick=True)) for name, claim in all_claims().items()}
