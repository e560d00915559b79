"""The screens, driven like a user over real state files."""
