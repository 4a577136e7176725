"""The HTTP client of the service, used by the commands and by the tests."""
