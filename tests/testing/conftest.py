"""Fixtures of the tests of what is offered for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.project import Project, empty_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project."""
    return empty_project(tmp_path)
