"""A fresh repository for each test."""

from pathlib import Path

import pytest

from tests.integration.repository.tree import Tree, make_tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return make_tree(tmp_path)
