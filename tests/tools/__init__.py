"""What only developers run, apart from the tests."""
