"""What do the tests in these folders share? The functions and problems in this one: pytest puts it on the path."""
