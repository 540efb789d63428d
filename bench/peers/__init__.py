"""One adapter for each system, all behind the same commands (``protocol.py``)."""
