"""``python -m soniq``: the same as the command ``soniq``."""

from soniq.cli.main import run

if __name__ == "__main__":
    run()
