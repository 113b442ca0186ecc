"""What do the tests in this folder share? What is in checkpoint_files.py: pytest puts it on the path."""
