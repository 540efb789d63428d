"""The worker: claim, execute, settle, and what goes on beside."""
