"""The data folders and services that the tests of the embedded Postgres share at every level."""

from tests.integration.embedded.conftest import empty_folder, folder, long_folder, made_folder, services

__all__ = ["empty_folder", "folder", "long_folder", "made_folder", "services"]
